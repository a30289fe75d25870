"""Links are asked for once, slowly, and never with a recipient's token."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mailmerge.preflight.deep.links import Probe, check_links, links_to_ask, probe
from mailmerge.preflight.structures import VALUE
from tests.preflight.deep.pages import page_of


class _Pages(BaseHTTPRequestHandler):
    asked: list[str]

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        if self.path == "/moved":
            self.send_response(301)
            self.send_header("Location", "/good")
        elif self.path == "/no-head":
            self.send_response(405 if self.command == "HEAD" else 200)
        else:
            self.send_response({"/good": 200, "/gone": 410, "/broken": 500, "/log-in": 401}.get(
                self.path, 404))  # fmt: skip
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _website() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("Pages", (_Pages,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_answers_of_a_website() -> None:
    with _website() as (site, asked):
        paths = ("/good", "/moved", "/no-head", "/gone", "/broken", "/log-in", "/other")
        statuses = [probe(f"{site}{path}").status for path in paths]
    assert statuses == [200, 200, 200, 410, 500, 401, 404]
    assert asked.count("HEAD /good") == 2
    assert "GET /good" not in asked
    assert asked.count("GET /no-head") == 1


def test_dead_host_has_a_reason() -> None:
    with _website() as (site, _):
        pass
    answer = probe(f"{site}/good", timeout=5)
    assert answer.status == 0
    assert answer.reason


def test_links_of_recipients_and_unsubscribe_links_are_not_asked() -> None:
    body = f"""
<a href="https://a.eu/1">one</a> <a href="https://a.eu/1">again</a>
<a href="https://a.eu/?t={VALUE}">own</a> <a href="mailto:a@a.eu">mail</a>
<a href="https://a.eu/2">Unsubscribe</a> <a href="https://a.eu/unsubscribe">x</a>
<a href="http://a.eu/3">three</a> <a href="#top">top</a>"""
    assert links_to_ask(page_of(body)) == ["https://a.eu/1", "http://a.eu/3"]


def test_broken_links_are_warnings_with_their_line() -> None:
    page = page_of('<a href="https://a.eu/1">one</a>\n<a href="https://a.eu/2">two</a>')
    answers = {
        "https://a.eu/1": Probe(200),
        "https://a.eu/2": Probe(404),
        "https://a.eu/3": Probe(reason="no route"),
        "https://a.eu/4": Probe(403),
    }
    slept: list[float] = []
    found = list(check_links([(url, page) for url in answers], answers.__getitem__, slept.append))
    shown = [(one.problem.message, one.problem.line, one.is_note) for one in found]
    assert shown == [
        ("the link 'https://a.eu/2' does not work: HTTP status 404", 6, False),
        ("the link 'https://a.eu/3' does not answer: no route", None, False),
        ("not known: whether 'https://a.eu/4' works (HTTP status 403)", None, True),
    ]
    assert slept == [0.2, 0.2, 0.2]


def test_number_of_links_is_bounded() -> None:
    page, asked = page_of("<p>x</p>"), list[str]()

    def ask(url: str) -> Probe:
        asked.append(url)
        return Probe(200)

    urls = [(f"https://a.eu/{number}", page) for number in range(500)]
    assert list(check_links(urls, ask, lambda _: None)) == []
    assert len(asked) == 200
