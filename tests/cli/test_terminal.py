"""How commands end: one line, an exit status, never a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mailmerge.cli.terminal import ask_line, colour_wanted, quoted_path, reports_errors, say
from mailmerge.errors import AuthenticationRefused
from tests.cli.conftest import Call


def program(error: BaseException) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    @reports_errors
    def fail() -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (AuthenticationRefused("no", hint="yes"), 4, "error: no (yes)"),
        (KeyboardInterrupt(), 130, "error: interrupted"),
        (ZeroDivisionError("division by zero"), 1, "error: unexpected error: ZeroDivisionError"),
    ],
)
def test_every_error_is_one_line(error: BaseException, status: int, line: str) -> None:
    done = CliRunner().invoke(program(error), [])
    assert done.exit_code == status
    (told_line,) = done.stderr.splitlines()
    assert told_line.startswith(line)


def test_a_command_may_choose_its_exit_status() -> None:
    done = CliRunner().invoke(program(typer.Exit(3)), [])
    assert (done.exit_code, done.stderr) == (3, "")


def test_the_traceback_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILMERGE_TRACEBACK", "1")
    done = CliRunner().invoke(program(ZeroDivisionError("x")), [])
    assert "Traceback" in done.stderr


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("\x1b[2Jcleared\u202e")
    assert capsys.readouterr().err == "\ufffd[2Jcleared\ufffd\n"


def test_a_closed_output_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m mailmerge providers | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("path", "system", "quoted"),
    [
        ("a b/c", "posix", "'a b/c'"),
        ("a-b", "posix", "a-b"),
        ("it's", "posix", "'it'\"'\"'s'"),
        ("a b", "nt", '"a b"'),
        ("a&b", "nt", '"a&b"'),
        ("a'b", "nt", "a'b"),
    ],
)
def test_a_path_is_quoted_for_the_shell_of_the_system(path: str, system: str, quoted: str) -> None:
    assert quoted_path(Path(path), system) == quoted


class Keyboard(io.StringIO):
    """Standard input at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stdin", [io.StringIO, Keyboard])
def test_a_line_is_asked_for_at_a_terminal_and_elsewhere(
    stdin: type[io.StringIO], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", stdin("the answer\n"))
    assert ask_line("Address: ").strip() == "the answer"
    assert ask_line("Again: ") == ""
    assert capsys.readouterr().err == "Address: Again: "


def test_output_whose_reader_has_ended_is_thrown_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @reports_errors
    def show() -> None:
        raise BrokenPipeError

    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(typer.Exit) as ended:
            show()
        print("more")
    assert ended.value.exit_code == 0
    assert (tmp_path / "out").read_text() == ""


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "sys.argv = ['mailmerge', '--version']\n"
        "from mailmerge.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'pandas', 'premailer', 'sqlalchemy', 'starlette', 'jinja2', 'lxml', 'tqdm'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, loaded = done.stdout.splitlines()
    assert version.startswith("mailmerge ")
    assert loaded == "[]"


CHINESE = """
from mailmerge.cli import app, main
from mailmerge.cli.terminal import print_json
import typer

@app.command()
def show(document: bool = False) -> None:
    print_json({"name": "\u738b \u00e9"}) if document else typer.echo("\u738b \u00e9")

main()
"""


def shown(encoding: str, *arguments: str) -> bytes:
    """What a command prints where standard output has this encoding, as in a pipe on Windows."""
    done = subprocess.run(
        [sys.executable, "-c", CHINESE, "show", *arguments],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_text_that_the_output_cannot_hold_is_escaped() -> None:
    assert shown("cp1252").strip() == b"\\u738b \xe9"
    assert shown("utf-8").strip() == "\u738b \u00e9".encode()


def test_json_is_ascii_where_the_output_is_not_utf8() -> None:
    document = shown("cp1252", "--document")
    assert document.isascii()
    assert json.loads(document) == {"name": "\u738b \u00e9"}
    assert "\u738b \u00e9".encode() in shown("utf-8", "--document")


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, None),
        ({"TERM": "xterm"}, None),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, None),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, None),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True),
        ({"TERM": "dumb"}, False),
    ],
)
def test_the_environment_decides_about_colours(
    environ: dict[str, str], wanted: bool | None
) -> None:
    assert colour_wanted(environ) is wanted


@pytest.mark.parametrize(("variable", "coloured"), [("FORCE_COLOR", True), ("NO_COLOR", False)])
@pytest.mark.parametrize("command", [["check", "nowhere"], ["providers", "gmail"]])
def test_every_command_obeys_the_environment(
    call: Call, command: list[str], variable: str, coloured: bool
) -> None:
    done = call(*command, env={variable: "1"}, color=True)
    assert ("\x1b[" in done.output) is coloured
