"""Header fields -> folded octets (RFC 5322, 2.2; RFC 2047; RFC 2231); Message-ID and Date.

In go names, texts and mailboxes; out come whole fields, each ended by CRLF. The encoder is our own
and not the standard library's, which can be made to write a forged field from one cell
(CVE-2024-6923) and turns a long URL into an encoded-word. What it writes:

* No control character, line separator or half surrogate pair: they are refused by name.
* ASCII stays as it is; a long word is written unfolded, up to the 998 octets of a line. Lines are
  folded at single spaces only: where a fold falls into a run of them, some readers make one of it.
* Words outside ASCII, words that could be read as an encoded-word, and words that fit no line
  become encoded-words of at most 75 octets that never part a character. The address of a mailbox
  never does; in a field of the campaign's own, nor does one in ASCII between single spaces.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from unicodedata import name as character_name
from urllib.parse import quote

from mailmerge.campaign import NEVER_IN_A_LINE
from mailmerge.errors import MessageError
from mailmerge.recipients.address import Mailbox

_LINE = 76  # RFC 2047, 2: a line that holds an encoded-word; RFC 5322 would allow 78
_LONGEST_LINE = 998  # RFC 5322, 2.1.1
_ENCODED_WORD = 75  # RFC 2047, 2
_AROUND_TEXT = len("=?utf-8?q??=")
_FITS_ANY_LINE = 900  # octets of a value, whatever the field is called
_LEAST_ROOM = 30  # with less than that left in a line, an encoded-word begins a new one

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ADDR_CHARACTER = r"""[^\s\x00-\x20\x7f-\x9f\ud800-\udfff()<>\[\]:;@\\,"]"""
_ADDR_SPEC = re.compile(
    rf"""(?:{_ADDR_CHARACTER}+|"(?:[ !#-\[\]-~]|\\[ -~])*")@(?:{_ADDR_CHARACTER}+|\[[!-Z^-~]+\])"""
)
_DOT_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_MESSAGE_ID = re.compile(rf"<{_DOT_ATOM}@(?:{_DOT_ATOM}|\[[!-Z^-~]+\])>")
_FIELD_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322, 2.2
_SINGLE_SPACE = re.compile(r"(?<! ) (?! )")
# Readers are laxer than RFC 2047, 2: an empty charset or one with spaces is decoded, too.
_LIKE_ENCODED_WORD = re.compile(r"=\?[^?]*\?[BbQq]\?")

# Fields of URLs, tokens and message identifiers: an encoded-word has no place there.
_ASCII_ONLY = re.compile(
    "auto-submitted|content-(?:base|location)|feedback-id|in-reply-to"
    "|list-(?:archive|help|owner|post|subscribe)|list-unsubscribe(?:-post)?|precedence|references",
    re.IGNORECASE,
)

# RFC 2047, 5 (3): what stands for itself in a phrase, and so everywhere.
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
_Q = [
    "_" if octet == 0x20 else chr(octet) if octet in _SAFE else f"={octet:02X}"
    for octet in range(256)
]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def check_line(field: str, value: str) -> None:
    """Refuse what must not stand in a header field, an address or a file name.

    Raises:
        MessageError: C0, DEL, C1, LS, PS or half a surrogate pair; the message names the field.
    """
    if value.isascii() and value.isprintable():
        return
    found = NEVER_IN_A_LINE.search(value)
    if found is not None:
        raise MessageError(
            f"{field} holds {_described(found[0])}",
            hint="remove it from the cell or the template; a header field is one line of text",
            code="control-character",
        )


# White space, what has no width, and what only turns the direction of writing.
_UNSEEN = " \xa0\xad\u061c\u1680\u180e\u3000\ufeff" + "".join(
    map(chr, (*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070)))
)


def is_blank(text: str) -> bool:
    """Whether nothing of a text is seen: no-break spaces and characters of no width are not."""
    return not text.strip(_UNSEEN)


def _described(character: str) -> str:
    if character in "\r\n":
        return "a line break"
    return f"the character U+{ord(character):04X} {character_name(character, '')}".rstrip()


