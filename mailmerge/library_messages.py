"""The messages of libraries that users see, in the language of the user.

tomllib, Jinja2, pydantic, email-validator, mailmerge.smtp, SQLite and the operating system explain
errors in English. Their messages are listed here as templates: `{name}` stands for what differs. A
message that fits a template is translated; any other one is shown as it is. In English every
message stays the same.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from mailmerge.language import ENGLISH, language, marked, tr, trn
from mailmerge.portable.files import may_be_held

_LONGEST: Final = 2_000
"""A longer message, such as the reply of a hostile server, is not compared with the templates."""

_TOML: Final = (
    marked("the text is not closed"),
    marked("cannot declare {key} twice"),
    marked("cannot mutate immutable namespace {key}"),
    marked("cannot overwrite a value"),
    marked("cannot redefine namespace {key}"),
    marked("duplicate inline table key {key}"),
    marked("escaped character is not a Unicode scalar value"),
    marked("expected '=' after a key in a key/value pair"),
    marked("expected ']' at the end of a table declaration"),
    marked("expected ']]' at the end of an array declaration"),
    marked("expected newline or end of document after a statement"),
    marked("expected {sign}"),
    marked("found invalid character {sign}"),
    marked("illegal character {sign}"),
    marked("invalid date or datetime"),
    marked("invalid hex value"),
    marked("invalid initial character for a key part"),
    marked("invalid statement"),
    marked("invalid value"),
    marked("unclosed array"),
    marked("unclosed inline table"),
    marked("unescaped '\\' in a string"),
    marked("unterminated string"),
)
"""The messages of tomllib, with a small letter first, and the one that replaces its worst."""

_JINJA: Final = (
    marked("syntax error"),
    marked("unexpected character {sign}"),
    marked(
        "Encountered unknown tag {tag}. Jinja was looking for the following tags: {tags}. The "
        "innermost block that needs to be closed is {block}"
    ),
    marked(
        "Encountered unknown tag {tag}. You probably made a nesting mistake. Jinja is expecting "
        "this tag, but currently looking for {tags}. The innermost block that needs to be closed "
        "is {block}"
    ),
    marked("Encountered unknown tag {tag}"),
    marked(
        "Unexpected end of template. Jinja was looking for the following tags: {tags}. The "
        "innermost block that needs to be closed is {block}"
    ),
    marked("Unexpected end of template"),
    marked("unexpected end of template, expected {wanted}"),
    marked("expected token {wanted}, got {found}"),
    marked("unexpected {found}, expected {wanted}"),
    marked("unexpected {found}"),
    marked("Expected an expression, got {found}"),
    marked("expected name or number"),
    marked("expected subscript expression"),
    marked("expected call"),
    marked("tag name expected"),
    marked("chunk after expression"),
    marked("Missing end of comment tag"),
    marked("Missing end of raw directive"),
    marked("invalid syntax for function call expression"),
    marked("Invalid character in identifier"),
    marked("You cannot chain multiple tests with is"),
    marked("non-default argument follows default argument"),
    marked("can't assign to {target}"),
    marked("Can't assign to special loop variable in for-loop target"),
    marked("block {name} defined twice"),
    marked("cannot use extend from a non top-level scope"),
    marked("Required blocks can only contain comments or whitespace"),
    marked("names starting with an underline can not be imported"),
    marked("No filter named {name}"),
    marked("No test named {name}"),
)
"""The messages of Jinja2's parser, without the full stop at the end."""

_TOKENS: Final = (
    marked("begin of comment"),
    marked("end of comment"),
    marked("comment"),
    marked("begin of statement block"),
    marked("end of statement block"),
    marked("begin of print statement"),
    marked("end of print statement"),
    marked("begin of line statement"),
    marked("end of line statement"),
    marked("template data / text"),
    marked("end of template"),
)
"""What Jinja2 calls the parts of a template."""

_PYDANTIC: Final = (
    marked("expected a valid string"),
    marked("expected a valid number"),
    marked("expected a valid integer"),
    marked("expected a valid boolean"),
    marked("expected a valid list"),
    marked("expected a valid tuple"),
    marked("expected a valid dictionary"),
    marked("expected a finite number"),
    marked("expected greater than or equal to {limit}"),
    marked("expected less than or equal to {limit}"),
    marked("expected greater than {limit}"),
    marked("expected less than {limit}"),
    marked("String should have at most {limit} characters"),
    marked("String should have at most {limit} character"),
    marked("String should have at least {limit} characters"),
    marked("String should have at least {limit} character"),
    marked("String should match pattern {pattern}"),
    marked("expected {choices} or {last}"),
    marked("expected {choice}"),
)
"""The messages of pydantic, with "expected" instead of "Input should be"."""

