"""An SMTP server on loopback that catches what is sent and keeps it as a Maildir.

    with Sandbox(campaign.state_folder / "sandbox") as sandbox:
        ... send to sandbox.server ...
        print(sandbox.caught, "messages in", sandbox.maildir)

Nothing leaves the machine. The octets of each message are exactly what was sent, behind two
fields that hold the envelope: X-MailFrom and X-RcptTo.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.delivery.copies import Maildir
from mailmerge.smtp.server import Server

LOOPBACK = "127.0.0.1"
NAME = "sandbox.invalid"
LARGEST_MESSAGE = 100 << 20
"""Octets; more than any provider takes, so that the sandbox is never what refuses a message."""


class _Catcher:
    """What aiosmtpd calls for each message."""

    def __init__(self, maildir: Maildir) -> None:
        self._maildir = maildir
        self.caught = 0

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

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep the message, and only then say so."""
        del server, session
        fields = [f"X-MailFrom: {envelope.mail_from or ''}"]
        fields += [f"X-RcptTo: {path}" for path in envelope.rcpt_tos]
        lines = "".join(f"{field}\r\n" for field in fields).encode()
        name = self._maildir.keep(lines + (envelope.original_content or b""), at=time.time())
        self.caught += 1
        return f"250 2.0.0 kept as {name}"


class Sandbox:
    """The server and the folder of what it caught; use it as a context manager.

    Raises:
        LedgerError: the folder cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self.maildir = folder
        self._catcher = _Catcher(Maildir(folder))
        self._loop = asyncio.new_event_loop()
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

    def __enter__(self) -> Sandbox:
        self._thread.start()
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
