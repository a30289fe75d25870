"""An SMTP server on loopback that keeps the messages it accepts in a Maildir.

    with Sandbox() as sandbox:
        ... send to sandbox.server ...
        print(sandbox.messages[0]["Subject"])

Nothing leaves the machine. The bytes of each message are kept exactly as they were sent, with
fields for the envelope before them. With `Faults` the server fails at random, as servers and
networks do. `messages` has every message that the server accepted, even if a fault prevented its
reply.

Why the same seed gives the same faults: a draw depends only on the seed, the recipient and the
number of the attempt. The difficulty is to count the attempts. A client that pipelines has already
sent the commands for the next recipients when a fault ends the connection, and chance decides which
of them arrive in time. So:

* A fault that ends a connection is the last event on it. Later commands are not read and not
  counted.
* An attempt counts when it meets its fault or when its message is accepted, not when it begins. If
  the connection ended for another reason, the recipient has the same attempt again.
* A connection ends with FIN, after all replies. A reset could destroy a reply on its way, and then
  the client would not know an outcome that the server has counted.
"""

from __future__ import annotations

import asyncio
import random
import re
import shutil
import socket
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn, overload

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.maildir import Maildir, split_envelope, with_envelope
from mailmerge.smtp import Server

_LOOPBACK = "127.0.0.1"
_NAME = "sandbox.invalid"
_LARGEST_MESSAGE = 100 << 20
"""Bytes; more than any provider takes, so that the sandbox never refuses a message for its size."""

_ACCELERATION = 1000.0
"""Simulated seconds per real second in a run with faults."""

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^<>\r\n]+>)", re.IGNORECASE | re.MULTILINE)


class Fault(Enum):
    """What the server does at RCPT or at the end of data in place of accepting a message."""

    GREYLISTED = "greylisted"
    NO_SUCH_USER = "no such user"
    LEAVING = "leaving at RCPT"
    DROPPED = "dropped at RCPT"
    NOT_NOW = "not now"
    LEAVING_LATE = "leaving at the end of data"
    DROPPED_BEFORE_TAKING = "dropped before taking"
    DROPPED_AFTER_TAKING = "dropped after taking"


_REPLIES = {
    Fault.GREYLISTED: "450 4.2.0 Greylisted, come back later",
    Fault.NO_SUCH_USER: "550 5.1.1 No such user",
    Fault.LEAVING: "421 4.3.2 Shutting down",
    Fault.NOT_NOW: "451 4.3.0 Try again later",
    Fault.LEAVING_LATE: "421 4.3.2 Shutting down",
}
"""The replies of faults; a fault without a reply only ends the connection."""

_WEIGHTS: Mapping[Fault, int] = MappingProxyType(
    {
        Fault.GREYLISTED: 6,
        Fault.NO_SUCH_USER: 3,
        Fault.LEAVING: 1,
        Fault.DROPPED: 2,
        Fault.NOT_NOW: 3,
        Fault.LEAVING_LATE: 1,
        Fault.DROPPED_BEFORE_TAKING: 2,
        Fault.DROPPED_AFTER_TAKING: 2,
    }
)
"""How often each fault is drawn in twenty draws."""

_AT_RCPT = frozenset({Fault.GREYLISTED, Fault.NO_SUCH_USER, Fault.LEAVING, Fault.DROPPED})
_STAYING = frozenset({Fault.GREYLISTED, Fault.NO_SUCH_USER, Fault.NOT_NOW})


@dataclass(frozen=True, slots=True)
class Faults:
    """Random faults: the fraction `rate` of all attempts meets a fault.

    The same campaign with the same seed meets the same faults with any number of connections.
    """

    seed: int
    rate: float = 0.1

    def draw(self, forward_path: str, attempt: int) -> Fault | None:
        """Return the fault of an attempt, or None; attempts count from 1 for each recipient."""
        chance = random.Random(f"{self.seed}/{forward_path}/{attempt}")  # noqa: S311 - no secret
        if chance.random() >= self.rate:
            return None
        return chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]


