"""Runs a program of the user and reads a little of its output, with limits of size and time.

A program that is stopped must not leave children behind, so it gets a process group of its own
where the platform has them. The exception is a program that may ask the user something on the
terminal: in another group it could not read from it. Such a program is killed alone; its children
end when nobody reads their output.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

_ENDS: Final = 2.0
"""Seconds that a killed program has to end."""


class TooMuchOutput(Exception):
    """The program printed more than was asked for."""


def read_output(arguments: Sequence[str], *, seconds: float, size: int) -> bytes:
    """Run a program to its end, and return what it printed.

    Raises:
        OSError: it cannot be started.
        TooMuchOutput: it printed more than `size` bytes; it has been killed.
        subprocess.TimeoutExpired: it did not end within `seconds`; it has been killed.
        subprocess.CalledProcessError: it failed.
    """
    in_group = hasattr(os, "killpg") and not _may_ask()
    process = subprocess.Popen(  # noqa: S603 - the caller chooses the program
        arguments, stdout=subprocess.PIPE, start_new_session=in_group
    )
    output = bytearray()
    reader = threading.Thread(target=_read, args=(process, output, size), daemon=True)
    reader.start()
    try:
        _wait(process, reader, seconds)
        _check_size(output, size)
    except BaseException:
        _kill(process, in_group=in_group)
        reader.join(_ENDS)
        raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, arguments)
    return bytes(output)


def _check_size(output: bytearray, size: int) -> None:
    if len(output) > size:
        raise TooMuchOutput


def _wait(process: subprocess.Popen[bytes], reader: threading.Thread, seconds: float) -> None:
    """Wait until the program has ended and its output has been read, or the reader has enough."""
    deadline = time.monotonic() + seconds
    reader.join(seconds)
    if reader.is_alive():  # the program, or a child of it, still holds the output
        raise subprocess.TimeoutExpired(process.args, seconds)
    try:
        process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise subprocess.TimeoutExpired(process.args, seconds) from None


def _read(process: subprocess.Popen[bytes], output: bytearray, size: int) -> None:
    """Read until the end, or until there is too much; then close the pipe, which ends a writer."""
    stream: Any = process.stdout
    with stream, contextlib.suppress(OSError):
        while len(output) <= size and (block := os.read(stream.fileno(), size + 1)):
            output += block


def _kill(process: subprocess.Popen[bytes], *, in_group: bool) -> None:
    """End the program and, where it has a group of its own, its children."""
    with contextlib.suppress(OSError):
        if in_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_ENDS)


def _may_ask() -> bool:
    """Whether the user is at a terminal, on which the program may ask for something."""
    return sys.stdin is not None and sys.stdin.isatty()
