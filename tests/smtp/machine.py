"""Helpers for the tests of a connection without a network."""

from __future__ import annotations

from mailmerge.smtp import Connection, Envelope, Outcome, Transaction, Verdict
from mailmerge.smtp.exchange import Trace

STREAMING = b"PIPELINING\r\n250-CHUNKING"
"""The extensions that streaming needs, for `ready`."""

GO_AHEAD = b"250 ok\r\n250 ok\r\n354 go\r\n"
"""The replies to MAIL, RCPT and DATA."""


def ready(
    window: int = 1, *, offers: bytes = b"PIPELINING", trace: Trace | None = None
) -> Connection:
    """A connection after EHLO; `offers` are keywords, and SIZE 500 is always offered."""
    machine = Connection(window=window, trace=trace)
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org")
    machine.data_to_send()
    machine.receive_data(b"250-x\r\n250-" + offers + b"\r\n250 SIZE 500\r\n")
    machine.events()
    return machine


def message(token: int) -> Transaction:
    """A short message whose content holds a dot that must be doubled."""
    envelope = Envelope("news@example.org", (f"p{token}@example.net",))
    return Transaction(token, envelope, (b"Number %d\r\n" % token, b".\r\n"))


def written(machine: Connection, released: list[int] | None = None) -> bytes:
    """Return the bytes to write with all terminators; append the released tokens to the list."""
    out = b"".join(machine.data_to_send())
    while (token := machine.held) is not None:
        if released is not None:
            released.append(token)
        machine.release(token)
        out += b"".join(machine.data_to_send())
    return out


def outcomes(machine: Connection) -> list[Outcome]:
    """The outcomes since the last call."""
    return [event for event in machine.events() if isinstance(event, Outcome)]


def verdicts(machine: Connection) -> list[Verdict]:
    """The verdicts since the last call, in order."""
    return [outcome.verdict for outcome in outcomes(machine)]
