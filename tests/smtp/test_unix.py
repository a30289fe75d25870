"""Unix sockets: a clear error where no server listens, or the platform has none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from mailmerge.smtp import Server, SocketTransport
from mailmerge.smtp._unix import connect_unix
from mailmerge.smtp.errors import ServerUnreachable

needs_unix_sockets = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here"
)


@needs_unix_sockets
def test_a_server_behind_a_unix_socket_is_reached(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        transport = SocketTransport.connect(Server(socket=str(path)))
        theirs, _ = listener.accept()
        with theirs:
            theirs.sendall(b"220 hello\r\n")
            assert transport.wait(10)
            assert transport.receive() == b"220 hello\r\n"
        transport.close()


@needs_unix_sockets
@pytest.mark.parametrize("path", ["/nowhere/at/all", "a\0b", "/" + "x" * 500])
def test_no_server_behind_a_unix_socket_is_explained(path: str) -> None:
    with pytest.raises(ServerUnreachable, match="no connection to the socket") as caught:
        connect_unix(path, 1.0)
    assert caught.value.code == "no-unix-connection"


def test_a_platform_without_unix_sockets_is_explained() -> None:
    with pytest.raises(ServerUnreachable, match="no Unix sockets on this system") as caught:
        connect_unix("/run/lmtp", 1.0, family=None)
    assert caught.value.code == "no-unix-sockets"
