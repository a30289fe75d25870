"""Log-in mechanisms as generators: challenge in, response out (RFC 4954; SASL, RFC 4422). Sans-IO.

A generator first yields its initial response, or None if the server speaks first. Then it receives
each decoded challenge and yields the response. The caller does base64. If a generator ends, the
server has sent one challenge too many.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from mailmerge.smtp.command import MAX_COMMAND_LINE
from mailmerge.smtp.errors import AuthenticationRefused, RemoteProtocolError
from mailmerge.smtp.reader import printable
from mailmerge.smtp.state import Stage

_Exchange: TypeAlias = Generator[bytes | None, bytes, None]


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name with a password or an OAuth 2 access token; `repr` shows neither secret.

    `mechanism` forces a mechanism, for example "login"; empty means the best that the server
    offers. `allow_plain_text` permits a log-in without TLS, but only to this machine.
    """

    username: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    mechanism: str = ""
    allow_plain_text: bool = False


CredentialSource: TypeAlias = Credentials | Callable[[], Credentials] | None
"""A log-in, or a function that is asked for it before each connection, or None for no log-in.

The function is for access tokens, which expire. What it raises reaches the caller of `open`.
"""


def _plain(credentials: Credentials) -> _Exchange:
    """message = [authzid] NUL authcid NUL passwd (RFC 4616, section 2)."""
    # No SASLprep: the server prepares both (RFC 4616, section 2). A server that compares bytes
    # would not recognise a password that was normalised here.
    yield f"\0{credentials.username}\0{credentials.password}".encode()


def _login(credentials: Credentials) -> _Exchange:
    """Answer two challenges, whose texts differ between servers and have no meaning."""
    yield None
    yield credentials.username.encode()
    yield credentials.password.encode()


def _cram_md5(credentials: Credentials) -> _Exchange:
    """Send the user name and an HMAC of the challenge (RFC 2195, section 2)."""
    challenge = yield None
    if not challenge:  # a server could replay an HMAC of an empty challenge
        raise RemoteProtocolError("the challenge of CRAM-MD5 is empty", code="malformed-challenge")
    digest = hmac.new(credentials.password.encode(), challenge, hashlib.md5).hexdigest()
    yield f"{credentials.username} {digest}".encode()


def _xoauth2(credentials: Credentials) -> _Exchange:
    """Send the token in Google's form; a challenge is the JSON of an error."""
    yield f"user={credentials.username}\x01auth=Bearer {credentials.token}\x01\x01".encode()
    yield b""


def _oauthbearer(credentials: Credentials) -> _Exchange:
    """Send the token after a GS2 header; answer an error's JSON with %x01 (RFC 7628, 3.2.3)."""
    username = credentials.username.replace("=", "=3D").replace(",", "=2C")
    yield f"n,a={username},\x01auth=Bearer {credentials.token}\x01\x01".encode()
    yield b"\x01"


_MECHANISMS: Final[Mapping[str, Callable[[Credentials], _Exchange]]] = MappingProxyType(
    {
        "PLAIN": _plain,
        "LOGIN": _login,
        "CRAM-MD5": _cram_md5,
        "XOAUTH2": _xoauth2,
        "OAUTHBEARER": _oauthbearer,
    }
)

# RFC 4954 requires PLAIN over TLS of every server; LOGIN is for servers without PLAIN. CRAM-MD5
# needs a server that stores the password itself, so it fails on many servers that offer it.
_WITH_TOKEN: Final = ("OAUTHBEARER", "XOAUTH2")
_OVER_TLS: Final = ("PLAIN", "LOGIN", "CRAM-MD5")
_IN_CLEAR: Final = ("CRAM-MD5", "PLAIN", "LOGIN")


