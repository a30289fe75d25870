"""Files by their descriptors, as every platform opens, writes and reserves them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mailmerge.portable.files import (
    Mode,
    file_identity,
    flags_for,
    may_be_held,
    open_below,
    reserve,
    seek_and_write,
    write_at,
)
from tests.open_files import needs_open_files, open_files
from tests.platforms import allocated, needs_links, on_posix, open_files_stay

WINDOWS = SimpleNamespace(O_BINARY=0x8000)
"""Has no posix_fallocate, and files with translated line ends."""


@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [
        ("write", b"old content", b"new"),
        ("append", b"old", b"oldnew"),
        ("update", b"old content", b"new content"),
        ("create", None, b"new"),
        ("write", None, b"new"),
        ("append", None, b"new"),
    ],
)
def test_each_mode_writes_where_it_says(
    tmp_path: Path, mode: Mode, before: bytes | None, after: bytes
) -> None:
    path = tmp_path / "x"
    if before is not None:
        path.write_bytes(before)
    file = os.open(path, flags_for(mode), 0o600)
    os.write(file, b"new")
    os.close(file)
    assert path.read_bytes() == after


def test_create_refuses_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(FileExistsError):
        os.open(tmp_path / "x", flags_for("create"))


def test_files_are_binary_on_windows() -> None:
    assert flags_for("write", WINDOWS) == flags_for("write") | WINDOWS.O_BINARY


def test_a_descriptor_is_not_inherited(tmp_path: Path) -> None:
    file = os.open(tmp_path / "x", flags_for("write"))
    assert not os.get_inheritable(file)
    os.close(file)


@pytest.mark.parametrize("write", [write_at, seek_and_write])
def test_bytes_are_written_at_their_place(
    tmp_path: Path, write: Callable[[int, bytes, int], int]
) -> None:
    path = tmp_path / "x"
    file = os.open(path, flags_for("write"))
    assert write(file, b"behind", 4) == 6
    assert write(file, b"in front", 0) == 8
    os.close(file)
    assert path.read_bytes() == b"in frontnd"


@pytest.mark.parametrize("system", [os, WINDOWS], ids=["by the system", "with zeros"])
def test_space_is_reserved_and_content_stays(tmp_path: Path, system: object) -> None:
    path = tmp_path / "x"
    file = os.open(path, flags_for("write"))
    write_at(file, b"content", 0)
    reserve(file, 7, 100_000, system)
    os.close(file)
    content = path.read_bytes()
    assert content == b"content" + bytes(100_000 - 7)
    assert allocated(path) >= 100_000


@open_files_stay
def test_a_rename_keeps_the_identity_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    file = os.open(path, flags_for("update"), 0o600)
    own = file_identity(file)
    assert own is not None
    assert file_identity(path) == own
    path.rename(tmp_path / "y")
    assert file_identity(path) is None
    assert file_identity(path / "below") is None
    path.touch()
    assert file_identity(path) != own
    assert file_identity(tmp_path / "y") == own
    os.close(file)


def test_windows_does_not_tell_files_apart(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert file_identity(tmp_path / "x", "win32") == (0, 0)
    assert file_identity(tmp_path / "y", "win32") is None


@pytest.mark.parametrize("system", [os, WINDOWS])
def test_file_below_a_folder_is_opened(tmp_path: Path, system: Any) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"c")
    file = open_below(str(tmp_path), ("a", "b", "c"), system)
    assert os.read(file, 9) == b"c"
    os.close(file)
    with pytest.raises(FileNotFoundError):
        open_below(str(tmp_path), ("a", "gone"), system)


@needs_open_files
@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system opens by the path alone")
@pytest.mark.parametrize("parts", [("link",), ("folder", "x"), ("sub", "link"), ("sub", "up", "x")])
def test_no_link_below_the_folder_is_followed(tmp_path: Path, parts: tuple[str, ...]) -> None:
    below = tmp_path / "below"
    (below / "sub").mkdir(parents=True)
    (tmp_path / "x").write_bytes(b"outside")
    for name in ("link", "sub/link"):
        (below / name).symlink_to(tmp_path / "x")
    for name in ("folder", "sub/up"):
        (below / name).symlink_to(tmp_path, target_is_directory=True)
    before = open_files()
    with pytest.raises(OSError, match=r"symbolic|Not a directory"):
        open_below(str(below), parts)
    assert open_files() == before


@needs_open_files
@needs_links
def test_last_part_is_no_link_on_any_system(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    (tmp_path / "link").symlink_to("x")
    before = open_files()
    with pytest.raises(OSError, match="symbolic"):
        open_below(str(tmp_path), ("link",), WINDOWS)
    assert open_files() == before


@on_posix
def test_pipe_is_opened_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.close(open_below(str(tmp_path), ("pipe",)))


@pytest.mark.parametrize(
    ("error", "platform", "held"),
    [
        (PermissionError(13, "Permission denied"), "win32", True),
        (PermissionError(13, "Permission denied"), "darwin", False),
        (OSError(28, "No space left on device"), "win32", False),
    ],
)
def test_only_windows_refuses_a_file_that_is_open(
    error: OSError, platform: str, held: bool
) -> None:
    assert may_be_held(error, platform) is held
