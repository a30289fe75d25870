"""The sentences of the SMTP library, in the language of the user.

The library imports nothing of mailmerge, so its sentences are English. `translated` recognises a
sentence by its template, takes the values out of it, and fills them into the translation. A
sentence that it does not know, such as a server's reply, stays as it is.

The ledger keeps sentences as the library wrote them. So the status shows them in the language of
the day on which it is read.
"""

from __future__ import annotations

import functools
import re
from typing import Final

from mailmerge.language import ENGLISH, language, marked, tr

_TEMPLATES: Final = (
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
    # messages that this server cannot take
    marked("the message has {size} bytes, and the server takes {limit} (SIZE)"),
    marked("the message has {count} recipients, and the server takes {limit} (LIMITS)"),
    marked("an address or a header field is not ASCII, and the server has no SMTPUTF8"),
    marked("the message has bytes over 127, and the server has no 8BITMIME"),
)

_AWAITED: Final = (
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
"""Values of the templates that are words."""


def translated(text: str) -> str:
    """A sentence of the library, or a constant of this program, in the language of the user."""
    if language() == ENGLISH or not text:
        return text
    constant = tr(text)
    if constant != text:
        return constant
    for template, pattern in _patterns():
        if found := pattern.fullmatch(text):
            values = {name: _value(value) for name, value in found.groupdict().items()}
            return tr(template, **values) if values else tr(template)
    return text


def _value(text: str) -> str:
    return tr(text) if text in _AWAITED else text


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((template, _pattern(template)) for template in _TEMPLATES)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    parts[::2] = map(re.escape, parts[::2])
    parts[1::2] = [f"(?P<{name}>.*)" for name in parts[1::2]]
    return re.compile("".join(parts), re.DOTALL)
