"""Campaigns that are sent by the real command, in processes of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests import forked
from tests.forked import Command
from tests.scripted_server import ScriptedServer
from tests.servers.programs import wait_until

Running = Command | subprocess.Popen[bytes]

RECIPIENTS = 300
_TREE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Sender:
    """A campaign folder, and the environment in which it is sent."""

    folder: Path
    state_home: Path
    prefix: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """The folder of the ledger."""
        return self.folder / ".mailmerge"

    def start(self, *arguments: str, command: str = "send") -> Running:
        """Start the command; its output is in one pipe or file."""
        words = [command, str(self.folder), *(("--yes",) if command == "send" else ()), *arguments]
        environment = {**os.environ, "MAILMERGE_STATE_HOME": str(self.state_home)}
        if not self.prefix and not self.environment:
            return forked.start(*words, environment=environment, folder=_TREE, joined=True)
        return subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "mailmerge", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=_TREE,
            env={**environment, **self.environment},
        )

    def run(self, *arguments: str, command: str = "send") -> tuple[int, str]:
        """Run the command; return its exit status and its output."""
        return ended(self.start(*arguments, command=command))


def ended(process: Running) -> tuple[int, str]:
    """Wait for the end of a command; return its exit status and its output in one line."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode is not None
    return process.returncode, re.sub(r"\s+", " ", output.decode())


def make_folder(folder: Path, port: int, *, rate: str = "", recipients: int = RECIPIENTS) -> None:
    """Make a campaign folder for a server on this machine."""
    folder.mkdir(parents=True)
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
    delivery = f'[delivery]\nrate = "{rate}"\n' if rate else ""
    (folder / "campaign.toml").write_text(
        '[message]\nfrom = "news@example.org"\nsubject = "Hello {{ name }}"\ntext = "body.txt"\n'
        f'[campaign]\nname = "spring"\n{smtp}{delivery}'
    )
    rows = "".join(f"u{number}@example.org,U{number}\n" for number in range(recipients))
    (folder / "recipients.csv").write_text("email,name\n" + rows)
    (folder / "body.txt").write_text("Dear {{ name }},\n\nspring is here.\n")


def wait_for(server: ScriptedServer, number: int) -> None:
    """Wait until the server has accepted so many messages."""
    wait_until(lambda: len(server.taken) >= number, f"{number} messages")


def addresses(server: ScriptedServer) -> Counter[str]:
    """How many messages the server has accepted for each recipient."""
    return Counter(path for one in server.taken for path in one.forward_paths)


def assert_nobody_got_two(server: ScriptedServer) -> None:
    """The server has accepted at most one message for each recipient."""
    assert {one: count for one, count in addresses(server).items() if count > 1} == {}
