"""Bytes are on the disk after a sync, on macOS, too."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailmerge.portable.syncing import sync_to_disk


class Calls(list[str]):
    """Records the calls; `refused` is the errno of F_FULLFSYNC, 0 if it works."""

    def __init__(self, refused: int = 0) -> None:
        super().__init__()
        self.system = SimpleNamespace(fsync=lambda file: self.append(f"fsync {file}"))
        self.fcntl = SimpleNamespace(F_FULLFSYNC=51, fcntl=self._control)
        self._refused = refused

    def _control(self, file: int, command: int) -> None:
        self.append(f"fcntl {file} {command}")
        if self._refused:
            raise OSError(self._refused, "refused")


@pytest.mark.parametrize(
    ("platform", "refused", "calls"),
    [
        ("darwin", 0, ["fcntl 7 51"]),
        ("darwin", errno.ENOTSUP, ["fcntl 7 51", "fsync 7"]),
        ("darwin", errno.EINVAL, ["fcntl 7 51", "fsync 7"]),
        ("linux", 0, ["fsync 7"]),
        ("win32", 0, ["fsync 7"]),
    ],
)
def test_each_platform_empties_the_cache_of_the_disk(
    platform: str, refused: int, calls: list[str]
) -> None:
    made = Calls(refused)
    sync_to_disk(7, platform, fcntl=made.fcntl, system=made.system)
    assert made == calls


def test_the_present_platform_syncs_a_file(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.write(b"content")
        file.flush()
        sync_to_disk(file.fileno())
    with pytest.raises(OSError):
        sync_to_disk(10**6)
