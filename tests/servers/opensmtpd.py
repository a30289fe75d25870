"""A real OpenSMTPD of its own: no PIPELINING, and 452 after a hundred messages on a connection.

Debian's OpenSMTPD conflicts with its Postfix, so it may lie anywhere: the environment variable
MAILMERGE_TEST_OPENSMTPD names its smtpd. It is compiled to find its users and its spool in fixed
places, and so it runs in a view of the file system of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import programs
from tests.servers.namespace import private_view


@dataclass(frozen=True, slots=True)
class OpenSmtpd:
    """A running OpenSMTPD."""

    host: str
    port: int
    folder: Path

    @property
    def log(self) -> str:
        """What it printed so far."""
        return programs.text_of(self.folder / "output")

    def messages(self) -> list[bytes]:
        """Every message in its queue, with the field that it added, in no order."""
        queue = self.folder / "spool" / "smtpd" / "queue"
        return [path.read_bytes() for path in queue.glob("*/*/message")]


@contextlib.contextmanager
def opensmtpd(relay_port: int = 9, *, lifetime: str = "") -> Iterator[OpenSmtpd]:
    """Start OpenSMTPD; it takes mail for every domain and relays it to a port of this machine.

    Nothing listens on port 9, so that the mail stays in the queue, for `lifetime`.
    """
    program = programs.require("smtpd", variable="MAILMERGE_TEST_OPENSMTPD")
    programs.require_root("opensmtpd")
    with programs.server_folder("opensmtpd") as folder:
        server = OpenSmtpd(programs.LOOPBACK, programs.free_port(), folder)
        command: list[str | Path] = [program, "-d", "-f", folder / "smtpd.conf"]
        (folder / "smtpd.conf").write_text(
            _settings(server, relay_port, lifetime), encoding="ascii"
        )
        view = private_view(
            folder, command, users=["opensmtpd", "opensmtpq"], mounts=_mounts(folder)
        )
        with programs.process(view, log=folder / "output"):
            programs.wait_until(
                lambda: programs.greets(server.port), "opensmtpd", log=lambda: server.log
            )
            yield server


def _mounts(folder: Path) -> dict[Path, str]:
    covered = {"spool": "/var/spool", "lib": "/var/lib", "run": "/run"}
    for name in covered:
        (folder / name).mkdir()
    (folder / "lib" / "opensmtpd" / "empty").mkdir(parents=True)
    return {folder / name: target for name, target in covered.items()}


def _settings(server: OpenSmtpd, relay_port: int, lifetime: str) -> str:
    queue = f"queue ttl {lifetime}\n" if lifetime else ""
    return f"""\
{queue}\
listen on {server.host} port {server.port} hostname localhost
action "keep" relay host smtp://127.0.0.1:{relay_port}
match from any for any action "keep"
"""
