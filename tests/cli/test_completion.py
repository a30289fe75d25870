"""Completion in the real shells: what a user gets at the Tab key."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mailmerge.cli.completion import campaigns, language_names, provider_names, starter_names

PROGRAM = Path(sys.executable).with_name("mailmerge")
CASES = (
    ("mailmerge chec", "check"),
    ("mailmerge check spri", "spring"),
    ("mailmerge init --template newsl", "newsletter"),
    ("mailmerge providers gmai", "gmail"),
    ("mailmerge render --format mbo", "mbox"),
    ("mailmerge send --sandb", "--sandbox"),
    ("mailmerge suppress a", "add"),
)
"""A command line as far as it is typed, and a word that completes it."""


def environment(**others: str) -> dict[str, str]:
    path = f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "LANGUAGE": "en", **others}


def script(shell: str) -> str:
    """The lines that a user puts into the start file of the shell."""
    done = subprocess.run(
        [PROGRAM],
        env=environment(_MAILMERGE_COMPLETE=f"source_{shell}"),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a campaign in it."""
    (tmp_path / "spring").mkdir()
    (tmp_path / "spring" / "campaign.toml").touch()
    return tmp_path


def output_of(folder: Path, *words: str, **variables: str) -> str:
    """What a shell prints in a folder."""
    done = subprocess.run(
        words,
        env=environment(**variables),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@needs("bash")
def test_bash_completes(folder: Path) -> None:
    lines = [script("bash")]
    for line, _ in CASES:
        words = line.split(" ")
        lines += [
            f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}",
            '_mailmerge_completion mailmerge; echo "${COMPREPLY[@]}"',
        ]
    found = output_of(folder, "bash", "--norc", "-c", "\n".join(lines)).splitlines()
    assert [word in answer.split() for (_, word), answer in zip(CASES, found, strict=True)] == (
        [True] * len(CASES)
    )


@needs("fish")
def test_fish_completes(folder: Path) -> None:
    asked = [f"echo ==; complete -C '{line}'" for line, _ in CASES]
    shown = output_of(
        folder, "fish", "--no-config", "-c", "\n".join([script("fish"), *asked]), HOME=str(folder)
    )
    answers = shown.split("==\n")[1:]
    for (line, word), answer in zip(CASES, answers, strict=True):
        assert word in [one.partition("\t")[0] for one in answer.splitlines()], line


@needs("zsh")
def test_zsh_completes(folder: Path) -> None:
    """The completion system of zsh needs a terminal; here `_arguments` prints what it would get."""
    lines = ["compdef() { }", '_arguments() { print -r -- "$*" }', script("zsh")]
    for line, _ in CASES:
        words = line.split(" ")
        lines += [f"words=({' '.join(words)}); CURRENT={len(words)}", "_mailmerge_completion"]
    answers = output_of(folder, "zsh", "-f", "-c", "\n".join(lines)).split("*: :")[1:]
    for (line, word), answer in zip(CASES, answers, strict=True):
        assert re.search(rf'[("\s]{word}[")\s]', answer), (line, answer)


# -- the words ------------------------------------------------------------------------------------


def test_campaign_folders_are_completed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sprout" / "deep").mkdir(parents=True)
    (folder / "sprout" / "deep" / "campaign.toml").touch()
    (folder / ".hidden").mkdir()
    monkeypatch.chdir(folder)
    assert campaigns("sp") == ["spring", "sprout/"]
    assert campaigns("sprout/") == ["sprout/deep"]
    assert campaigns("") == ["spring", "sprout/"]
    assert campaigns(".h") == [".hidden/"]
    assert campaigns(f"{folder}/spri") == [f"{folder}/spring"]
    assert campaigns("none/") == []


def test_names_are_completed() -> None:
    assert starter_names("newsl") == ["newsletter"]
    assert "gmail" in provider_names("gm")
    assert language_names("z") == ["zh_CN"]


def test_no_starter_is_completed_where_they_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailmerge.starters.CAMPAIGN_FILE", "no-such.toml")
    assert starter_names("") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell", "pwsh"])
def test_every_shell_has_its_lines(shell: str) -> None:
    assert "mailmerge" in script(shell)
    assert "Register-ArgumentCompleter" in script(shell) or "powershell" not in shell
