"""The server's side of AUTH: PLAIN, LOGIN, CRAM-MD5, XOAUTH2 and OAUTHBEARER, as generators.

Each yields a challenge (bytes) and is sent the client's response; it returns the name that is
logged in, or an empty text.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Generator, Mapping

from tests.scripted_server.script import Settings

Exchange = Generator[bytes, bytes, str]


def start(mechanism: str, settings: Settings, initial: bytes | None) -> Exchange | None:
    """The exchange of that mechanism, or None where the server does not know it."""
    make = _MECHANISMS.get(mechanism)
    return make(settings, initial) if make else None


def _plain(settings: Settings, initial: bytes | None) -> Exchange:
    response = (yield b"") if initial is None else initial
    parts = response.split(b"\0")
    return _checked(settings.users, parts[1], parts[2]) if len(parts) == 3 else ""


def _login(settings: Settings, initial: bytes | None) -> Exchange:
    username = (yield b"Username:") if initial is None else initial
    password = yield b"Password:"
    return _checked(settings.users, username, password)


def _cram_md5(settings: Settings, _initial: bytes | None) -> Exchange:
    challenge = b"<1896.697170952@scripted.example.org>"
    username, _, digest = (yield challenge).rpartition(b" ")
    password = settings.users.get(username.decode("utf-8", "replace"), "\0")
    right = hmac.new(password.encode(), challenge, "md5").hexdigest().encode()
    return username.decode() if hmac.compare_digest(right, digest) else ""


def _xoauth2(settings: Settings, initial: bytes | None) -> Exchange:
    response = (yield b"") if initial is None else initial
    user = _token_holder(settings, _XOAUTH2.fullmatch(response))
    if not user:
        yield _oauth_error("invalid_request")
    return user


def _oauthbearer(settings: Settings, initial: bytes | None) -> Exchange:
    response = (yield b"") if initial is None else initial
    user = _token_holder(settings, _OAUTHBEARER.fullmatch(response))
    if not user:
        yield _oauth_error("invalid_token")
    return user


_MECHANISMS: Mapping[str, Callable[[Settings, bytes | None], Exchange]] = {
    "PLAIN": _plain,
    "LOGIN": _login,
    "CRAM-MD5": _cram_md5,
    "XOAUTH2": _xoauth2,
    "OAUTHBEARER": _oauthbearer,
}


# RFC 7628, 3.1: gs2-header kvsep *kvpair kvsep; each kvpair ends with a kvsep of its own.
_OAUTHBEARER = re.compile(rb"n,a=([^,\x01]*),\x01auth=Bearer ([^\x01]*)\x01\x01")
_XOAUTH2 = re.compile(rb"user=([^\x01]*)\x01auth=Bearer ([^\x01]*)\x01\x01")


def _token_holder(settings: Settings, found: re.Match[bytes] | None) -> str:
    return _checked(settings.tokens, found[1], found[2]) if found else ""


def _oauth_error(status: str) -> bytes:
    return json.dumps({"status": status, "schemes": "bearer", "scope": "mail"}).encode()


def _checked(secrets: Mapping[str, str], username: bytes, secret: bytes) -> str:
    name = username.decode("utf-8", "replace")
    return name if name in secrets and secrets[name].encode() == secret else ""
