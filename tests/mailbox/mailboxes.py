"""Accounts of a real Dovecot, and a proxy in front of it that has other capabilities."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from mailmerge.mailbox.account import ImapAccount
from mailmerge.smtp import Credentials
from tests import servers


def account_of(server: servers.Imap, ca_file: Path, password: str = "secret") -> ImapAccount:
    """The account `news` of a Dovecot."""

    def credentials() -> Credentials:
        return Credentials("news", password)

    return ImapAccount(server.host, server.port, "tls", ca_file, "INBOX", "news", credentials)


_CAPABILITIES = re.compile(rb"(CAPABILITY) [^\]\r\n]*")


@contextmanager
def capable(
    capabilities: str, account: ImapAccount, cut_at: bytes = b"", *, cuts: int = 1
) -> Iterator[ImapAccount]:
    """A plain server in front of the account's own one, which says that it has other capabilities.

    It cuts the connection when a client writes `cut_at`, as often as `cuts`.
    """
    context = ssl.create_default_context(cafile=account.ca_file)
    listening = socket.create_server(("127.0.0.1", 0))
    left = [cuts]

    def serve(client: socket.socket) -> None:
        with (
            client,
            socket.create_connection((account.host, account.port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as server,
        ):
            pump = threading.Thread(target=to_client, args=(server, client), daemon=True)
            pump.start()
            with suppress(OSError):
                while data := client.recv(1 << 16):
                    if cut_at and cut_at in data and left[0]:
                        left[0] -= 1
                        return
                    server.sendall(data)

    def to_client(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                said = b"CAPABILITY " + capabilities.encode()
                client.sendall(_CAPABILITIES.sub(said, data))
            client.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listening:
        port = int(listening.getsockname()[1])
        yield replace(account, port=port, security="none", ca_file=None)
