"""Reading and waiting: received bytes are read, and no wait is too long."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mailmerge.smtp import (
    TIMEOUTS,
    Answered,
    Client,
    Connection,
    TransportInfo,
    Verdict,
)
from mailmerge.smtp.receiver import Receiver
from mailmerge.smtp.state import Awaited
from mailmerge.smtp.timeouts import ReplyTimer
from tests.smtp.conversation import (
    local,
    message,
    short,
)
from tests.smtp.transports import Chunks


@contextmanager
def scripted(said: bytes, *, drip: bytes = b"") -> Iterator[int]:
    """Sends `said`, then one of `drip` every 50 ms until the client has closed."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def run() -> None:
        connected, _ = listener.accept()
        with connected:
            greeting, _, rest = said.partition(b"\n")
            connected.sendall(greeting + b"\n")
            connected.recv(1000)
            connected.sendall(rest)
            while drip and not stopping.wait(0.05):
                try:
                    connected.sendall(drip)
                except OSError:
                    return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopping.set()
        thread.join()
        listener.close()


def test_single_bytes_do_not_delay_the_timeout() -> None:
    with scripted(b"220 x\r\n250 x\r\n", drip=b"2") as port:
        client = Client(local(port), timeouts=short(Awaited.MAIL))
        client.open()
        client.submit(message(1))
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.NOT_SENT
        assert "within" in outcome.reason
        client.abort()


class Silent:
    """A transport on which nothing happens except that time passes."""

    info = TransportInfo(local=True, local_name="client.example.org")

    def __init__(self, *received: bytes | None) -> None:
        self.received = list(received)
        self.now = 0.0

    def send(self, chunks: Chunks) -> Chunks:
        return chunks

    def receive(self) -> bytes | None:
        return self.received.pop(0) if self.received else None

    def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
        if self.received:
            return True
        assert seconds is not None
        self.now += max(seconds, 0)
        return False

    def start_tls(self, host: str, ca_file: str = "") -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass


def receiver_of(transport: Silent) -> tuple[Connection, Receiver]:
    connection = Connection()
    timer = ReplyTimer(local(25), TIMEOUTS, lambda: transport.now)
    return connection, Receiver(connection, transport, timer)


def test_a_reply_that_does_not_come_ends_the_connection() -> None:
    transport = Silent()
    connection, receiver = receiver_of(transport)
    assert receiver.wait(None, writing=False)
    assert connection.session.closed
    assert transport.now == 300.0
    assert str(connection.session.failure) == "the greeting did not come within 300 seconds"


def test_the_callers_deadline_does_not_end_the_connection() -> None:
    transport = Silent()
    connection, receiver = receiver_of(transport)
    assert not receiver.wait(5.0, writing=False)
    assert transport.now == 5.0
    assert not connection.session.closed


def test_content_that_is_not_taken_ends_the_connection() -> None:
    connection, receiver = receiver_of(Silent())
    assert receiver.wait(None, writing=True)
    assert "took no data" in str(connection.session.failure)


def test_a_whole_reply_starts_the_timeout_again() -> None:
    transport = Silent(b"220-slow\r\n220 hello\r\n")
    connection, receiver = receiver_of(transport)
    transport.now = 299.0
    assert receiver.read()
    connection.session.hello("client.example.org")
    assert not receiver.wait(310.0, writing=False)
    assert not connection.session.closed


def test_half_a_reply_does_not_start_the_timeout_again() -> None:
    transport = Silent(b"220-slow\r\n", b"220-slower\r\n")
    connection, receiver = receiver_of(transport)
    transport.now = 299.0
    assert receiver.read()
    assert receiver.read()
    assert not receiver.read(), "nothing more has come"
    assert receiver.wait(310.0, writing=False)
    assert connection.session.closed


def test_read_all_reads_everything_received() -> None:
    connection, receiver = receiver_of(Silent(b"220 ", b"hello", b"\r\n", b""))
    receiver.read_all()
    assert connection.session.closed
    assert [event.reply.code for event in connection.events() if isinstance(event, Answered)] == [
        220
    ]
