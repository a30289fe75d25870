"""Which start of the machine this is: whether everything the kernel was given is still there.

Bytes that a killed process has written are safe, since the kernel holds them; only a power cut, or
a crash of the system, can lose them. Afterwards the machine has started again. So a program that
notes the present start, and finds another one later, knows that unsynced bytes may be lost.

* Linux and macOS name each start by a random text.
* Windows has no such name. There it is the time of the start, now minus the time since then. The
  two clocks drift apart, so times that differ by some seconds mean the same start; two starts with
  a program that wrote something in between are further apart than that.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

_LINUX_FILE: Final = Path("/proc/sys/kernel/random/boot_id")
_MACOS_COMMAND: Final = ("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")
_BOOT_TIME: Final = "boot-time "
_DRIFT: Final = 10.0
"""Seconds by which the clocks of Windows may drift apart while the machine runs."""


def boot_id(
    platform: str = sys.platform,
    *,
    file: Path = _LINUX_FILE,
    run: Callable[..., Any] = subprocess.run,
    uptime: Callable[[], float] | None = None,
    now: Callable[[], float] = time.time,
) -> str:
    """The name of the present start of the machine; empty where it cannot be known.

    `uptime` is in seconds. Compare two of these names with `same_boot` only.
    """
    if platform == "win32":
        return f"{_BOOT_TIME}{now() - (uptime or _windows_uptime)():.3f}"
    if platform == "darwin":
        return _output_of(run)
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def same_boot(recorded: str, current: str) -> bool:
    """Whether two names stand for one start; an unknown one is never the same."""
    if not recorded or not current:
        return False
    if recorded.startswith(_BOOT_TIME) and current.startswith(_BOOT_TIME):
        first, second = (float(name.removeprefix(_BOOT_TIME)) for name in (recorded, current))
        return abs(first - second) <= _DRIFT
    return recorded == current


def _output_of(run: Callable[..., Any]) -> str:
    try:
        done = run(_MACOS_COMMAND, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return str(done.stdout).strip()


def _windows_uptime() -> float:
    """Seconds since Windows started, those asleep included (GetTickCount64)."""
    import ctypes

    ticks = ctypes.windll.kernel32.GetTickCount64  # type: ignore[attr-defined]  # of Windows only
    ticks.restype = ctypes.c_uint64
    return float(ticks()) / 1000
