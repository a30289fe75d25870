"""pymap, an IMAP server in Python that shares no code with Dovecot, with mailboxes in memory."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.servers import programs
from tests.servers.certificates import Certificates

PYMAP_USER = ("news", "secret")
"""The only user, and the password."""


@contextlib.contextmanager
def pymap(certificates: Certificates) -> Iterator[int]:
    """Serve one mailbox with some mails, and yield the port, for STARTTLS."""
    program = Path(sys.executable).with_name("pymap")
    if not program.exists():
        programs.unavailable("pymap is not installed")
    port = programs.free_port()
    user, password = PYMAP_USER
    command: list[str | Path] = [
        program, "--host", programs.LOOPBACK, "--port", str(port),
        "--cert", certificates.chain_file, "--key", certificates.chain_file,
        "dict", "--demo-data", "--demo-user", user, "--demo-password", password,
    ]  # fmt: skip
    with (
        programs.server_folder("pymap") as folder,
        programs.process(command, log=folder / "output"),
    ):
        programs.wait_until(
            lambda: _greets(port),
            "pymap",
            log=lambda: programs.text_of(folder / "output"),
        )
        yield port


def _greets(port: int) -> bool:
    try:
        with socket.create_connection((programs.LOOPBACK, port), timeout=5) as connection:
            return connection.recv(100).startswith(b"* OK")
    except OSError:
        return False
