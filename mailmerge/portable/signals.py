"""The signals that ask a program to stop.

POSIX systems send SIGINT for Ctrl-C and SIGTERM for `kill`. Windows sends SIGINT for Ctrl-C, and
SIGBREAK for Ctrl-Break and when the window of the terminal is closed; it never sends SIGTERM.
"""

from __future__ import annotations

import signal
from typing import Any, Final

_NAMES: Final = ("SIGINT", "SIGTERM", "SIGBREAK")


def stop_signals(system: Any = signal) -> tuple[int, ...]:
    """Those that this platform has; `system` is the module `signal` or its like."""
    return tuple(getattr(system, name) for name in _NAMES if hasattr(system, name))
