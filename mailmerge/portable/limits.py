"""A limit on the memory and the time of this process, where the platform has one."""

from __future__ import annotations

import contextlib
from importlib import import_module
from types import ModuleType


def _resource() -> ModuleType | None:
    """The module that sets limits; Windows has none."""
    try:
        return import_module("resource")
    except ImportError:
        return None


_BUSY = 60
_ALONE = 6


def seconds_to_wait(seconds: int) -> int:
    """How long the parent of a process with a limit waits for it, in seconds of the clock.

    The limit is on processor time, and on a busy machine that comes slowly: there only patience
    costs. Where the platform has no such limit, this time-out is the only one.
    """
    return seconds * (_ALONE if _resource() is None else _BUSY)


def limit_process(memory: int, seconds: int, resource: ModuleType | None = None) -> bool:
    """Let this process take at most `memory` bytes and `seconds` of processor time.

    A limit that is already lower stays.

    Returns:
        Whether the platform has such limits. If not, only the parent's time-out ends the process.
    """
    resource = resource or _resource()
    if resource is None:
        return False
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds)):
        soft, hard = resource.getrlimit(kind)
        known = [limit for limit in (most, soft, hard) if limit != resource.RLIM_INFINITY]
        with contextlib.suppress(ValueError, OSError):  # macOS has no limit on memory
            resource.setrlimit(kind, (min(known), hard))
    return True
