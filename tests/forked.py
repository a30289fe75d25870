"""Processes without the price of a new interpreter: they are forked from one that is ready.

A new interpreter takes most of a second to import the package and its libraries. The tests start
hundreds of processes, so `CONTEXT` has a fork server that has imported everything (preloaded.py).
A process that it forks is a real one: it has its own id, memory, signals and exit status.

`start` and `run` give such a process the arguments, environment and standard streams of a command,
and let it run `mailmerge/__main__.py`. What they do not show is the start and the end of an
interpreter: how long the imports take, the options of `python`, variables such as PYTHONPATH or
LC_ALL that Python reads at its start, output to a closed pipe, a terminal. Tests of these start
`sys.executable`.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

if sys.platform == "win32":
    CONTEXT: Final = multiprocessing.get_context("spawn")
else:
    CONTEXT: Final = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.preloaded", "tests.forked", "tests.engine.driver"])

KILLED: Final = 9 if sys.platform == "win32" else -9
"""The exit code of a process that `kill` has ended; on Windows that of `die`."""

READ_AT_START: Final = ("PYTHON", "LC_", "LANG")
"""How variables begin that an interpreter reads when it starts."""


@dataclass(frozen=True)
class _Order:
    """What a process does; `streams` is the folder of the files for its standard streams."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: str
    streams: Path
    joined: bool
    session: bool


class Command:
    """A command that is running, with the methods of `subprocess.Popen` that the tests need."""

    def __init__(self, order: _Order, streams: tempfile.TemporaryDirectory[str]) -> None:
        self._streams = streams
        self._order = order
        self._process = CONTEXT.Process(target=_perform, args=(order,), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        self.returncode: int | None = None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self._process.is_alive():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once: SIGKILL, or TerminateProcess on Windows."""
        if self._process.is_alive():
            self._process.kill()

    def communicate(self, timeout: float = 120.0) -> tuple[bytes, bytes]:
        """Wait for the end; return standard output and standard error.

        Raises:
            subprocess.TimeoutExpired: it did not end; it is killed then.
        """
        self._process.join(timeout)
        try:
            if self._process.is_alive():
                self.kill()
                self._process.join()
                raise subprocess.TimeoutExpired([*self._order.arguments], timeout)
            self.returncode = self._process.exitcode
            out, err = (_stream(self._order, number).read_bytes() for number in (1, 2))
            return out, b"" if self._order.joined else err
        finally:
            self._process.close()
            self._streams.cleanup()


def start(
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
    folder: Path | None = None,
    joined: bool = False,
    session: bool = False,
) -> Command:
    """Start `mailmerge` with these arguments.

    `environment` is the whole environment, that of this process by default; `given` is the text on
    standard input; `folder` is the working directory. With `joined`, standard error goes where
    standard output goes. With `session`, the command has no terminal that it could open.
    """
    environment = dict(os.environ if environment is None else environment)
    changed = {name for name, value in environment.items() if os.environ.get(name) != value}
    assert not [name for name in changed if name.startswith(READ_AT_START)], "it starts no Python"
    streams = tempfile.TemporaryDirectory(prefix="streams-")
    place = Path(streams.name)
    if given or sys.platform == "win32":  # where links need a privilege
        (place / "0").write_bytes(given)
    else:
        (place / "0").symlink_to(os.devnull)
    words = tuple(map(str, arguments))
    where = str(Path.cwd() if folder is None else folder)
    return Command(_Order(words, environment, where, place, joined, session), streams)


def run(
    *arguments: str | Path,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
    folder: Path | None = None,
    session: bool = False,
    timeout: float = 120.0,
) -> subprocess.CompletedProcess[bytes]:
    """Run `mailmerge` with these arguments to its end, as `start` says."""
    command = start(
        *arguments, environment=environment, given=given, folder=folder, session=session
    )
    out, err = command.communicate(timeout)
    assert command.returncode is not None
    return subprocess.CompletedProcess([*arguments], command.returncode, out, err)


def die() -> None:
    """End this process at once, as a kill does: nothing is flushed, nothing is called at exit."""
    if sys.platform == "win32":
        os.kill(os.getpid(), KILLED)  # TerminateProcess with this exit code
    else:
        os.kill(os.getpid(), signal.SIGKILL)


def _stream(order: _Order, number: int) -> Path:
    return order.streams / ("1" if order.joined and number == 2 else str(number))


def _perform(order: _Order) -> None:
    """Become the command: take its streams, its environment and its arguments."""
    for number in range(3):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND if number else os.O_RDONLY
        opened = os.open(_stream(order, number), flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = _text(0, "r")
    sys.stdout = _text(1, "w")
    sys.stderr = _text(2, "w", errors="backslashreplace", line_buffering=True)
    if order.session:
        os.setsid()
    os.environ.clear()
    os.environ.update(order.environment)
    if hasattr(time, "tzset"):
        time.tzset()
    os.chdir(order.folder)
    random.seed()
    sys.argv = ["mailmerge", *order.arguments]
    try:
        runpy.run_module("mailmerge", run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:  # an interpreter that is interrupted ends by the signal
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        # A forked process ends without what an interpreter does at exit.
        weakref.finalize._exitfunc()  # type: ignore[attr-defined]


def _text(number: int, mode: str, **more: Any) -> io.TextIOWrapper:
    binary = open(number, f"{mode}b", closefd=False)  # noqa: SIM115 - a descriptor
    return io.TextIOWrapper(binary, **more)
