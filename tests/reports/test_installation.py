"""What works on this computer."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from mailmerge.reports.fact import Fact
from mailmerge.reports.installation import facts, same_name
from mailmerge.reports.surroundings import Terminal

TERMINAL = Terminal("utf-8", colours=False, columns=80)


def found_in(folder: Path, *, ask_dns: bool = False) -> dict[str, Fact]:
    return {one.name: one for one in facts(folder, "1.2.3", TERMINAL, ask_dns=ask_dns)}


def test_everything_works_here(tmp_path: Path) -> None:
    found = found_in(tmp_path)
    assert all(one.works for one in found.values())
    assert found["mailmerge"].text == "1.2.3"
    assert "jinja2 3" in found["libraries"].text
    assert found["ledger"].text.startswith("SQLite 3")
    assert found["clock"].fix == ""
    assert {"browser", "time zone", "terminal", "temporary files", "keyring"} <= found.keys()
    assert "DNS" not in found
    assert list(tmp_path.iterdir()) == []


def test_the_name_server_is_asked_if_wanted(tmp_path: Path) -> None:
    assert "DNS" in found_in(tmp_path, ask_dns=True)


def test_a_folder_without_space_for_a_lock_fails(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    found = found_in(file / "campaign.toml")
    assert not found["locks"].works
    assert str(file) in found["locks"].text
    assert found["locks"].fix


def test_the_current_folder_is_shown_by_its_whole_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.setattr(tempfile, "mkstemp", _refuse)
    text = found_in(Path())["locks"].text
    assert text.startswith(f"no file can be made in {gone}: ")


def _refuse(**_: object) -> tuple[int, str]:
    raise PermissionError(13, "Permission denied")


def test_the_state_folder_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home" / "deep"
    monkeypatch.setenv("MAILMERGE_STATE_HOME", str(home))
    found = found_in(tmp_path)
    assert found["state folder"].works
    assert found["state folder"].text == os.fspath(home)
    assert not home.parent.exists()


def test_a_command_earlier_on_path_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []
    for name in ("first", "second"):
        command = tmp_path / name / "mailmerge"
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\necho {name}\n")
        command.chmod(0o700)
        commands.append(command)
    monkeypatch.setenv("PATH", os.pathsep.join(str(one.parent) for one in commands))
    monkeypatch.setattr(sys, "argv", [str(commands[1])])
    (fact,) = same_name()
    assert fact.name == "command"
    assert str(commands[0]) in fact.text
    assert str(commands[1].parent) in fact.fix
    monkeypatch.setattr(sys, "argv", [str(commands[0])])
    assert list(same_name()) == []
