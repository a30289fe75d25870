"""The id of the machine's present boot, which tells whether unsynced bytes may be lost.

Bytes that a killed process has written are safe, because the kernel has them. Only a power cut or a
crash of the system can lose them, and then the machine boots again. So if a program records the
boot id and later finds another one, bytes that were not synced may be lost.

* Linux and macOS give each boot a random id.
* Windows does not. There the id is the time of the boot: the present time minus the uptime. The two
  clocks drift apart, so times that differ by a few seconds mean the same boot. Two boots with a
  program that wrote something in between are further apart.
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
    """Return the id of the machine's present boot, or "" if it is not known.

    `uptime` returns seconds, `now` seconds since 1970. Compare two ids only by `same_boot`.
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
    """Whether two ids mean the same boot; an unknown id ("") never does."""
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
    """Seconds since Windows started, including sleep (GetTickCount64)."""
    import ctypes

    ticks = ctypes.windll.kernel32.GetTickCount64  # type: ignore[attr-defined]  # of Windows only
    ticks.restype = ctypes.c_uint64
    return float(ticks()) / 1000
