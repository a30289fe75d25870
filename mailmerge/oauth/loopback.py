"""The listener on this machine that the browser returns to (RFC 8252, 7.3).

Any page in the browser, and any program on this machine, can send requests to the port. So a
request counts only if it asks this machine by its name (a foreign name that leads here is an
attack), for the right path, and with the state of this log-in. All others are refused, and the
listener waits on: a forged answer must not end a real log-in. The first answer that counts is the
only one.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final
from urllib.parse import urlsplit

from mailmerge.errors import CampaignError
from mailmerge.language import marked, tr
from mailmerge.library_messages import system_reason

_PAGE: Final = (
    '<!doctype html><html lang="{language}"><meta charset="utf-8"><title>mailmerge</title>'
    "<p>{text}</p></html>"
)
_RECEIVED: Final = marked(
    "mailmerge has the answer. You can close this page and return to the terminal."
)
_REFUSED: Final = marked("This is not the answer that mailmerge waits for.")
_IDLE_SECONDS: Final = 10.0
_LONGEST_PATH: Final = 16_384


class _AnswerServer(ThreadingHTTPServer):
    """Takes requests of one log-in. `counts` decides whether a query answers it."""

    daemon_threads = True
    allow_reuse_address = False
    counts: Callable[[str], bool] = staticmethod(lambda _: False)

    def __init__(self) -> None:
        self.answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._taken = threading.Lock()
        super().__init__(("127.0.0.1", 0), _AnswerHandler)

    def take(self, query: str) -> bool:
        """Take the query if it is the first one that counts."""
        if not self.counts(query) or not self._taken.acquire(blocking=False):
            return False
        self.answers.put(query)
        return True

    def handle_error(self, *_: object) -> None:
        """A browser that closes a connection early is no error."""


class _AnswerHandler(BaseHTTPRequestHandler):
    server: _AnswerServer
    timeout = _IDLE_SECONDS
    server_version = "mailmerge"
    sys_version = ""

    def do_GET(self) -> None:
        path = urlsplit(self.path[:_LONGEST_PATH])
        port = self.server.server_address[1]
        asked = self.headers.get_all("Host", [])
        if asked not in ([f"127.0.0.1:{port}"], [f"localhost:{port}"]) or path.path != "/":
            self._answer(HTTPStatus.NOT_FOUND, tr(_REFUSED))
        elif self.server.take(path.query):
            self._answer(HTTPStatus.OK, tr(_RECEIVED))
        else:
            self._answer(HTTPStatus.BAD_REQUEST, tr(_REFUSED))

    def _answer(self, status: HTTPStatus, text: str) -> None:
        page = _PAGE.format(language=tr("en"), text=text).encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(page))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("Content-Security-Policy", "default-src 'none'"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Requests hold codes, so none is logged."""


class Listener:
    """An open listener on a free port.

    Attributes:
        port: its port.
    """

    def __init__(self, server: _AnswerServer) -> None:
        self._server = server
        self.port: int = server.server_address[1]

    def wait(self, counts: Callable[[str], bool], seconds: float) -> str | None:
        """The query of the first answer for which `counts` is true; None after `seconds`."""
        self._server.counts = counts
        try:
            return self._server.answers.get(timeout=seconds)
        except queue.Empty:
            return None


@contextmanager
def open_listener() -> Iterator[Listener]:
    """Listen on a free port of 127.0.0.1 until the end of the context.

    Raises:
        CampaignError: this machine allows no listener.
    """
    try:
        server = _AnswerServer()
    except OSError as error:
        raise CampaignError(
            tr("no port on 127.0.0.1 can be opened: {reason}", reason=system_reason(error)),
            hint=tr("run `mailmerge login --paste`"),
            code="oauth-listener",
        ) from error
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield Listener(server)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
