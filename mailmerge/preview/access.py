"""Who may talk to the preview: one token, two host names, one origin; and what the pages may load.

A web page from anywhere can make a browser call a server on loopback: with another name that
resolves to 127.0.0.1 (the Host gives it away), or straight from its own origin (the Origin does).
So every handler asks `Access.refusal` before it does anything, whatever the path looked like.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from mailmerge.private_files import open_private

DOOR_FILE = "preview.json"
"""Port and token of the last preview, so that a kept link still works tomorrow (mode 0600)."""

SHELL_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The page around the message loads its own files and nothing else; it is never framed."""

FRAME_RULES = (
    "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)

FRAME_POLICY = f"sandbox allow-same-origin; {FRAME_RULES}; frame-ancestors 'self'"
"""A message runs no script, sends no form, opens nothing and loads nothing that it does not carry.

Same origin without scripts: the page may read how tall the message is and where it was scrolled to,
and nothing in the message can ask back.
"""

FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"

_COMMON = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Access:
    """The door of one preview: the loopback port it listens on and the token of its paths."""

    port: int
    token: str

    @property
    def address(self) -> str:
        """What the browser opens."""
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    @property
    def hosts(self) -> frozenset[str]:
        """The only values of Host that are ours."""
        return frozenset({f"127.0.0.1:{self.port}", f"localhost:{self.port}"})

    def refusal(self, request: Request) -> Response | None:
        """Why this request is not answered, or None; one that changes something needs an Origin."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return _refused(421, "this server has another name")
        origins = request.headers.getlist("origin")
        if request.method not in {"GET", "HEAD"} and not origins:
            return _refused(403, "no origin")
        if any(origin != f"http://{hosts[0].lower()}" for origin in origins):
            return _refused(403, "another origin")
        token = str(request.path_params.get("token", ""))
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return _refused(404, "not found")
        return None


def guard_headers(response: Response, policy: str) -> Response:
    """The response with the header fields that hold it in its place."""
    response.headers.update({**_COMMON, "Content-Security-Policy": policy})
    return response


def remembered_door(state_folder: Path) -> tuple[int, str]:
    """Port and token of the last preview of this campaign; port 0 and a fresh token otherwise."""
    try:
        stored = json.loads((state_folder / DOOR_FILE).read_text(encoding="utf-8"))
        port, token = stored["port"], stored["token"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0, secrets.token_urlsafe(24)
    usable = isinstance(port, int) and 1024 <= port <= 65_535 and isinstance(token, str)
    return (port, token) if usable and len(token) >= 32 else (0, secrets.token_urlsafe(24))


def remember_door(state_folder: Path, access: Access) -> None:
    """Keep port and token for the next time; a folder that cannot be written is no hindrance."""
    written = json.dumps({"port": access.port, "token": access.token})
    try:
        state_folder.mkdir(mode=0o700, exist_ok=True)
        temporary = state_folder / f"{DOOR_FILE}.{os.getpid()}"
        descriptor = open_private(temporary, "write")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(written)
        temporary.replace(state_folder / DOOR_FILE)
    except OSError:
        return


def _refused(status: int, reason: str) -> Response:
    return guard_headers(Response(f"{reason}\n", status, media_type="text/plain"), FILE_POLICY)