_ADDRESSES: Final = (
    marked("An email address must have an @-sign"),
    marked("There must be something before the @-sign"),
    marked("There must be something after the @-sign"),
    marked("The email address contains an invalid character"),
    marked("The email address contains unsafe characters: {characters}"),
    marked("The email address contains invalid characters before the @-sign: {characters}"),
    marked("The email address contains invalid characters before the @-sign"),
    marked(
        "The email address contains invalid characters in quotes before the @-sign: {characters}"
    ),
    marked("Extra character(s) found after close quote: {characters}"),
    marked("There can't be anything after the email address"),
    marked("The part after the @-sign contains invalid characters: {characters}"),
    marked("The part after the @-sign contains invalid characters ({reason})"),
    marked(
        "The part after the @-sign contains invalid characters after Unicode normalization: "
        "{characters}"
    ),
    marked("The email address contains invalid characters after the @-sign after IDNA encoding"),
    marked("The part after the @-sign is invalid ({reason})"),
    marked("The part after the @-sign is not valid. It should have a period"),
    marked("The part after the @-sign is not valid. It is not within a valid top-level domain"),
    marked("The part after the @-sign is not valid IDNA ({reason})"),
    marked(
        "The part after the @-sign is a special-use or reserved name that cannot be used with email"
    ),
    marked("An email address cannot have a period immediately after the @-sign"),
    marked("An email address cannot have a hyphen immediately after the @-sign"),
    marked("An email address cannot end with a period"),
    marked("An email address cannot end with a hyphen"),
    marked("An email address cannot start with a period"),
    marked("An email address cannot have a period immediately before the @-sign"),
    marked("An email address cannot have two periods in a row"),
    marked("An email address cannot have a period and a hyphen next to each other"),
    marked(
        "An email address cannot have two letters followed by two dashes immediately after the "
        "@-sign or after a period, except Punycode"
    ),
    marked("The email address is too long before the @-sign ({count} too many)"),
    marked("The email address is too long after the @-sign ({count} too many)"),
    marked("The email address is too long after the @-sign ({count} too many after IDNA encoding)"),
    marked(
        "The part after the @-sign became invalid after normalizing to international characters "
        "({reason})"
    ),
    marked("The email address is too long ({count} too many)"),
    marked(
        "After the @-sign, periods cannot be separated by so many characters ({count} too many)"
    ),
    marked("Quoting the part before the @-sign is not allowed here"),
    marked("A bracketed IP address after the @-sign is not allowed here"),
    marked("A display name and angle brackets around the email address are not permitted here"),
    marked("After Unicode normalization: {reason}"),
)
"""The messages of email-validator, without the full stop at the end."""

_SYSTEM: Final = (
    marked("Permission denied"),
    marked("Operation not permitted"),
    marked("No such file or directory"),
    marked("Is a directory"),
    marked("Not a directory"),
    marked("File exists"),
    marked("File name too long"),
    marked("Too many levels of symbolic links"),
    marked("Too many open files"),
    marked("No space left on device"),
    marked("Disk quota exceeded"),
    marked("Read-only file system"),
    marked("Input/output error"),
    marked("Invalid argument"),
    marked("Directory not empty"),
    marked("Device or resource busy"),
    marked("Stale file handle"),
    marked("Broken pipe"),
    marked("Address already in use"),
    marked("Connection refused"),
    marked("Connection reset by peer"),
    marked("Connection timed out"),
    marked("Network is unreachable"),
    marked("No route to host"),
    marked("Name or service not known"),
    marked("No address associated with hostname"),
    marked("Temporary failure in name resolution"),
)
"""The reasons of the operating system, as the C library gives them."""


