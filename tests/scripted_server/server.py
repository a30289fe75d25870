"""A script -> a server on loopback, in a thread of this process; each connection has a thread."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tests.scripted_server.journal import Counts, Journal, Message, Violation
from tests.scripted_server.rules import RuleBook
from tests.scripted_server.script import Script, Settings
from tests.scripted_server.session import Bench, Session
from tests.scripted_server.wire import Wire

LOOPBACK = "127.0.0.1"


class ScriptedServer:
    """Listens from the start; `stop()` ends every connection.

    It may be stopped and started again on the same port, as a server that is restarted; the rules'
    counts and the record go on. `unix_socket` is listened on instead of a port.
    """

    def __init__(
        self,
        script: Script | None = None,
        *,
        journal: Path | None = None,
        port: int = 0,
        unix_socket: Path | None = None,
    ) -> None:
        self.script = script or Script()
        self.host = LOOPBACK
        self.port = port
        self._unix_socket = unix_socket
        settings = self.script.settings
        record = Journal(journal, fsync=settings.fsync)
        name = f"{os.getpid()}-{time.time_ns()}"
        rules = RuleBook(self.script)
        self._bench = Bench(self.script, record, name, _context(settings), rules)
        self._accepted = 0
        self._wires: set[Wire] = set()
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._listener: socket.socket | None = None
        self.start()

    @property
    def messages(self) -> list[Message]:
        """Every end of data so far, with its verdict."""
        return list(self._bench.messages)

    @property
    def taken(self) -> list[Message]:
        """The messages that this server is responsible for."""
        return [message for message in self._bench.messages if message.taken]

    @property
    def violations(self) -> list[Violation]:
        """The rules of the wire that clients broke."""
        return list(self._bench.violations)

    @property
    def counts(self) -> list[Counts]:
        """The connections that have ended."""
        return list(self._bench.counts)

    @property
    def connections(self) -> int:
        """How many connections there were, open ones too."""
        return self._accepted

    def commands(self, connection: int | None = None) -> list[str]:
        """The command lines of one connection, or of all as they came."""
        kept = list(self._bench.commands)
        return [line for number, line in kept if connection in (None, number)]

    def start(self) -> None:
        """Listen (again)."""
        self._stopping.clear()
        self._listener = self._listening()
        thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        thread.start()
        self._threads = [thread]

    def _listening(self) -> socket.socket:
        if self._unix_socket is not None:
            listener = socket.socket(socket.AF_UNIX)
            self._unix_socket.unlink(missing_ok=True)
            listener.bind(str(self._unix_socket))
        else:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            self.port = listener.getsockname()[1]
        settings = self.script.settings
        for option, size in (
            (socket.SO_RCVBUF, settings.receive_buffer),
            (socket.SO_SNDBUF, settings.send_buffer),
        ):
            if size:
                listener.setsockopt(socket.SOL_SOCKET, option, size)
        listener.listen(128)
        return listener

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if connection.family == socket.AF_INET:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            wire = Wire(connection, self._stopping)
            with self._bench.lock:
                self._wires.add(wire)
                self._bench.open += 1
            number, self._accepted = self._accepted, self._accepted + 1
            thread = threading.Thread(target=self._serve, args=(number, wire), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, number: int, wire: Wire) -> None:
        try:
            Session(number, wire, self._bench).run()
        finally:
            with self._bench.lock:
                self._wires.discard(wire)
                self._bench.open -= 1

    def stop(self) -> None:
        """Stop listening and end every connection, in any state."""
        self._stopping.set()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for wire in list(self._wires):
            wire.interrupt()
        for thread in self._threads:
            thread.join(timeout=10)

    def restart(self) -> None:
        """End every connection and listen again on the same port."""
        self.stop()
        self.start()

    def wait_for_end(self, connections: int = 1, *, patience: float = 60.0) -> list[Counts]:
        """Wait until that many connections have ended, and return their counts."""
        end = time.monotonic() + patience
        while len(self._bench.counts) < connections:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self._bench.counts)} of {connections} connections ended")
            time.sleep(0.005)
        return self.counts

    def close(self) -> None:
        """Stop, and close the journal."""
        self.stop()
        self._bench.journal.close()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _context(settings: Settings) -> ssl.SSLContext | None:
    if not settings.chain_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(settings.chain_file)
    return context


@contextlib.contextmanager
def serve(*rules: object, **settings: object) -> Iterator[ScriptedServer]:
    """A server with these rules and these settings, for the length of a `with`."""
    script = Script(Settings(**settings), tuple(rules))  # type: ignore[arg-type]  # as they are given
    with ScriptedServer(script) as server:
        yield server
