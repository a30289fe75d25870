"""Run a program in a session of its own, with a user at the session's terminal."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

import pytest


def require_terminals() -> None:
    """Skip the test on a system without pseudo-terminals."""
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals that a test could type into")


# The first terminal that the leader of a session opens becomes the session's own.
_LEADER = "import os, sys; os.close(os.open(sys.argv[1], os.O_RDWR)); os.execv(sys.executable, {})"
_COMMAND = "[sys.executable, *sys.argv[2:]]"


@dataclass(frozen=True)
class Ended:
    """How the program ended, and what it printed."""

    status: int
    stdout: str
    stderr: str


def run_on_terminal(
    arguments: Sequence[object],
    *,
    stdin: bytes | None,
    answers: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run Python with `arguments`; `stdin` is the data on standard input, None for the terminal.

    Each of `answers` is typed, with a line feed, when its question appears on standard error.
    """
    require_terminals()
    ours, theirs = os.openpty()
    leader = [sys.executable, "-c", _LEADER.format(_COMMAND), os.ttyname(theirs)]
    process = subprocess.Popen(
        [*leader, *map(str, arguments)],
        stdin=theirs if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )
    try:
        if stdin is not None and process.stdin is not None:
            process.stdin.write(stdin)
            process.stdin.close()
        assert process.stdout is not None
        assert process.stderr is not None
        told = _answer(process.stderr, ours, dict(answers))
        with process.stdout as stdout:
            printed = stdout.read()
        return Ended(process.wait(60), printed.decode(), told.decode())
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def _answer(stderr: IO[bytes], terminal: int, answers: dict[str, str]) -> bytes:
    """Read standard error to its end, and type the answers."""
    told = b""
    with stderr:
        while select.select([stderr], [], [], 60)[0]:
            read = os.read(stderr.fileno(), 65_536)
            if not read:
                break
            told += read
            for question in [question for question in answers if question.encode() in told]:
                os.write(terminal, f"{answers.pop(question)}\n".encode())
    return told
