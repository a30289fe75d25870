"""What `--version --verbose` shows of the installation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Call


def test_the_program_is_shown_wherever_verbose_stands(call: Call) -> None:
    for arguments in (("--version", "--verbose"), ("--verbose", "--version")):
        shown = call(*arguments)
        assert shown.exit_code == 0
        assert shown.stdout.startswith("mailmerge ")
        assert f": {sys.executable}" in shown.stdout
        assert "no other program named mailmerge was found" in shown.stdout


def test_the_version_alone_is_one_line(call: Call) -> None:
    assert len(call("--version").stdout.splitlines()) == 1


def test_another_command_on_path_is_shown(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [tmp_path / name / "mailmerge" for name in ("first", "second")]
    for command in commands:
        command.parent.mkdir()
        command.write_text("#!/bin/sh\n")
        command.chmod(0o700)
    monkeypatch.setenv("PATH", os.pathsep.join(str(one.parent) for one in commands))
    monkeypatch.setattr(sys, "argv", [str(commands[1])])
    shown = " ".join(call("--version", "--verbose").stdout.split())
    assert "note command the shell finds" in shown
    assert "Fix: put the folder" in shown
