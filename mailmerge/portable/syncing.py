"""Waiting until a file's bytes are on the disk, where a power cut cannot lose them.

On Linux and Windows, `os.fsync` does that. On macOS, fsync(2) moves the bytes to the disk, whose
cache may still lose them; fcntl(2) with F_FULLFSYNC empties the cache, too. A file system that does
not know F_FULLFSYNC, such as a network disk, gets the plain call. SQLite has a setting of its own
for this, `PRAGMA fullfsync`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any


def sync_to_disk(
    file: int, platform: str = sys.platform, *, fcntl: Any = None, system: Any = os
) -> None:
    """Wait until the disk has all bytes that were written to this descriptor. Raises OSError."""
    if platform == "darwin":
        fcntl = fcntl or import_module("fcntl")
        try:
            fcntl.fcntl(file, fcntl.F_FULLFSYNC)
        except OSError:
            pass  # this file system has only the plain call
        else:
            return
    system.fsync(file)
