"""Whether a process of this machine still runs, and since when.

A process id alone does not tell: the system gives the ids of ended processes to new ones. So the
start of the process is compared as well. A process that has ended but was not collected by its
parent (a zombie) does not run.

* Linux: /proc/PID/stat has the state and the start, in clock ticks since the boot.
* Windows: `os.kill(pid, 0)` would end the process, so the system is asked for its times.
* Other systems: signal 0 tells whether the process exists; its start is not known.

A process may also make a copy of itself (fork), for example by `multiprocessing`. The child has the
open files of its parent, with their locks: they would be held until the child ends, even if the
parent is killed before. What must not live on in a child is registered here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final, Protocol
from weakref import WeakSet

_PROC: Final = Path("/proc")
_ENDED: Final = frozenset("ZXx")
_STATE, _START = 0, 19
"""The fields of /proc/PID/stat after the name of the program: fields 3 and 22 of proc(5)."""

_QUERY: Final = 0x1000
_STILL_ACTIVE: Final = 259
_ACCESS_DENIED: Final = 5


class _Inherited(Protocol):
    """An open thing that belongs to the process that opened it."""

    def abandon(self) -> None:
        """Give it up in a child process, without any effect on the parent's."""
        ...


_inherited: Final[WeakSet[_Inherited]] = WeakSet()


def abandon_in_children(one: _Inherited) -> None:
    """Let each forked child of this process begin with `one.abandon()`, as long as `one` lives."""
    _inherited.add(one)


def _abandon_all() -> None:
    for one in list(_inherited):
        one.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)


def process_start(
    pid: int,
    platform: str = sys.platform,
    *,
    proc: Path = _PROC,
    system: Any = os,
    foreign: Any = None,
) -> str | None:
    """Return when a process started, in a form of the platform; None if it does not run.

    "" means that the process runs, and that its start is not known. `foreign` calls the kernel of
    Windows; None stands for `ctypes`.
    """
    if pid <= 0:
        return None
    if platform == "win32":
        return _start_on_windows(pid, foreign)
    try:
        content = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _answers(pid, system)
    fields = content.rpartition(")")[2].split()
    return None if fields[_STATE] in _ENDED else fields[_START]


def same_process(recorded: str, found: str | None) -> bool:
    """Whether a start that was recorded is that of the process found now under the same id."""
    if found is None:
        return False
    return not recorded or not found or recorded == found


def _answers(pid: int, system: Any) -> str | None:
    """Ask a POSIX system without /proc by signal 0, which is never delivered."""
    try:
        system.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return ""  # it runs, and belongs to another user
    return ""


def _start_on_windows(pid: int, foreign: Any) -> str | None:
    import ctypes

    foreign = foreign or ctypes
    kernel = foreign.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = ctypes.c_void_p
    process = kernel.OpenProcess(_QUERY, 0, pid)
    if not process:
        return "" if foreign.get_last_error() == _ACCESS_DENIED else None
    handle = ctypes.c_void_p(process)
    try:
        code, times = ctypes.c_ulong(), [ctypes.c_uint64() for _ in range(4)]
        kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        if code.value != _STILL_ACTIVE:
            return None
        found = kernel.GetProcessTimes(handle, *(ctypes.byref(one) for one in times))
        return str(times[0].value) if found else ""
    finally:
        kernel.CloseHandle(handle)
