"""mailmerge init: a starter becomes a campaign."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.settings import load_settings
from mailmerge.starters import describe, starters
from tests.cli.conftest import Call


@pytest.mark.parametrize("name", list(starters()))
def test_every_starter_passes_the_check(tmp_path: Path, call: Call, name: str) -> None:
    folder = tmp_path / "mine"
    made = call("init", folder, "--template", name)
    assert made.exit_code == 0
    assert load_settings(folder).message.subject
    assert call("check", folder).exit_code == 0
    assert str(folder) in made.stderr


def test_the_starters_are_listed_with_their_purpose(call: Call) -> None:
    listed = call("init", "--list")
    assert listed.exit_code == 0
    lines = listed.stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(starters())
    assert len(lines) >= 3
    assert all(len(describe(path)) > 10 for path in starters().values())


def test_no_file_is_overwritten(tmp_path: Path, call: Call) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "body.html").write_text("my own")
    refused = call("init", folder)
    assert refused.exit_code == 2
    assert "body.html already exists" in refused.stderr
    assert [path.name for path in folder.iterdir()] == ["body.html"]
    assert (folder / "body.html").read_text() == "my own"


def test_a_missing_folder_is_a_usage_error(call: Call) -> None:
    refused = call("init")
    assert refused.exit_code == 2
    assert "mailmerge init newsletter" in refused.stderr
