"""Terminals: whether they show what control keys type."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

_LOCAL_MODES = 3
"""The place of the local modes among the attributes of a terminal."""


@contextmanager
def control_keys_unseen(stream: TextIO, platform: str = sys.platform) -> Iterator[None]:
    """Ctrl-C leaves no `^C` on the terminal of this stream, where it would break a progress line.

    Without a terminal, and where terminals have no such setting (Windows), nothing is changed.
    """
    restore = _nothing if platform == "win32" else _without_echo(stream)
    try:
        yield
    finally:
        restore()


def _without_echo(stream: TextIO) -> Callable[[], None]:
    """Change the terminal; the result changes it back."""
    import termios  # Windows has no such module

    try:
        device = stream.fileno()
        before = termios.tcgetattr(device)
        changed = list(before)
        changed[_LOCAL_MODES] &= ~termios.ECHOCTL
        termios.tcsetattr(device, termios.TCSANOW, changed)
    except (OSError, ValueError, termios.error):  # no terminal, or none of this process
        return _nothing

    def restore() -> None:
        with suppress(OSError, termios.error):  # the terminal was closed meanwhile
            termios.tcsetattr(device, termios.TCSANOW, before)

    return restore


def _nothing() -> None:
    pass
