"""An SMTP server on loopback that catches what is sent and keeps it as a Maildir.

    with Sandbox(campaign.state_folder / "sandbox") as sandbox:
        ... send to sandbox.server ...
        print(sandbox.caught, "messages in", sandbox.maildir)

Nothing leaves the machine. The octets of each message are exactly what was sent, behind two
fields that hold the envelope: X-MailFrom and X-RcptTo. With `Faults` it misbehaves by chance, as
servers and networks do; what it took, it tells all the same.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NoReturn

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.maildir import Maildir, with_envelope
from mailmerge.smtp import Server

LOOPBACK = "127.0.0.1"
NAME = "sandbox.invalid"
LARGEST_MESSAGE = 100 << 20
"""Octets; more than any provider takes, so that the sandbox is never what refuses a message."""

HASTE = 1000.0
"""So much faster than the clock on the wall goes the one of a rehearsal with faults."""

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^<>\r\n]+>)", re.IGNORECASE | re.MULTILINE)


class Fault(Enum):
    """What the server does instead of taking a message, at RCPT or at the end of data."""

    GREYLISTED = "greylisted"
    NO_SUCH_PERSON = "no such person"
    LEAVING = "leaving at RCPT"
    DROPPED = "dropped at RCPT"
    NOT_NOW = "not now"
    LEAVING_LATE = "leaving at the end of data"
    DROPPED_BEFORE_TAKING = "dropped before taking"
    DROPPED_AFTER_TAKING = "dropped after taking"


_REPLIES = {
    Fault.GREYLISTED: "450 4.2.0 Greylisted, come back later",
    Fault.NO_SUCH_PERSON: "550 5.1.1 No such person",
    Fault.LEAVING: "421 4.3.2 Shutting down",
    Fault.NOT_NOW: "451 4.3.0 Try again later",
    Fault.LEAVING_LATE: "421 4.3.2 Shutting down",
}
"""Where there is none, the connection just ends."""


WEIGHTS: Mapping[Fault, int] = MappingProxyType(
    {
        Fault.GREYLISTED: 6,
        Fault.NO_SUCH_PERSON: 3,
        Fault.LEAVING: 1,
        Fault.DROPPED: 2,
        Fault.NOT_NOW: 3,
        Fault.LEAVING_LATE: 1,
        Fault.DROPPED_BEFORE_TAKING: 2,
        Fault.DROPPED_AFTER_TAKING: 2,
    }
)
"""How often which fault is drawn, of twenty."""

_AT_RCPT = frozenset({Fault.GREYLISTED, Fault.NO_SUCH_PERSON, Fault.LEAVING, Fault.DROPPED})
_CLOSING = frozenset({Fault.LEAVING, Fault.LEAVING_LATE})


@dataclass(frozen=True, slots=True)
class Faults:
    """Misbehaviour by chance: of all attempts to deliver, `rate` meet a fault.

    The draw depends on the seed, the recipient and the number of the attempt, and on nothing else:
    the same campaign with the same seed meets the same faults, over any number of connections.
    """

    seed: int
    rate: float = 0.1

    def draw(self, forward_path: str, attempt: int) -> Fault | None:
        """What this attempt meets; None where all goes well."""
        chance = random.Random(f"{self.seed}/{forward_path}/{attempt}")  # noqa: S311 - no secret
        if chance.random() >= self.rate:
            return None
        return chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]


class _Catcher:
    """What aiosmtpd calls for each message."""

    def __init__(self, maildir: Maildir, faults: Faults | None) -> None:
        self._maildir = maildir
        self._faults = faults
        self._attempts: Counter[str] = Counter()
        self._drawn: dict[int, Fault | None] = {}
        self.caught = 0
        self.taken: Counter[str] = Counter()

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Announce PIPELINING too: aiosmtpd reads line by line, whatever has come already."""
        del server, envelope
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """Draw what this attempt meets, and let it happen if it happens here."""
        fault = self._draw(address)
        self._drawn[id(session)] = fault
        if fault is not None and fault in _AT_RCPT:
            return await _happen(fault, server)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 OK"

    def _draw(self, address: str) -> Fault | None:
        if self._faults is None:
            return None
        self._attempts[address] += 1
        return self._faults.draw(address, self._attempts[address])

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the message, and only then say so; or what was drawn for it."""
        fault = self._drawn.pop(id(session), None)
        if fault is Fault.DROPPED_AFTER_TAKING:
            self._keep(envelope)
        if fault is not None:
            return await _happen(fault, server)
        return f"250 2.0.0 kept as {self._keep(envelope)}"

    def _keep(self, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        kept = with_envelope(content, envelope.mail_from or "", envelope.rcpt_tos)
        name = self._maildir.add(kept, at=time.time())
        self.caught += 1
        if found := _MESSAGE_ID.search(content):
            self.taken[found[1].decode("ascii", "replace")] += 1
        return name


async def _happen(fault: Fault, server: SMTP) -> str:
    """Give the fault's reply; it may be the last, or there may be none."""
    reply = _REPLIES.get(fault)
    if reply is None:
        await _drop(server)
    if fault in _CLOSING:
        asyncio.get_running_loop().call_soon(_transport(server).close)
    return reply


async def _drop(server: SMTP) -> NoReturn:
    """End the connection without a word; aiosmtpd cancels whoever waits when it has ended."""
    _transport(server).abort()
    await asyncio.Event().wait()
    raise AssertionError


def _transport(server: SMTP) -> asyncio.Transport:
    transport = server.transport
    assert isinstance(transport, asyncio.Transport)
    return transport


class Sandbox:
    """The server and the folder of what it caught; use it as a context manager.

    Raises:
        LedgerError: the folder cannot be made.
    """

    def __init__(self, folder: Path, faults: Faults | None = None) -> None:
        self.maildir = folder
        self._catcher = _Catcher(Maildir(folder).make(), faults)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._listening = socket.create_server((LOOPBACK, 0))
        # Replies are small: one that waits for the acknowledgement of the last costs 40 ms.
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def server(self) -> Server:
        """Where to send to."""
        return Server(host=LOOPBACK, port=self._listening.getsockname()[1], security="none")

    @property
    def caught(self) -> int:
        """How many messages were caught."""
        return self._catcher.caught

    @property
    def taken(self) -> Mapping[str, int]:
        """The Message-IDs of what was caught, and how often each."""
        return self._catcher.taken

    def __enter__(self) -> Sandbox:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(
            self._loop.create_server(self._protocol, sock=self._listening)
        )
        # Whoever stops the loop before this would stop it for the next step only.
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        self._loop.run_until_complete(self._finish())
        self._loop.close()

    def _protocol(self) -> SMTP:
        return SMTP(
            self._catcher,
            data_size_limit=LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            hostname=NAME,
            ident="mailmerge sandbox",
            loop=self._loop,
        )

    async def _finish(self) -> None:
        """Let the connections that are still open end before the loop does."""
        waiting = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


class HastyClock:
    """Seconds since 1970 that go by faster, and can be skipped."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._start = time.time()

    def __call__(self) -> float:
        return self._start + (self._clock() - self._began) * HASTE

    @property
    def on_the_wall(self) -> float:
        """Seconds that have really gone by."""
        return self._clock() - self._began

    def skip(self, seconds: float) -> None:
        """Let so many seconds be over at once."""
        self._start += seconds
