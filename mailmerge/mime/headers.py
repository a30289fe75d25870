"""Header fields: names, texts and mailboxes -> whole fields, each ended by CRLF.

The standard library's encoder is not used: one cell can make it write a forged field
(CVE-2024-6923), and it turns a long URL into an encoded-word. The rules of this module:

* Control characters, line separators and half surrogate pairs are refused, with the field's name.
* ASCII stays as it is; a long word is written unfolded, up to the 998 bytes of a line
  (folding.py).
* Words outside ASCII, words that could be read as an encoded-word, and words that fit no line
  become encoded-words (encoded_words.py). The address of a mailbox never does; in a field of the
  campaign's own, nor does an ASCII address between single spaces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from unicodedata import name as character_name

from mailmerge.errors import MessageError
from mailmerge.language import marked, tr
from mailmerge.mime.encoded_words import encode_where_needed, encoded_words, is_plain
from mailmerge.mime.folding import LINE, fits_lines, fold
from mailmerge.recipients.address import Mailbox
from mailmerge.settings import NEVER_IN_A_LINE

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ADDR_CHARACTER = r"""[^\s\x00-\x20\x7f-\x9f\ud800-\udfff()<>\[\]:;@\\,"]"""
_ADDR_SPEC = re.compile(
    rf"""(?:{_ADDR_CHARACTER}+|"(?:[ !#-\[\]-~]|\\[ -~])*")@(?:{_ADDR_CHARACTER}+|\[[!-Z^-~]+\])"""
)
_DOT_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_MESSAGE_ID = re.compile(rf"<{_DOT_ATOM}@(?:{_DOT_ATOM}|\[[!-Z^-~]+\])>")
_FIELD_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322, 2.2
# Readers accept more than RFC 2047, 2 allows: an empty charset, or one with spaces.
_LIKE_ENCODED_WORD = re.compile(r"=\?[^?]*\?[BbQq]\?")

# Fields of URLs, tokens and message identifiers: an encoded-word may not stand in them.
_ASCII_ONLY = re.compile(
    "auto-submitted|content-(?:base|location)|feedback-id|in-reply-to"
    "|list-(?:archive|help|owner|post|subscribe)|list-unsubscribe(?:-post)?|precedence|references",
    re.IGNORECASE,
)

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# White space, zero-width characters, and those that only change the direction of writing.
_INVISIBLE = " \xa0\xad\u061c\u1680\u180e\u3000\ufeff" + "".join(
    map(chr, (*range(0x2000, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070)))
)


def check_line(field: str, value: str) -> None:
    """Refuse characters that must not occur in a header field, an address or a file name.

    Raises:
        MessageError: C0, DEL, C1, LS, PS or half a surrogate pair; the message has `field`, the
            name of a header field or a marked text.
    """
    if value.isascii() and value.isprintable():
        return
    found = NEVER_IN_A_LINE.search(value)
    if found is not None:
        raise MessageError(
            tr("{field} holds {found}", field=tr(field), found=_describe(found[0])),
            hint=tr("remove it from the cell or the template; a header field is one line of text"),
            code="control-character",
        )


def is_blank(text: str) -> bool:
    """Whether a text has no visible character; white space and zero-width characters are not."""
    return not text.strip(_INVISIBLE)


def _describe(character: str) -> str:
    if character in "\r\n":
        return tr("a line break")
    return tr(
        "the character U+{number:04X} {name}",
        number=ord(character),
        name=character_name(character, ""),
    ).rstrip()


def unstructured_field(name: str, value: str) -> bytes:
    """A field of free text, such as Subject or one of the campaign's own (RFC 5322, 3.6.5).

    Spaces around the value are dropped.

    Raises:
        MessageError: a control character; a character outside ASCII in a field of URLs or
            identifiers; a word longer than a line; or an invalid field name.
    """
    _check_name(name)
    value = value.strip(" ")
    if not is_plain(value):
        check_line(name, value)
    elif fits_lines(value, len(name) + len(": ")):
        return fold(name, value)
    if _ASCII_ONLY.fullmatch(name):
        _check_ascii(name, value)
    else:
        value = encode_where_needed(name, value)
    return fold(name, value)


@lru_cache(maxsize=256)  # the few names of a campaign
def _check_name(name: str) -> None:
    if not _FIELD_NAME.fullmatch(name):
        raise MessageError(tr("{name!r} is not a header field name", name=name), code="field-name")


def _check_ascii(name: str, value: str) -> None:
    found = next((character for character in value if not character.isascii()), "")
    if found or _LIKE_ENCODED_WORD.search(value):
        what = _describe(found) if found else tr("text that mail readers take for an encoded-word")
        raise MessageError(
            tr("{name} holds {what}", name=name, what=what),
            hint=tr("add the filter urlencode to the variable: {{ name|urlencode }}"),
            code="not-ascii",
        )


def mailbox_list_field(name: str, mailboxes: Sequence[Mailbox]) -> bytes:
    """Reply-To with one or more mailboxes, separated by commas (RFC 5322, 3.4 and 3.6.2).

    Raises:
        MessageError: as `mailbox_field`.
    """
    room = LINE - len(name) - len(": ")
    written = []
    for mailbox in mailboxes:
        written.append(_format_mailbox(mailbox, "", room))
        room = LINE - len(" ")
    return fold(name, ", ".join(written))


def mailbox_field(name: str, mailbox: Mailbox, display_name: str = "") -> bytes:
    """From or To with one mailbox (RFC 5322, 3.6.2 and 3.6.3).

    Raises:
        MessageError: a control character in the name, or an address that is not one.
    """
    return fold(name, _format_mailbox(mailbox, display_name, LINE - len(name) - len(": ")))


def _format_mailbox(mailbox: Mailbox, display_name: str, room: int) -> str:
    """`Name <address>` as a header field holds it, before folding (RFC 5322, 3.4).

    The name is `display_name`, or else the mailbox's own; only the name is ever encoded. The domain
    is written as A-labels, unless the local part needs SMTPUTF8 anyway (RFC 6532). `room` is what
    the field's name leaves of the first line.
    """
    address = mailbox.address if mailbox.needs_smtputf8 else mailbox.forward_path
    if not _ADDR_SPEC.fullmatch(address):
        raise MessageError(
            tr("{address!r} is not an address", address=address), code="not-an-address"
        )
    name = (display_name or mailbox.display_name).strip(" ")
    return f"{_phrase(name, room)} <{address}>" if name else address


def _phrase(name: str, room: int) -> str:
    if not is_plain(name):
        check_line(marked("the display name"), name)
        return " ".join(encoded_words(name, room))
    phrase = name if _ATOMS.fullmatch(name) else quoted_string(name)
    if fits_lines(phrase, LINE - room):
        return phrase
    return " ".join(encoded_words(name, room))


def quoted_string(text: str) -> str:
    """Printable ASCII in quotes (RFC 5322, 3.2.4)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def date_field(date: datetime) -> bytes:
    """Date (RFC 5322, 3.3 and 3.6.1), in English in every locale.

    Raises:
        MessageError: the date has no offset from UTC.
    """
    offset = date.utcoffset()
    if offset is None:
        raise MessageError(tr("the date has no time zone"), code="no-time-zone")
    return _date_field(date.replace(tzinfo=None), offset)


@lru_cache(maxsize=16)  # recipients that are claimed together have one date
def _date_field(date: datetime, offset: timedelta) -> bytes:
    """The field of a local time and its offset from UTC."""
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
        MessageError: the text is not a message identifier.
    """
    if "=?" in message_id or not _MESSAGE_ID.fullmatch(message_id):
        raise MessageError(
            tr("{message_id!r} is not <left@right>", message_id=message_id), code="not-a-message-id"
        )
    return fold("Message-ID", message_id)


def make_message_id(secret: bytes, campaign: str, key: str, domain: str) -> str:
    """The Message-ID of one recipient in one campaign: the same for every attempt.

    The address does not appear in it: the left part is 128 bits of keyed BLAKE2b in hexadecimal
    (RFC 7693, 2.5).

    Args:
        secret: at most 64 bytes.
        campaign: the name of the campaign.
        key: the recipient's key.
        domain: the domain of the sender, as A-labels.
    """
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    identity = f"{len(campaign)}:{campaign}{key}".encode()
    left = blake2b(identity, key=secret, digest_size=16).hexdigest()
    return f"<{left}@{domain}>"


def header_block(fields: Sequence[bytes]) -> bytes:
    """Join fields, and count them in the resulting bytes as a reader would.

    Each field begins one line. Any other line that does not continue one would be a forged field,
    or the end of the header. The functions above exclude that; this is a second, independent check.

    Raises:
        MessageError: a reader would find more or fewer fields, or there is a bare CR or LF.
    """
    block = b"".join(fields)
    lines = block.count(b"\r\n")
    begun = lines - block.count(b"\r\n ")
    if not (begun == len(fields) and block.count(b"\n") == block.count(b"\r") == lines):
        raise MessageError(
            tr("the header would hold a field that is not part of this message"),
            hint=tr("look for line breaks in the cells of this row"),
            code="forged-field",
        )
    return block
