"""How `mailmerge check` looks in a real terminal."""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from mailmerge.wording import columns_of
from tests.cli.on_terminal import require_terminals

if sys.platform != "win32":
    import fcntl
    import termios

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def in_a_terminal(
    columns: int,
    *arguments: object,
    status: int = 3,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """What the real program writes to a real terminal of this width."""
    require_terminals()
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "mailmerge", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "", **environment},
    )
    os.close(theirs)
    received = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            received += os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
    assert process.wait(60) == status
    os.close(ours)
    return received.decode()


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_no_line_is_wider_than_the_terminal(campaign: Path, columns: int) -> None:
    (campaign / "recipients.csv").write_text("email,name\n" + "bob,Bob 王小明\n" * 30)
    shown = in_a_terminal(columns, "check", campaign)
    lines = [ESCAPE.sub("", line).rpartition("\r")[2] for line in shown.split("\r\n")]
    assert any('"bob" has no @ sign' in line for line in lines)
    assert max(map(columns_of, lines)) <= columns
    assert ESCAPE.search(shown)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_turned_off(campaign: Path, environment: dict[str, str]) -> None:
    (campaign / "recipients.csv").write_text("email,name\nbob,Bob\n")
    shown = in_a_terminal(80, "check", campaign, environment=environment)
    assert "error    recipients.csv, row 2" in shown
    assert not ESCAPE.search(shown)


def test_no_command_ignores_the_colour_setting(campaign: Path) -> None:
    for arguments, status in ((["providers", "gmail"], 0), (["status", campaign / "x"], 2)):
        assert ESCAPE.search(in_a_terminal(80, *arguments, status=status))
        shown = in_a_terminal(80, *arguments, status=status, environment={"NO_COLOR": "1"})
        assert shown.strip()
        assert not ESCAPE.search(shown)
