"""What tests need of the system, and what differs between systems in what they look at.

The tests run on Windows, too (.ci/windows/test). A test that shows what only POSIX systems do has
the mark `on_posix`; symbolic links need a privilege on Windows, so their tests have `needs_links`.
"""

from __future__ import annotations

import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

ON_WINDOWS: Final = sys.platform == "win32"


def _on_wine() -> bool:
    if not ON_WINDOWS:
        return False
    import ctypes

    return hasattr(ctypes.windll.ntdll, "wine_get_version")  # type: ignore[attr-defined,unused-ignore]


ON_WINE: Final = _on_wine()

on_posix = pytest.mark.skipif(ON_WINDOWS, reason="shows what POSIX systems do")
needs_links = pytest.mark.skipif(ON_WINDOWS, reason="a symbolic link needs a privilege")
needs_resets = pytest.mark.skipif(
    ON_WINE, reason="Wine shuts a socket down before it closes it: no connection is ever reset"
)
needs_unix_sockets = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here"
)
open_files_stay = pytest.mark.skipif(
    ON_WINDOWS, reason="Windows neither renames nor removes a file that is open"
)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program has the file open, and shares it with no one: Excel on Windows."""
    import ctypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    kernel.CreateFileW.restype = ctypes.c_void_p
    kernel.CloseHandle.argtypes = [ctypes.c_void_p]
    read_and_write, no_sharing, existing = 0xC0000000, 0, 3
    handle = kernel.CreateFileW(str(path), read_and_write, no_sharing, None, existing, 0, None)
    assert handle != ctypes.c_void_p(-1).value
    try:
        yield
    finally:
        kernel.CloseHandle(handle)


on_windows = pytest.mark.skipif(not ON_WINDOWS, reason="shows what Windows does")


def assert_private(*paths: Path) -> None:
    """Assert that only the user may read a file or use a folder, as far as the mode tells.

    Windows has access lists instead of a mode; tests/test_private_files.py is about them.
    """
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert ON_WINDOWS or mode == (0o700 if path.is_dir() else 0o600), path


def allocated(path: Path) -> int:
    """The bytes of the disk that a file has; its size where the system does not tell."""
    found = path.stat()
    blocks: int = getattr(found, "st_blocks", -(-found.st_size // 512))
    return blocks * 512
