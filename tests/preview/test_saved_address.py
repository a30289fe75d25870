from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from mailmerge.preview.access import Access
from mailmerge.preview.saved_address import load_address, save_address

TOKEN = "t" * 32
ACCESS = Access(8765, TOKEN)
FILE = "preview.json"


def test_the_saved_address_is_loaded_the_next_time(tmp_path: Path) -> None:
    save_address(tmp_path / "state", ACCESS)
    assert load_address(tmp_path / "state") == (8765, TOKEN)


def test_only_the_user_can_read_the_file(tmp_path: Path) -> None:
    save_address(tmp_path / "state", ACCESS)
    path = tmp_path / "state" / FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_file_holds_port_and_token_only(tmp_path: Path) -> None:
    save_address(tmp_path, ACCESS)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert json.loads((tmp_path / FILE).read_text()) == {"port": 8765, "token": TOKEN}


@pytest.mark.parametrize(
    "stored",
    ["", "{}", "[]", '{"port": "x", "token": "y"}', f'{{"port": 80, "token": "{TOKEN}"}}',
     '{"port": 8000, "token": "short"}', '{"port": 8000, "token": 7}'],
)  # fmt: skip
def test_an_unusable_file_gives_a_new_token(tmp_path: Path, stored: str) -> None:
    (tmp_path / FILE).write_text(stored)
    port, token = load_address(tmp_path)
    assert port == 0
    assert len(token) >= 32
    assert load_address(tmp_path)[1] != token


def test_a_folder_that_is_not_writable_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    save_address(tmp_path / "state", ACCESS)
    assert load_address(tmp_path / "state")[0] == 0
