"""Questions to the user: on standard input, or on the terminal if standard input was the data.

`printf ... | mailmerge send` with `file = "-"` reads the recipients from standard input. Answers
then come from the terminal on which the command was started.
"""

from __future__ import annotations

import sys
from typing import TextIO

_TERMINAL = "CONIN$" if sys.platform == "win32" else "/dev/tty"


def can_ask() -> bool:
    """Whether there is a terminal to ask the user."""
    if not _data_came_from_standard_input():
        return sys.stdin is not None and sys.stdin.isatty()
    try:
        _open_terminal().close()
    except OSError:
        return False
    return True


def read_answer() -> str:
    """The line that the user types, without white space around it; requires `can_ask()`.

    Raises:
        OSError: the terminal was closed.
    """
    if not _data_came_from_standard_input():
        return sys.stdin.readline().strip()
    with _open_terminal() as terminal:
        return terminal.readline().strip()


def _open_terminal() -> TextIO:
    return open(_TERMINAL, encoding="utf-8", errors="replace")  # noqa: PTH123 - a device


def _data_came_from_standard_input() -> bool:
    from mailmerge.recipients.standard_input import standard_input

    return standard_input.was_read
