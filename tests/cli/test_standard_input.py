"""`file = "-"` works in every command: the recipients come from standard input."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import forked
from tests.cli.on_terminal import Ended, run_on_terminal

PEOPLE = b"email,name\nann@example.org,Ann\nbob@example.org,Bob\n"


@pytest.fixture
def piped(campaign: Path) -> Path:
    """The campaign, with its recipients on standard input."""
    (campaign / "recipients.csv").unlink()
    with (campaign / "campaign.toml").open("a") as file:
        file.write('[recipients]\nfile = "-"\n')
    return campaign


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[Path]:
    """Where the commands put temporary files; they leave nothing there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def run(
    *arguments: str | Path, temporary: Path, people: bytes = PEOPLE
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    return forked.run(*arguments, environment=environment, given=people, session=True)


def test_check_reads_the_recipients(piped: Path, temporary: Path) -> None:
    done = run("check", piped, "--json", temporary=temporary)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["recipients"] == 2


def test_check_names_standard_input_and_the_row(piped: Path, temporary: Path) -> None:
    done = run("check", piped, temporary=temporary, people=PEOPLE + b"bad,Bad\n")
    assert done.returncode == 3
    assert b"standard input, row 4 (Bad), column email" in done.stderr


def test_check_without_data_says_what_to_do(piped: Path, temporary: Path) -> None:
    done = run("check", piped, temporary=temporary, people=b"")
    assert done.returncode == 3
    assert b"standard input: the file is empty" in done.stderr


def test_render_writes_one_message(piped: Path, temporary: Path) -> None:
    done = run("render", piped, "--to", "bob@example.org", temporary=temporary)
    assert done.returncode == 0, done.stderr
    assert b"To: bob@example.org" in done.stdout


def test_render_writes_all_messages(piped: Path, temporary: Path, tmp_path: Path) -> None:
    done = run("render", piped, "--all", "--out", tmp_path / "out", temporary=temporary)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_preview_export_shows_the_recipients(piped: Path, temporary: Path, tmp_path: Path) -> None:
    done = run("preview", piped, "--out", tmp_path / "out", temporary=temporary)
    assert done.returncode == 0, done.stderr
    assert b"ann@example.org" in (tmp_path / "out" / "index.html").read_bytes()


def test_a_sandbox_run_sends_to_all(piped: Path, temporary: Path) -> None:
    done = run("send", piped, "--sandbox", "--yes", "--json", temporary=temporary)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["states"]["sent"] == 2


def test_a_send_resumes_with_the_same_data(piped: Path, temporary: Path, smtp_server: int) -> None:
    point_at(piped, smtp_server)
    first = run("send", piped, "--yes", "--limit", "1", "--json", temporary=temporary)
    assert json.loads(first.stdout)["states"] == {**json.loads(first.stdout)["states"], "sent": 1}
    second = run("send", piped, "--yes", "--json", temporary=temporary)
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["states"]["sent"] == 2


def test_without_a_terminal_a_send_needs_yes(
    piped: Path, temporary: Path, smtp_server: int
) -> None:
    point_at(piped, smtp_server)
    done = run("send", piped, temporary=temporary)
    assert done.returncode == 2
    assert b"--yes" in done.stderr


@pytest.mark.parametrize(("typed", "status"), [("2", 0), ("3", 2)])
def test_the_question_is_answered_on_the_terminal(
    piped: Path, temporary: Path, smtp_server: int, typed: str, status: int
) -> None:
    point_at(piped, smtp_server)
    ended = send_on_terminal(piped, temporary, {"Type the number": typed})
    assert ended.status == status, ended.stderr


def test_the_password_is_asked_on_the_terminal(
    piped: Path, temporary: Path, smtp_server: int
) -> None:
    point_at(piped, smtp_server, 'username = "news"\nplain_text_login = true\n')
    answers = {"Type the number": "2", "Password of news": "secret"}
    ended = send_on_terminal(piped, temporary, answers)
    # The server offers no log-in: that is found out only after the password was typed.
    assert "offers no" in ended.stderr
    assert ended.status == 4


def point_at(campaign: Path, port: int, more: str = "") -> None:
    with (campaign / "campaign.toml").open("a") as file:
        file.write(f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n{more}')


def send_on_terminal(campaign: Path, temporary: Path, answers: dict[str, str]) -> Ended:
    """`send` with the recipients on standard input and a user at the terminal."""
    keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    return run_on_terminal(
        ["-m", "mailmerge", "send", campaign],
        stdin=PEOPLE,
        answers=answers,
        environment={"TMPDIR": str(temporary), **keyring},
    )