def choose_mechanisms(
    credentials: Credentials, offered: tuple[str, ...], *, secure: bool
) -> tuple[str, ...]:
    """Return the mechanisms to try, the best first.

    `offered` are the server's mechanisms in upper case; `secure` means that there is TLS.

    Raises:
        AuthenticationRefused: the credentials cannot be sent, or the server offers no mechanism for
            them.
    """
    _check_bytes(credentials)
    _check_kind(credentials)
    preferred: tuple[str, ...] = (
        _WITH_TOKEN if credentials.token else _OVER_TLS if secure else _IN_CLEAR
    )
    if credentials.mechanism:
        preferred = (credentials.mechanism.upper(),)
    chosen = tuple(name for name in preferred if name in offered and name in _MECHANISMS)
    if not chosen:
        raise AuthenticationRefused(
            f"the server offers {' '.join(offered) or 'no log-in'}, and not {' '.join(preferred)}",
            code="no-mechanism" if offered else "no-login-offered",
            stage=Stage.AUTH,
        )
    return chosen


_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_NO_LINE: Final = re.compile("[\0-\x1f\x7f\ud800-\udfff]")


def _check_bytes(credentials: Credentials) -> None:
    """Refuse NUL, and bytes that are not UTF-8 (Python keeps them as surrogates).

    SASL cannot transmit them. The fields of an OAuth 2 message end with %x01, so a control
    character in them is refused, too.
    """
    username = _NO_LINE if credentials.token else _NO_TEXT
    for name, text, forbidden in (
        ("user name", credentials.username, username),
        ("password", credentials.password, _NO_TEXT),
        ("token", credentials.token, _NO_LINE),
    ):
        if forbidden.search(text):
            raise AuthenticationRefused(
                f"the {name} holds a control character, or bytes that are not UTF-8",
                code="unsendable-secret",
                stage=Stage.AUTH,
            )


def _check_kind(credentials: Credentials) -> None:
    """Refuse a mechanism for tokens with a password, and the reverse."""
    mechanism = credentials.mechanism
    if not mechanism or bool(credentials.token) == (mechanism.upper() in _WITH_TOKEN):
        return
    wanted, there = ("password", "token") if credentials.token else ("token", "password")
    raise AuthenticationRefused(
        f"the mechanism {mechanism} needs a {wanted}, and a {there} is configured",
        code=f"needs-{wanted}",
        stage=Stage.AUTH,
    )


class LogIn:
    """One attempt with one mechanism: challenges in, responses out, both in base64.

    Attributes:
        initial: the initial response for the AUTH command, or None.
        token_error: the server's error about an OAuth 2 token; empty if there was none.
        protocol_error: why the attempt was cancelled if the server broke the protocol, else None.
    """

    def __init__(self, mechanism: str, credentials: Credentials) -> None:
        self.token_error = ""
        self.protocol_error: RemoteProtocolError | None = None
        self._with_token = bool(credentials.token)
        self._has_challenges = mechanism != "LOGIN"  # its challenges have no meaning
        self._exchange = _MECHANISMS[mechanism](credentials)
        response = next(self._exchange)
        self.initial = None if response is None else _encode(response)
        self._waiting: str | None = None
        if self.initial and len(f"AUTH {mechanism} {self.initial}\r\n") > MAX_COMMAND_LINE:
            # Too long for the command, so it answers an empty challenge instead (RFC 4954, 4).
            self.initial, self._waiting = None, self.initial

    def answer(self, challenge: str) -> str:
        """Return the response to a 334, or `*` to cancel (RFC 4954, section 4)."""
        if self._waiting is not None:
            response, self._waiting = self._waiting, None
            return response
        if self._with_token:
            self.token_error = challenge  # the JSON of an error; some servers do not encode it
        try:
            return self._respond(challenge)
        except RemoteProtocolError as error:
            self.protocol_error = error
        except StopIteration:
            pass  # one challenge too many
        return "*"

    def _respond(self, challenge: str) -> str:
        decoded = _decode(challenge) if self._has_challenges else b""
        if self._with_token:
            self.token_error = printable(decoded)
        response = self._exchange.send(decoded)
        return "" if response is None else _encode(response)


def _encode(response: bytes) -> str:
    """Encode a response as base64 in one line."""
    return binascii.b2a_base64(response, newline=False).decode()


def _decode(challenge: str) -> bytes:
    """Decode a challenge.

    Raises:
        RemoteProtocolError: it is not strict base64 (RFC 4954, section 4).
    """
    try:
        return binascii.a2b_base64(challenge, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise RemoteProtocolError(
            f'the challenge "{challenge}" is not base64', code="malformed-challenge"
        ) from error
