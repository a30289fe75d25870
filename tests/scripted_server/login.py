"""The server's side of AUTH: PLAIN, LOGIN, CRAM-MD5, XOAUTH2 and OAUTHBEARER, as generators.

Each yields a challenge (octets) and is sent the client's response; it returns the name that is
logged in, or an empty text.
"""

from __future__ import annotations

import hmac
import json
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
    fields = _fields(response)
    user = _checked(settings.tokens, fields.get(b"user", b""), _bearer(fields))
    if not user:
        yield _oauth_error("invalid_request")
    return user


def _oauthbearer(settings: Settings, initial: bytes | None) -> Exchange:
    response = (yield b"") if initial is None else initial
    header, _, rest = response.partition(b"\x01")
    name = header.partition(b"a=")[2].rstrip(b",")
    user = _checked(settings.tokens, name, _bearer(_fields(rest)))
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


def _fields(octets: bytes) -> dict[bytes, bytes]:
    pairs = (item.partition(b"=") for item in octets.split(b"\x01") if item)
    return {key: value for key, _, value in pairs}


def _bearer(fields: Mapping[bytes, bytes]) -> bytes:
    return fields.get(b"auth", b"").removeprefix(b"Bearer ")


def _oauth_error(status: str) -> bytes:
    return json.dumps({"status": status, "schemes": "bearer", "scope": "mail"}).encode()


def _checked(secrets: Mapping[str, str], username: bytes, secret: bytes) -> str:
    name = username.decode("utf-8", "replace")
    return name if name in secrets and secrets[name].encode() == secret else ""
