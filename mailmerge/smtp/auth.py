"""Log-in mechanisms as generators: challenge in, response out (RFC 4954; SASL, RFC 4422). Sans-IO.

A generator first gives its initial response, or None where the server speaks first; then each
decoded challenge is sent in and the response comes out. Base64 is the caller's. When a generator
ends, the server has asked one question too many.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from mailmerge.errors import AuthenticationRefused, LocalProtocolError, RemoteProtocolError

Exchange: TypeAlias = Generator[bytes | None, bytes, None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """How to log in: a password, or an OAuth 2 access token. Neither is ever shown.

    `mechanism` forces one, such as "login"; empty means the best that is offered.
    `allow_plain_text` lets them go over a connection without TLS, to this very machine only.
    """

    username: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    mechanism: str = ""
    allow_plain_text: bool = False


def plain(credentials: Credentials) -> Exchange:
    """message = [authzid] NUL authcid NUL passwd (RFC 4616, 2)."""
    if "\0" in credentials.username + credentials.password:
        raise LocalProtocolError("a user name or password with NUL in it cannot be sent")
    yield f"\0{credentials.username}\0{credentials.password}".encode()


def login(credentials: Credentials) -> Exchange:
    """Two questions whose texts differ from server to server and mean nothing."""
    yield None
    yield credentials.username.encode()
    yield credentials.password.encode()


def cram_md5(credentials: Credentials) -> Exchange:
    """The user name and an HMAC of the challenge (RFC 2195, 2)."""
    challenge = yield None
    digest = hmac.new(credentials.password.encode(), challenge, hashlib.md5).hexdigest()
    yield f"{credentials.username} {digest}".encode()


def xoauth2(credentials: Credentials) -> Exchange:
    """The token in the form that came before OAUTHBEARER; a challenge is the error's JSON."""
    yield f"user={credentials.username}\x01auth=Bearer {credentials.token}\x01\x01".encode()
    yield b""


def oauthbearer(credentials: Credentials) -> Exchange:
    """The token after a GS2 header; the error's JSON is answered with %x01 (RFC 7628, 3.2.3)."""
    username = credentials.username.replace("=", "=3D").replace(",", "=2C")
    yield f"n,a={username},\x01auth=Bearer {credentials.token}\x01\x01".encode()
    yield b"\x01"


MECHANISMS: Final[Mapping[str, Callable[[Credentials], Exchange]]] = MappingProxyType(
    {
        "PLAIN": plain,
        "LOGIN": login,
        "CRAM-MD5": cram_md5,
        "XOAUTH2": xoauth2,
        "OAUTHBEARER": oauthbearer,
    }
)

# RFC 4954 wants PLAIN over TLS everywhere; LOGIN is for where PLAIN is missing. CRAM-MD5 needs the
# password itself stored at the server, so many servers that offer it cannot do it.
_WITH_TOKEN: Final = ("OAUTHBEARER", "XOAUTH2")
_OVER_TLS: Final = ("PLAIN", "LOGIN", "CRAM-MD5")
_IN_CLEAR: Final = ("CRAM-MD5", "PLAIN", "LOGIN")


def choose_mechanisms(
    credentials: Credentials, offered: tuple[str, ...], *, secure: bool
) -> tuple[str, ...]:
    """The mechanisms to try, best first.

    Raises:
        AuthenticationRefused: the server offers none that goes with these credentials.
    """
    preferred: tuple[str, ...] = (
        _WITH_TOKEN if credentials.token else _OVER_TLS if secure else _IN_CLEAR
    )
    if credentials.mechanism:
        preferred = (credentials.mechanism.upper(),)
    chosen = tuple(name for name in preferred if name in offered and name in MECHANISMS)
    if not chosen:
        raise AuthenticationRefused(
            f"the server offers {' '.join(offered) or 'no log-in'}, and not {' '.join(preferred)}",
            hint="leave out username if this server wants none"
            if not offered
            else "an OAuth 2 token goes with token_command, a password with password_command",
            code="no-mechanism",
        )
    return chosen


def encode(response: bytes) -> str:
    """A response as it is written: base64 in one line."""
    return binascii.b2a_base64(response, newline=False).decode()


def decode(challenge: str) -> bytes:
    """The octets of a challenge.

    Raises:
        RemoteProtocolError: it is no base64 (RFC 4954, 4: strictly).
    """
    try:
        return binascii.a2b_base64(challenge, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise RemoteProtocolError(
            f'the challenge "{challenge}" is not base64', code="malformed-challenge"
        ) from error