_SMTP: Final = (
    # the connection
    marked("the name {host} is not known: {reason}"),
    marked("no connection to {host} port {port}: {reason}"),
    marked("no connection to the socket {path}: {reason}"),
    marked("no connection to the socket {path}: Python has no Unix sockets on this system"),
    marked("{file} cannot be read as certificates: {reason}"),
    marked("the connection broke in the TLS handshake with {host}: {reason}"),
    marked("the certificate of {host} is not trusted: {reason}"),
    marked("{host} does not speak TLS from the start on this port"),
    marked("the TLS handshake with {host} took more than {seconds} seconds"),
    marked("the TLS handshake with {host} failed: {reason}"),
    marked("the connection broke: {reason}"),
    marked("the connection is closed"),
    marked("the session is over"),
    marked("the server took no data for {seconds} seconds"),
    marked("{awaited} did not come within {seconds} seconds"),
    # the beginning of the session
    marked('the server does not take mail now: "{reply}"'),
    marked('the server refuses this session: "{reply}"'),
    marked('the server refuses the name {name} in EHLO: "{reply}"'),
    marked('the server did not start TLS, and nothing is sent in clear text: "{reply}"'),
    marked("{server} does not offer STARTTLS, and nothing is sent in clear text"),
    marked("the server sent more after its reply to STARTTLS, before TLS started"),
    # the log-in
    marked("the password was not sent, because this connection has no TLS"),
    marked("the server offers no log-in, and not {wanted}"),
    marked("the server offers {offered}, and not {wanted}"),
    marked("the mechanism {mechanism} needs a password, and a token is configured"),
    marked("the mechanism {mechanism} needs a token, and a password is configured"),
    marked("the {secret} holds a control character, or bytes that are not UTF-8"),
    marked("the challenge of CRAM-MD5 is empty"),
    marked('the challenge "{challenge}" is not base64'),
    marked('the server could not check the log-in now: "{reply}"'),
    marked('the log-in as {username} was refused: "{reply}" ({said})'),
    marked('the log-in as {username} was refused: "{reply}"'),
    # replies
    marked('the server sent a line that never ends: "{line}"'),
    marked('the server sent a line that is not an SMTP reply: "{line}"'),
    marked('the server sent a reply whose lines have different codes: "{line}"'),
    marked('the server sent a reply that never ends: "{line}"'),
    marked('the server sent a reply that no command asked for: "{reply}"'),
    marked("the server sent part of a reply that no command asked for"),
    marked('the server sent "{reply}" as {awaited}, which SMTP does not allow'),
    marked('the server closes the connection: "{reply}"'),
    marked('refused in the middle of the content: "{reply}"'),
    # commands and contents that SMTP does not allow
    marked("the content has a CR or LF alone"),
    marked("the content has a line of {size} bytes; the limit is {limit}"),
    marked("a command holds half of a surrogate pair"),
    marked("a command holds a control character"),
    marked("a command of {size} bytes; the limit is {limit}"),
    marked("{verb} needs a full domain or an address literal, and {name} is neither"),
    marked("LMTP must not be used on port 25 (RFC 2033, 5)"),
    # messages that this server cannot take
    marked("the message has {size} bytes, and the server takes {limit} (SIZE)"),
    marked("the message has {count} recipients, and the server takes {limit} (LIMITS)"),
    marked("an address or a header field is not ASCII, and the server has no SMTPUTF8"),
    marked("the message has bytes over 127, and the server has no 8BITMIME"),
)
"""The sentences of mailmerge.smtp, which imports nothing of mailmerge."""

_SMTP_WORDS: Final = (
    marked("the greeting"),
    marked("the reply to EHLO"),
    marked("the reply to STARTTLS"),
    marked("the reply to AUTH"),
    marked("the reply to MAIL"),
    marked("the reply to RCPT"),
    marked("the reply to DATA"),
    marked("the reply to the end of data"),
    marked("the reply to the lone dot"),
    marked("the reply to RSET"),
    marked("the reply to QUIT"),
    marked("the end of the connection after 421"),
    marked("username"),
    marked("password"),
    marked("token"),
)
"""Values in these sentences that are words."""


_WORDS: Final = frozenset((*_TOKENS, *_SMTP_WORDS, *_SYSTEM))
"""The values in messages that have translations."""


_SQLITE: Final = (
    marked("attempt to write a readonly database"),
    marked("database disk image is malformed"),
    marked("database is locked"),
    marked("database or disk is full"),
    marked("disk I/O error"),
    marked("file is not a database"),
    marked("unable to open database file"),
)
"""The reasons of SQLite that a full, damaged or protected disk causes."""


