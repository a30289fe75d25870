"""The man page is that of the program, and formatters have nothing to say about it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.cli.manual import PAGE, manual
from tests.cli.reference import commands


def test_the_man_page_is_that_of_the_program() -> None:
    """Run `python -m tests.cli.manual` after a change, and look at what it has written."""
    assert PAGE.read_text(encoding="utf-8") == manual()


def test_every_command_and_option_is_in_it() -> None:
    page = manual().replace("\\-", "-")
    for one in commands().values():
        assert f".SS {one.name}" in page
        assert all(option in page for option in one.options)


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_formats_it_without_warnings() -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", PAGE], capture_output=True, text=True, check=False
    )
    if "man pages and includes are excluded" in done.stdout + done.stderr:
        pytest.skip("man is a stand-in here")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "doctor" in done.stdout


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_finds_nothing() -> None:
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True, text=True, check=False
    )
    assert done.stdout + done.stderr == ""
