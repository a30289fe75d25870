"""Help and errors of usage are in the words of this program."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.cli.plain_help import in_own_words, plain
from tests.cli.conftest import Call


@pytest.mark.parametrize(
    "command", ["check", "render", "preview", "send", "status", "connect", "init", "suppress"]
)
def test_help_has_no_types_of_python_and_no_formulas(call: Call, command: str) -> None:
    shown = call(command, "--help").stdout
    assert shown
    assert "<path>" not in shown
    assert "<list" not in shown
    assert "<=" not in shown
    assert ">=" not in shown


def test_list_of_commands_cuts_no_sentence(call: Call) -> None:
    shown = " ".join(call("--help").stdout.split())
    assert "Show which recipients got the message, which did not, and why." in shown
    assert "..." not in shown.replace("[ARGS]...", "")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--limit", "abc"], "write a whole number"),
        (["--connections", "500"], "write at most 100"),
        (["--connections", "0"], "write at least 1"),
        (["--bogus"], "there is no option --bogus"),
    ],
)
def test_a_wrong_option_is_explained(
    call: Call, tmp_path: Path, options: list[str], says: str
) -> None:
    done = call("send", tmp_path, *options)
    assert done.exit_code == 2
    assert says in done.stderr


def test_an_unknown_command_is_explained(call: Call) -> None:
    assert "there is no command sennd" in call("sennd").stderr


def test_columns_of_help_stay_where_they_are() -> None:
    assert plain("  CAMPAIGN <path>  The folder.") == "  CAMPAIGN         The folder."
    assert plain("  --window N  Messages.  [1<=x<=9]") == "  --window N  Messages.  [1 to 9]"


def test_other_messages_stay() -> None:
    assert in_own_words("something else") == "something else"