def unstructured_field(name: str, value: str) -> bytes:
    """A field of free text, such as Subject or one of the campaign's own (RFC 5322, 3.6.5).

    Spaces around the value are dropped.

    Raises:
        MessageError: a control character; in a field that holds URLs or identifiers a character
            outside ASCII, or a word longer than a line; or a name that is none.
    """
    _check_name(name)
    value = value.strip(" ")
    if not _is_plain(value):
        check_line(name, value)
    elif len(value) <= _FITS_ANY_LINE or _fits(value, _LONGEST_LINE - len(name) - len(": ")):
        return folded(name, value)
    if _ASCII_ONLY.fullmatch(name):
        _check_ascii(name, value)
    else:
        value = _with_encoded_words(name, value)
    return folded(name, value)


@lru_cache(maxsize=256)
def _check_name(name: str) -> None:
    if not _FIELD_NAME.fullmatch(name):
        raise MessageError(f"{name!r} is not a header field name", code="field-name")


def _is_plain(text: str) -> bool:
    """Printable ASCII that nobody can read as an encoded-word."""
    return text.isascii() and text.isprintable() and "=?" not in text


def _fits(text: str, room: int) -> bool:
    """Whether each of the pieces between which a text may be folded has that much room."""
    return max(map(len, _SINGLE_SPACE.split(text))) <= room


def _check_ascii(name: str, value: str) -> None:
    found = next((character for character in value if not character.isascii()), "")
    if found or _LIKE_ENCODED_WORD.search(value):
        what = _described(found) if found else "what a mail reader takes for an encoded-word"
        raise MessageError(
            f"{name} holds {what}",
            hint="write |urlencode behind the variable: {{ name|urlencode }}",
            code="not-ascii",
        )


def mailbox_field(name: str, mailbox: Mailbox, display_name: str = "") -> bytes:
    """From, To or Reply-To with one mailbox (RFC 5322, 3.6.2 and 3.6.3).

    Raises:
        MessageError: a control character in the name, or an address that is none.
    """
    return folded(name, format_mailbox(mailbox, display_name, room=_LINE - len(name) - len(": ")))


def format_mailbox(
    mailbox: Mailbox, display_name: str = "", *, room: int = _LINE - len("Reply-To: ")
) -> str:
    """`Name <address>` as a header field wants it, before folding (RFC 5322, 3.4).

    The name is `display_name`, or else the mailbox's own; only the name is ever encoded. The domain
    is written as A-labels, unless the local part needs SMTPUTF8 anyway (RFC 6532). `room` is what
    the field's name leaves of the first line.

    Raises:
        MessageError: a control character in the name, or an address that is none.
    """
    address = mailbox.address if mailbox.needs_smtputf8 else mailbox.forward_path
    if not _ADDR_SPEC.fullmatch(address):
        raise MessageError(f"{address!r} is not an address", code="not-an-address")
    name = (display_name or mailbox.display_name).strip(" ")
    return f"{_phrase(name, room)} <{address}>" if name else address


def _phrase(name: str, room: int) -> str:
    if not _is_plain(name):
        check_line("the display name", name)
        return " ".join(encoded_words(name, room))
    phrase = name if _ATOMS.fullmatch(name) else quoted_string(name)
    if len(phrase) <= _FITS_ANY_LINE or _fits(phrase, _LONGEST_LINE - _LINE + room):
        return phrase
    return " ".join(encoded_words(name, room))


