"""Files and folders that hold addresses are for the user alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mailmerge.errors import LedgerError
from mailmerge.portable.files import Mode
from mailmerge.private_files import (
    make_private_file,
    make_private_folder,
    narrow_folder,
    open_private,
    user_state_folder,
)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", ["create", "write", "append", "update"])
def test_a_new_file_is_for_the_user_alone(tmp_path: Path, mode: Mode) -> None:
    os.umask(os.umask(0))
    with os.fdopen(open_private(tmp_path / "x", mode), "wb") as file:
        file.write(b"content")
    assert mode_of(tmp_path / "x") == 0o600


def test_a_file_that_is_there_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("content")
    make_private_file(tmp_path / "x")
    make_private_file(tmp_path / "y")
    assert (tmp_path / "x").read_text() == "content"
    assert mode_of(tmp_path / "y") == 0o600


def test_a_file_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="x: cannot be opened: No such file"):
        make_private_file(tmp_path / "nowhere" / "x")


def test_a_new_folder_is_for_the_user_alone(tmp_path: Path) -> None:
    assert make_private_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert mode_of(tmp_path / "a" / "b") == 0o700
    make_private_folder(tmp_path / "a" / "b")


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(LedgerError, match="b: the folder cannot be made: Not a directory"):
        make_private_folder(tmp_path / "a" / "b")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"MAILMERGE_STATE_HOME": "/own", "XDG_STATE_HOME": "/xdg"}, Path("/own")),
        ({"XDG_STATE_HOME": "/xdg"}, Path("/xdg/mailmerge")),
        ({}, Path.home() / ".local" / "state" / "mailmerge"),
        (
            {"MAILMERGE_STATE_HOME": "", "XDG_STATE_HOME": ""},
            Path.home() / ".local/state/mailmerge",
        ),
    ],
)
def test_the_users_folder_follows_the_environment(environ: dict[str, str], expected: Path) -> None:
    assert user_state_folder(environ) == expected


def test_a_folder_is_narrowed_to_the_user(tmp_path: Path) -> None:
    for before, after in ((0o777, 0o700), (0o750, 0o700), (0o500, 0o500)):
        folder = tmp_path / oct(before)
        folder.mkdir()
        folder.chmod(before)
        assert narrow_folder(folder) == folder
        assert mode_of(folder) == after
    narrow_folder(tmp_path / "missing")


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run as a user that its password file does not have."""
    users = pytest.importorskip("pwd")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(users, "getpwuid", {}.__getitem__)
    with pytest.raises(LedgerError, match="set MAILMERGE_STATE_HOME"):
        user_state_folder({})
    assert user_state_folder({"XDG_STATE_HOME": "/state"}) == Path("/state/mailmerge")
