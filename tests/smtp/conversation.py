"""Helpers for the tests of the client: a message, and a run that sends many messages."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from mailmerge.smtp import TIMEOUTS, Client, Envelope, Outcome, Server, Transaction, Verdict
from mailmerge.smtp.state import Awaited
from mailmerge.smtp.timeouts import Timeouts
from tests.scripted_server import Offer
from tests.servers import Certificates

SENDER = "news@example.org"
PADDING = (b"x" * 70 + b"\r\n") * 20


def short(*awaited: Awaited | None) -> Timeouts:
    """Timeouts of which only these run out soon; all others are as long as in real life."""
    return {**TIMEOUTS, **dict.fromkeys(awaited, 1.0)}


NO_CHUNKING = Offer(chunking=False)
ONE_BY_ONE = Offer(pipelining=False, chunking=False)
WAYS = {
    "one by one": (ONE_BY_ONE, 1),
    "pipelining": (NO_CHUNKING, 1),
    "streaming": (Offer(), 5),
}
"""The three ways to send: what the server offers, and the window that the client wants."""

ways = pytest.mark.parametrize(("offer", "window"), WAYS.values(), ids=WAYS.keys())


def local(port: int, **more: object) -> Server:
    """A server on loopback in clear text, unless `more` says otherwise."""
    given: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "local_name": "client.example.org",
    }
    return Server(**{**given, **more})  # type: ignore[arg-type]  # as they are given


def tls_settings(certificates: Certificates, **more: object) -> dict[str, object]:
    """Arguments for `serve`: a server with these certificates."""
    return {"chain_file": str(certificates.chain_file), **more}


def message(token: int, *, to: str = "", padding: bytes = PADDING) -> Transaction:
    """A message whose envelope, To, Message-ID and body all name the same token."""
    path = to or f"p{token}@example.net"
    personal = (
        f"From: {SENDER}\r\nTo: <{path}>\r\nSubject: {token}\r\n"
        f"Message-ID: <{token}@example.org>\r\n\r\n"
    ).encode()
    return Transaction(token, Envelope(SENDER, (path,)), (personal, padding, b".end\r\n"))


@dataclass
class Run:
    """The result of a run of many messages over one connection."""

    outcomes: list[Outcome] = field(default_factory=list)
    announced: list[int] = field(default_factory=list)

    def tokens(self, verdict: Verdict) -> set[int]:
        return {outcome.token for outcome in self.outcomes if outcome.verdict is verdict}

    def verdicts(self) -> dict[int, Verdict]:
        assert len({outcome.token for outcome in self.outcomes}) == len(self.outcomes)
        return {outcome.token: outcome.verdict for outcome in self.outcomes}


def send(server: Server, count: int, **more: object) -> Run:
    """Send messages 0 to `count` on one connection, until it accepts no more."""
    run = Run()
    client = Client(server, on_terminator=run.announced.append, **more)  # type: ignore[arg-type]
    client.open()
    token = 0
    while client.in_flight or (client.room and token < count):
        while client.room and token < count:
            client.submit(message(token))
            token += 1
        run.outcomes += client.wait()
    client.quit()
    return run
