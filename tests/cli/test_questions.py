"""Questions go to standard input, or to the terminal where standard input was the data."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.on_terminal import run_on_terminal

SCRIPT = """
import sys
from mailmerge.cli.questions import can_ask, read_answer
from mailmerge.recipients.standard_input import standard_input
if sys.argv[1] == "data":
    standard_input.file()
asked = can_ask()
if asked:
    print("How many?", file=sys.stderr, flush=True)
print(repr(read_answer()) if asked else "not asked")
"""


def ask(kind: str, stdin: bytes | None) -> str:
    ended = run_on_terminal(["-c", SCRIPT, kind], stdin=stdin, answers={"How many?": " 42 "})
    assert ended.status == 0, ended.stderr
    return ended.stdout.strip()


def test_an_answer_is_read_from_a_terminal_on_standard_input() -> None:
    assert ask("none", None) == "'42'"


def test_a_pipe_that_is_no_data_cannot_be_asked() -> None:
    assert ask("none", b"3\n") == "not asked"


def test_after_data_the_answer_comes_from_the_terminal() -> None:
    assert ask("data", b"email\na@x.org\n") == "'42'"


def test_after_data_without_a_terminal_nothing_is_asked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "data"],
        input=b"email\na@x.org\n",
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == b"not asked\n"