def quoted_string(text: str) -> str:
    """Printable ASCII in quotes (RFC 5322, 3.2.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def date_field(date: datetime) -> bytes:
    """Date (RFC 5322, 3.3 and 3.6.1), in English whatever the locale.

    Raises:
        MessageError: the date says nothing about its offset from UTC.
    """
    offset = date.utcoffset()
    if offset is None:
        raise MessageError("the date has no time zone", code="no-time-zone")
    return _date_field(date.replace(tzinfo=None), offset)


@lru_cache(maxsize=16)  # people who are claimed together have one date
def _date_field(date: datetime, offset: timedelta) -> bytes:
    """The field of a local time, so far from UTC."""
    # A local mean time of the 19th century may have seconds, for which +hhmm has no place.
    minutes, seconds = divmod(offset, timedelta(minutes=1))
    date -= seconds
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    return (
        f"Date: {_DAYS[date.weekday()]}, {date.day:02} {_MONTHS[date.month - 1]} {date.year:04}"
        f" {date.hour:02}:{date.minute:02}:{date.second:02} {sign}{hours:02}{minutes:02}\r\n"
    ).encode("ascii")


def message_id_field(message_id: str) -> bytes:
    """Message-ID (RFC 5322, 3.6.4), of `<left@right>`.

    Raises:
        MessageError: the text is no message identifier.
    """
    if "=?" in message_id or not _MESSAGE_ID.fullmatch(message_id):
        raise MessageError(f"{message_id!r} is not <left@right>", code="not-a-message-id")
    return folded("Message-ID", message_id)


def make_message_id(secret: bytes, campaign: str, key: str, domain: str) -> str:
    """The Message-ID of one person in one campaign: the same for every try, and no address in it.

    `domain` is the sender's, as A-labels; `secret` has 64 octets at most. The left part is 128 bits
    of keyed BLAKE2b in hexadecimal (RFC 7693, 2.5).
    """
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    whose = f"{len(campaign)}:{campaign}{key}".encode()
    left = blake2b(whose, key=secret, digest_size=16).hexdigest()
    return f"<{left}@{domain}>"


def folded(name: str, value: str) -> bytes:
    """A field, folded at spaces into lines of 76 characters where possible (RFC 5322, 2.2.3).

    The first word stays behind the name, also where it is long: some readers, the standard library
    among them, take an empty first line for a part of the value. Where an address is UTF-8, the 76
    are characters and the 998 octets (RFC 6532, 3.4).

    Raises:
        MessageError: a word makes a line longer than 998 octets.
    """
    if len(name) + len(value) + len(": ") <= _LINE:
        return f"{name}: {value}\r\n".encode()
    lines = [line.encode() for line in _lines(name, value)]
    longest = max(lines, key=len)
    if len(longest) > _LONGEST_LINE:
        which = "with its name the line" if longest is lines[0] else "a line of it"
        raise MessageError(
            f"{name} is too long: {which} has {len(longest)} octets, and {_LONGEST_LINE} are the"
            " limit",
            hint="shorten it",
            code="field-too-long",
        )
    return b"\r\n".join([*lines, b""])


def _lines(name: str, value: str) -> list[str]:
    """The lines of a field; all but the first begin with the single space at which it is folded."""
    first, *words = _SINGLE_SPACE.split(value) if "  " in value else value.split(" ")
    lines: list[str] = []
    line = f"{name}: {first}"
    for word in words:
        if len(line) + len(" ") + len(word) <= _LINE:
            line += f" {word}"
        else:
            lines.append(line)
            line = f" {word}"
    lines.append(line)
    return lines


def _with_encoded_words(name: str, text: str) -> str:
    """Encode the runs of words that need it; leave the words around them alone."""
    words = text.split(" ")
    written: list[str] = []
    done, column = 0, len(name) + len(": ")
    for first, end in _needy_runs(words, _LONGEST_LINE - column):
        between = words[done:first]
        column += _length(between)
        # Behind other words a new line can be begun; behind the name of the field it cannot.
        room = _LINE - column if first else max(_LINE - column, _LEAST_ROOM)
        encoded = encoded_words(" ".join(words[first:end]), room)
        column += _length(encoded)
        written += [*between, *encoded]
        done = end
    return " ".join([*written, *words[done:]])


def _length(words: list[str]) -> int:
    """The length of some words with a space behind each."""
    return sum(map(len, words)) + len(words)


def _needy_runs(words: list[str], longest: int) -> list[tuple[int, int]]:
    """From where to where words become encoded-words, each run followed by a word that does not.

    What stands between two needy words is taken in, unless an address is there. An empty word is
    one of several spaces in a row: those are sure to be read as they are in an encoded-word only.
    """
    needy = [
        place
        for place, word in enumerate(words)
        if not word or not word.isascii() or "=?" in word or len(word) > longest
    ]
    runs: list[tuple[int, int]] = []
    for place in needy:
        start = place if words[place] else place - 1
        if runs and "@" not in "".join(words[runs[-1][1] : start]):
            start = runs.pop()[0]
        runs.append((start, place + 1))
    return runs


def encoded_words(text: str, room: int = _ENCODED_WORD) -> list[str]:
    """Encoded-words of at most 75 octets, the first of at most `room` (RFC 2047, 2 and 5).

    Q where most of the text can be read as it stands, else B. Read one after the other, they give
    the text. Where `room` is too little for a word, the first one has to begin a new line.
    """
    octets = text.encode()
    quoted = len(octets) + 2 * len(octets.translate(None, _SAFE + b" "))
    first = min(room if room >= _LEAST_ROOM else _ENCODED_WORD, _ENCODED_WORD) - _AROUND_TEXT
    further = _ENCODED_WORD - _AROUND_TEXT
    if quoted * 2 <= len(octets) * 3:
        parted = [text] if quoted <= first else _parted(text, first, further, _quoted_length)
        return [f"=?utf-8?q?{_quoted(part)}?=" for part in parted]
    first = first // 4 * 3
    parted = (
        [text] if len(octets) <= first else _parted(text, first, further // 4 * 3, _utf8_length)
    )
    return [f"=?utf-8?b?{base64.b64encode(part.encode()).decode('ascii')}?=" for part in parted]


def _quoted(text: str) -> str:
    return "".join([_Q[octet] for octet in text.encode()])


@lru_cache(maxsize=4096)
def _quoted_length(character: str) -> int:
    return len(_quoted(character))


def _utf8_length(character: str) -> int:
    return len(character.encode())


def _parted(text: str, first: int, further: int, length: Callable[[str], int]) -> Iterable[str]:
    """Part a text between characters, so that each part is at most that long when written."""
    start, room = 0, first
    for place, character in enumerate(text):
        needed = length(character)
        if needed > room:
            yield text[start:place]
            start, room = place, further
        room -= needed
    yield text[start:]


def parameter(name: str, value: str) -> list[str]:
    """A parameter of a MIME field (RFC 2045, 5.1), with RFC 2231 where the value is not plain.

    Returns: one text, or several where the value is continued (RFC 2231, 3); each fits a line.
    """
    if _is_plain(value):
        return [f"{name}={quoted_string(value)}"]
    whole = f"{name}*=utf-8''{_percent(value)}"
    if len(whole) < _LINE - 1:
        return [whole]
    room = _LINE - len(f" {name}*00*=;")
    parts = _parted(value, room - len("utf-8''"), room, lambda character: len(_percent(character)))
    sections = [_percent(part) for part in parts]
    sections[0] = f"utf-8''{sections[0]}"
    return [f"{name}*{number}*={section}" for number, section in enumerate(sections)]


def _percent(text: str) -> str:
    return quote(text, safe="!#$&+-.^_`{|}~")


def name_parameter(value: str) -> list[str]:
    """`name` of Content-Type, for readers that do not know RFC 2231 or look at no disposition.

    RFC 2047, 5 forbids encoded-words in quotes. Gmail, Outlook and nodemailer write them here all
    the same, because old Outlook and some web mailers show the file under this name and read
    nothing else; readers of our time take the file name of Content-Disposition, which keeps to
    RFC 2231.
    """
    if _is_plain(value):
        return [f"name={quoted_string(value)}"]
    words = "\r\n ".join(encoded_words(value, _LINE - len(' name="";')))
    return [f'name="{words}"']


def parameterised_field(name: str, value: str, *parameters: str) -> bytes:
    """Content-Type or Content-Disposition: each parameter on the line where it fits."""
    lines = [f"{name}: {value}"]
    for text in parameters:
        lines[-1] += ";"
        if len(lines[-1]) + len(text) + 2 <= _LINE:
            lines[-1] += f" {text}"
        else:
            lines.append(f" {text}")
    return "\r\n".join([*lines, ""]).encode("ascii")
