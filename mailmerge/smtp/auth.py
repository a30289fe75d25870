"""Log-in mechanisms as generators: challenge in, response out (RFC 4954; SASL, RFC 4422). Sans-IO.

A generator first gives its initial response, or None where the server speaks first; then each
decoded challenge is sent in and the response comes out. Base64 is the caller's. When a generator
ends, the server has asked one question too many.
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
    """How to log in: a password, or an OAuth 2 access token. Neither is ever shown.

    `mechanism` forces one, such as "login"; empty means the best that is offered.
    `allow_plain_text` permits a connection without TLS, but only to this machine.
    """

    username: str
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    mechanism: str = ""
    allow_plain_text: bool = False


def _plain(credentials: Credentials) -> _Exchange:
    """message = [authzid] NUL authcid NUL passwd (RFC 4616, 2)."""
    # No SASLprep: preparation is the server's part (RFC 4616, 2). A server that compares bytes
    # would not know a password that was normalised here.
    yield f"\0{credentials.username}\0{credentials.password}".encode()


def _login(credentials: Credentials) -> _Exchange:
    """Two questions whose texts differ from server to server and mean nothing."""
    yield None
    yield credentials.username.encode()
    yield credentials.password.encode()


def _cram_md5(credentials: Credentials) -> _Exchange:
    """The user name and an HMAC of the challenge (RFC 2195, 2)."""
    challenge = yield None
    if not challenge:  # an HMAC of nothing could be replayed by the server that asked for it
        raise RemoteProtocolError("the challenge of CRAM-MD5 is empty", code="malformed-challenge")
    digest = hmac.new(credentials.password.encode(), challenge, hashlib.md5).hexdigest()
    yield f"{credentials.username} {digest}".encode()


def _xoauth2(credentials: Credentials) -> _Exchange:
    """The token in the form that came before OAUTHBEARER; a challenge is the error's JSON."""
    yield f"user={credentials.username}\x01auth=Bearer {credentials.token}\x01\x01".encode()
    yield b""


def _oauthbearer(credentials: Credentials) -> _Exchange:
    """The token after a GS2 header; the error's JSON is answered with %x01 (RFC 7628, 3.2.3)."""
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
        AuthenticationRefused: the credentials cannot be sent, or the server offers none that goes
            with them.
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

    SASL has no place for them. The fields of an OAuth 2 message end with %x01, so they may hold no
    control character at all.
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
    """Refuse a mechanism for tokens with a password, and the reverse: it would send nothing."""
    mechanism = credentials.mechanism
    if not mechanism or bool(credentials.token) == (mechanism.upper() in _WITH_TOKEN):
        return
    wanted, there = ("password", "token") if credentials.token else ("token", "password")
    raise AuthenticationRefused(
        f"the mechanism {mechanism} needs a {wanted}, and there is a {there}",
        code=f"needs-{wanted}",
        stage=Stage.AUTH,
    )


class LogIn:
    """One mechanism from its initial response to its end: challenges in, responses out, in base64.

    `initial` goes with the AUTH command, or is None. `said` is the server's error about an OAuth 2
    token. `complaint` says why the exchange was cancelled, where the server broke the protocol.
    """

    def __init__(self, mechanism: str, credentials: Credentials) -> None:
        self.said = ""
        self.complaint: RemoteProtocolError | None = None
        self._with_token = bool(credentials.token)
        self._has_challenges = mechanism != "LOGIN"  # the texts of its questions mean nothing
        self._exchange = _MECHANISMS[mechanism](credentials)
        response = next(self._exchange)
        self.initial = None if response is None else _encode(response)
        self._waiting: str | None = None
        if self.initial and len(f"AUTH {mechanism} {self.initial}\r\n") > MAX_COMMAND_LINE:
            # Too long for the command: it answers an empty challenge instead (RFC 4954, 4).
            self.initial, self._waiting = None, self.initial

    def answer(self, challenge: str) -> str:
        """The response to a 334, or `*` to cancel (RFC 4954, 4)."""
        if self._waiting is not None:
            response, self._waiting = self._waiting, None
            return response
        if self._with_token:
            self.said = challenge  # the error's JSON; some servers send it as it is
        try:
            return self._respond(challenge)
        except RemoteProtocolError as error:
            self.complaint = error
        except StopIteration:
            pass  # one question too many
        return "*"

    def _respond(self, challenge: str) -> str:
        decoded = _decode(challenge) if self._has_challenges else b""
        if self._with_token:
            self.said = printable(decoded)
        response = self._exchange.send(decoded)
        return "" if response is None else _encode(response)


def _encode(response: bytes) -> str:
    """A response as it is written: base64 in one line."""
    return binascii.b2a_base64(response, newline=False).decode()


def _decode(challenge: str) -> bytes:
    """The bytes of a challenge.

    Raises:
        RemoteProtocolError: it is no base64 (RFC 4954, 4: strictly).
    """
    try:
        return binascii.a2b_base64(challenge, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise RemoteProtocolError(
            f'the challenge "{challenge}" is not base64', code="malformed-challenge"
        ) from error
