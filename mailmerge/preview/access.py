"""Access control of the preview: one token, two host names, one origin, and what pages may load.

Any web page can make the browser call a server on loopback: under another name that resolves to
127.0.0.1 (DNS rebinding; the Host field shows it), or directly from its own origin (the Origin
field shows it). So every route calls `Access.refusal` before it does anything else.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from mailmerge.language import tr

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""The page loads only its own files, and no other page can frame it."""

FRAME_SOURCES = (
    "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)

FRAME_POLICY = f"sandbox allow-same-origin; {FRAME_SOURCES}; frame-ancestors 'self'"
"""A message runs no script, submits no form, opens nothing and loads only its own parts.

It has the page's origin but no scripts: the page can measure and scroll it, and nothing in the
message can reach the page.
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
    """The access to one preview: its loopback port, and the secret token in its paths."""

    port: int
    token: str

    @property
    def address(self) -> str:
        """The URL that the browser opens."""
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    @property
    def hosts(self) -> frozenset[str]:
        """The only accepted values of the Host field."""
        return frozenset({f"127.0.0.1:{self.port}", f"localhost:{self.port}"})

    def refusal(self, request: Request) -> Response | None:
        """The response that refuses a request, or None. Only GET and HEAD may omit Origin."""
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return _refused(421, tr("This server does not answer to that host name."))
        origins = request.headers.getlist("origin")
        if request.method not in {"GET", "HEAD"} and not origins:
            return _refused(403, tr("The request has no Origin field."))
        if any(origin != f"http://{hosts[0].lower()}" for origin in origins):
            return _refused(403, tr("Requests from other origins are refused."))
        token = str(request.path_params.get("token", ""))
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return _refused(404, tr("Not found."))
        return None


def guard_headers(response: Response, policy: str) -> Response:
    """Add the security header fields and this Content-Security-Policy to the response."""
    response.headers.update({**_COMMON, "Content-Security-Policy": policy})
    return response


def _refused(status: int, reason: str) -> Response:
    return guard_headers(Response(f"{reason}\n", status, media_type="text/plain"), FILE_POLICY)
