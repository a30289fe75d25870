"""What works on this computer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailmerge.reports.installation import facts


def test_everything_works_here(tmp_path: Path) -> None:
    found = {one.name: one for one in facts(tmp_path, "1.2.3")}
    assert all(one.works for one in found.values())
    assert found["mailmerge"].text == "1.2.3"
    assert "jinja2 3" in found["libraries"].text
    assert found["ledger"].text.startswith("SQLite 3")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_space_for_a_lock_fails(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    found = {one.name: one for one in facts(file / "campaign.toml", "1.2.3")}
    assert not found["locks"].works


def test_the_state_folder_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "deep"
    monkeypatch.setenv("MAILMERGE_STATE_HOME", str(home))
    found = {one.name: one for one in facts(tmp_path, "1.2.3")}
    assert found["state folder"].works
    assert found["state folder"].text == os.fspath(home)
    assert not home.parent.exists()