_READERS: Final = (
    marked("File is not a zip file"),
    marked("Bad magic number for central directory"),
    marked("Bad magic number for file header"),
    marked("Truncated central directory"),
    marked("Truncated file header"),
    marked("Bad CRC-32 for file {name}"),
    marked("That compression method is not supported"),
    marked("Expecting value: line {line} column {column} (char {place})"),
    marked("Expecting ',' delimiter: line {line} column {column} (char {place})"),
    marked("Expecting ':' delimiter: line {line} column {column} (char {place})"),
    marked(
        "Expecting property name enclosed in double quotes: "
        "line {line} column {column} (char {place})"
    ),
    marked("Unterminated string starting at: line {line} column {column} (char {place})"),
    marked("Invalid control character at: line {line} column {column} (char {place})"),
    marked("Extra data: line {line} column {column} (char {place})"),
    marked("Invalid \\escape: line {line} column {column} (char {place})"),
    marked("not well-formed (invalid token): line {line}, column {column}"),
    marked("no element found: line {line}, column {column}"),
    marked("mismatched tag: line {line}, column {column}"),
    marked("unclosed token: line {line}, column {column}"),
    marked("duplicate attribute: line {line}, column {column}"),
    marked("unbound prefix: line {line}, column {column}"),
)
"""The messages of the readers of ZIP, JSON and XML."""


def toml_message(message: str) -> str:
    """A message of tomllib, with a small letter first, in the language of the user."""
    return _translated(message, _TOML)


def jinja_message(message: str) -> str:
    """A message of Jinja2's parser, without its full stop, in the language of the user."""
    return _translated(message, _JINJA)


def pydantic_message(message: str) -> str:
    """A message of pydantic, with "expected" for "Input should be", in the language of the user."""
    return _translated(message, _PYDANTIC)


def address_message(message: str) -> str:
    """A message of email-validator, without its full stop, in the language of the user."""
    return _translated(message, _ADDRESSES)


def reader_message(message: str) -> str:
    """A message of zipfile, json or expat, in the language of the user."""
    return _translated(message, _READERS)


def system_reason(error: OSError) -> str:
    """Why the operating system refused something, in the language of the user."""
    return _translated(error.strerror or str(error), _SYSTEM)


def hint_for_held(error: OSError, otherwise: str = "", platform: str = sys.platform) -> str:
    """What to do about a file that cannot be opened; `otherwise` if no program can hold it."""
    if may_be_held(error, platform):
        return tr("close it in the program that has it open, such as Excel, and start again")
    return otherwise


def smtp_message(message: str) -> str:
    """A sentence of the SMTP library, or a constant of this program, in the language of the user.

    The ledger keeps both in English, and they are shown in the language of the day. A reply of a
    server stays as it is.
    """
    if language() == ENGLISH or not message:
        return message
    constant = tr(message)
    return constant if constant != message else _translated(message, _SMTP)


def sqlite_message(message: str) -> str:
    """A reason of SQLite in the language of the user."""
    return _translated(message, _SQLITE)


def _translated(message: str, templates: Sequence[str]) -> str:
    if language() == ENGLISH or len(message) > _LONGEST:
        return message
    for template, pattern in _patterns(tuple(templates)):
        found = pattern.fullmatch(message)
        if found is not None:
            values = {name: _in_words(value) for name, value in found.groupdict().items()}
            return tr(template, **values) if values else tr(template)
    return message


@cache
def _patterns(templates: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    return list(_compiled(templates))


def _compiled(templates: Sequence[str]) -> Iterator[tuple[str, re.Pattern[str]]]:
    for template in templates:
        pieces = re.split(r"\{(\w+)\}", template)
        pieces[::2] = map(re.escape, pieces[::2])
        pieces[1::2] = [f"(?P<{name}>.+)" for name in pieces[1::2]]
        yield template, re.compile("".join(pieces), re.DOTALL)


_SIZE: Final = re.compile(r"([0-9]{1,9}) (character|byte)s?")


def _in_words(value: str) -> str:
    """A value in a message: names of parts of a template and known reasons are translated."""
    size = _SIZE.fullmatch(value)
    if size is not None and size[2] == "byte":
        return trn("{count:,} byte", "{count:,} bytes", int(size[1]))
    if size is not None:
        return trn("{count:,} character", "{count:,} characters", int(size[1]))
    bare = value.strip("'")
    if bare in _WORDS:
        return tr(bare)
    return re.sub(r"(?<=') or (?=')", tr(" or "), value)
