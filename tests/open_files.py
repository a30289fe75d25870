"""The files that this process has open, where the system lists them in /proc."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_FOLDER = Path("/proc/self/fd")

needs_open_files = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the system does not list open files in /proc"
)


def open_files() -> set[Path]:
    """Return the paths of the open files."""
    return {link.resolve() for link in _FOLDER.iterdir()}
