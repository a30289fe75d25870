"""The scripted server in a process of its own, so that it outlives a client that is killed."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.scripted_server.codec import to_json
from tests.scripted_server.journal import Counts, JournalReader, Message, Violation
from tests.scripted_server.script import Script
from tests.scripted_server.server import LOOPBACK
from tests.servers.programs import wait_until

_TREE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """A running server; all that is known of it is its journal."""

    port: int
    journal: JournalReader
    process: subprocess.Popen[str]
    host: str = LOOPBACK

    @property
    def messages(self) -> list[Message]:
        """Every end of data so far, with its verdict."""
        return self.journal.of(Message)

    @property
    def taken(self) -> list[Message]:
        """The messages that this server is responsible for."""
        return [message for message in self.messages if message.taken]

    @property
    def violations(self) -> list[Violation]:
        """The rules of the wire that clients broke."""
        return self.journal.of(Violation)

    def wait_until_idle(self) -> None:
        """Wait until every connection so far has ended: what a killed client sent is judged, too.

        A connection of our own that says only QUIT is the last one; connections have numbers.
        """
        before = len(self._probes())
        with socket.create_connection((self.host, self.port), timeout=60) as probe:
            probe.recv(512)
            probe.sendall(b"QUIT\r\n")
            while probe.recv(512):
                pass
        wait_until(lambda: self._all_ended(before), "the end of all connections")

    def _all_ended(self, before: int) -> bool:
        probes, ended = self._probes(), {one.connection for one in self.journal.of(Counts)}
        return len(probes) > before and ended >= set(range(max(probes)))

    def _probes(self) -> list[int]:
        counts = self.journal.of(Counts)
        return [one.connection for one in counts if one.commands == {"QUIT": 1}]


@contextlib.contextmanager
def server_process(script: Script, folder: Path, *, port: int = 0) -> Iterator[ServerProcess]:
    """Start `python -m tests.scripted_server`, with its script and its journal in `folder`."""
    path, journal = folder / "script.json", folder / "journal.jsonl"
    path.write_text(to_json(script), encoding="utf-8")
    command = [sys.executable, "-m", "tests.scripted_server", "--port", str(port)]
    command += ["--log", str(journal), "--script", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_TREE) as process:
        try:
            assert process.stdout is not None
            _, _, listening = process.stdout.readline().partition("listening on ")
            yield ServerProcess(int(listening), JournalReader(journal), process)
        finally:
            process.terminate()
