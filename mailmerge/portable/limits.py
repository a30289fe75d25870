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