class _Handler:
    """Handles the commands that aiosmtpd reads. It runs in the server's thread."""

    def __init__(self, folder: Path, faults: Faults | None) -> None:
        self.names: list[str] = []
        self.message_ids: Counter[str] = Counter()
        self._maildir = Maildir(folder).make()
        self._faults = faults
        self._concluded: Counter[str] = Counter()
        self._drawn: weakref.WeakKeyDictionary[Session, Fault | None]
        self._drawn = weakref.WeakKeyDictionary()

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer PIPELINING as well, which works because aiosmtpd reads line by line."""
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
        """Draw the fault of this attempt, and apply it if it belongs to RCPT."""
        fault = self._draw(address)
        self._drawn[session] = fault
        if fault is not None and fault in _AT_RCPT:
            self._concluded[address] += 1
            return await _apply_fault(fault, server)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the message and then reply, or apply the drawn fault."""
        fault = self._drawn.pop(session, None)
        self._concluded.update(envelope.rcpt_tos)
        if fault is Fault.DROPPED_AFTER_TAKING:
            self._keep(envelope)
        if fault is not None:
            return await _apply_fault(fault, server)
        return f"250 2.0.0 kept as {self._keep(envelope)}"

    def _draw(self, address: str) -> Fault | None:
        if self._faults is None:
            return None
        return self._faults.draw(address, self._concluded[address] + 1)

    def _keep(self, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        kept = with_envelope(content, envelope.mail_from or "", envelope.rcpt_tos)
        name = self._maildir.add(kept, at=time.time())
        self.names.append(name)
        if found := _MESSAGE_ID.search(content):
            self.message_ids[found[1].decode("ascii", "replace")] += 1
        return name


async def _apply_fault(fault: Fault, server: SMTP) -> str:
    """Return the fault's reply; a fault that ends the connection does not return."""
    reply = _REPLIES.get(fault, "")
    if fault in _STAYING:
        return reply
    if reply:
        await server.push(reply)
    return await _end(server)


async def _end(server: SMTP) -> NoReturn:
    """End the connection after the written replies, and read no further command.

    aiosmtpd cancels this coroutine when the client has closed its side.
    """
    transport = server.transport
    assert isinstance(transport, asyncio.Transport)
    transport.write_eof()
    await asyncio.Event().wait()
    raise AssertionError


class _Messages(Sequence[EmailMessage]):
    """The messages in a folder, by their file names; each is read when it is used."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, index: int) -> EmailMessage: ...
    @overload
    def __getitem__(self, index: slice) -> _Messages: ...
    def __getitem__(self, index: int | slice) -> EmailMessage | _Messages:
        if isinstance(index, slice):
            return _Messages(self._folder, self._names[index])
        kept = (self._folder / "new" / self._names[index]).read_bytes()
        return message_from_bytes(split_envelope(kept).content, policy=policy.default)


class Sandbox:
    """The server and the folder of its messages; use it as a context manager.

    Args:
        folder: the folder for the messages; existing files stay. None means a temporary folder that
            exists as long as this object.
        faults: the random faults; None for a server that accepts everything.

    Attributes:
        folder: the Maildir with the messages.

    Raises:
        LedgerError: the folder cannot be made.
    """

    def __init__(self, folder: Path | None = None, faults: Faults | None = None) -> None:
        self.folder = folder if folder is not None else self._temporary_folder()
        self._handler = _Handler(self.folder, faults)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="sandbox", daemon=True)
        self._listening = socket.create_server((_LOOPBACK, 0))
        # Nagle's algorithm would delay each small reply by 40 ms.
        self._listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _temporary_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="mailmerge-sandbox-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return folder

    @property
    def server(self) -> Server:
        """The address of this server."""
        return Server(host=_LOOPBACK, port=self._listening.getsockname()[1], security="none")

    @property
    def messages(self) -> Sequence[EmailMessage]:
        """The messages that this server has accepted so far, in order of arrival.

        Each message is parsed when it is used: `messages[0]["Subject"]` is its decoded subject,
        `messages[0].get_body()` its body.
        """
        return _Messages(self.folder, tuple(self._handler.names))

    @property
    def message_ids(self) -> Mapping[str, int]:
        """The Message-IDs of the accepted messages, and how often each was accepted."""
        return self._handler.message_ids

    def __enter__(self) -> Sandbox:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(
            self._loop.create_server(self._protocol, sock=self._listening)
        )
        # Set inside the running loop, since a stop before run_forever would have no lasting effect.
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        self._loop.run_until_complete(self._finish())
        self._loop.close()

    def _protocol(self) -> SMTP:
        return SMTP(
            self._handler,
            data_size_limit=_LARGEST_MESSAGE,
            enable_SMTPUTF8=True,
            hostname=_NAME,
            ident="mailmerge sandbox",
            loop=self._loop,
        )

    async def _finish(self) -> None:
        """End the open connections before the loop ends."""
        waiting = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


class AcceleratedClock:
    """A clock in seconds since 1970 that runs faster than real time and can be advanced."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._start = time.time()

    def __call__(self) -> float:
        return self._start + (self._clock() - self._began) * _ACCELERATION

    @property
    def real_seconds(self) -> float:
        """The real seconds since this clock was made."""
        return self._clock() - self._began

    def skip(self, seconds: float) -> None:
        """Advance the clock by `seconds` at once."""
        self._start += seconds
