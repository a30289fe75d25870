"""Progress bars: on a terminal only, and never on standard output."""

from __future__ import annotations

import io
import re
import time
from dataclasses import replace

import pytest

from mailmerge.cli.progress import counting, sending
from mailmerge.engine.summary import Progress
from mailmerge.ledger.states import State, reported


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error from here on; pytest puts its own there when a test begins."""
    made = Terminal()
    monkeypatch.setattr("sys.stderr", made)
    return made


def progress(
    done: int,
    failed: int = 0,
    waiting_for: str = "",
    slowed_to: float | None = None,
    slowed_by: str = "",
) -> Progress:
    return Progress(
        states=reported({}),
        to_send=4,
        done=done,
        sent=done - failed,
        failed=failed,
        seconds=1.0,
        waiting_for=waiting_for,
        slowed_to=slowed_to,
        slowed_by=slowed_by,
    )


def test_checked_recipients_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with counting("check") as show:
        show(500)
        time.sleep(0.2)  # tqdm writes ten times a second
        show(1_000)
    assert "check: 1000 recipients" in stream.getvalue()
    assert stream.getvalue().endswith("\r"), "the bar is removed at the end"


def test_a_run_shows_what_failed_and_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with sending(4) as show:
        show(progress(1))
        show(progress(4, failed=2, waiting_for="the rate"))
    shown = stream.getvalue()
    assert "4/4" in shown
    assert "2 failed, waiting for the rate" in shown


@pytest.mark.parametrize(
    ("columns", "slowed_to", "reply", "words"),
    [
        (120, 48.4, "451 4.7.1 Too many messages", "slowed to 48/s: 4.7.1 Too many messages"),
        (80, 48.4, "451 4.7.1 Too many messages", "slowed to 48/s: 4.7.1 Too m…"),
        (120, 0.125, "421 Too fast", "slowed to one in 8.0 s: 421 Too fast"),
    ],
)
def test_slowed_run_shows_its_speed_and_the_reply(
    monkeypatch: pytest.MonkeyPatch, columns: int, slowed_to: float, reply: str, words: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = terminal(monkeypatch)
    with sending(4) as show:
        show(progress(1, slowed_to=slowed_to, slowed_by=reply))
        show(progress(4, slowed_to=slowed_to, slowed_by=reply))
    assert words in stream.getvalue()


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            'a connection: the server closes the connection: "421 Bye"; trying again in 16 s',
            "waiting for a connection: the server clo…; trying again in 16 s",
        ),
        (
            "deferred recipients: next retry at 12:34:56",
            "waiting for deferred recipients: next retry at 12:34:56",
        ),
    ],
)
def test_reason_of_a_wait_is_seen_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, reason: str, words: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = terminal(monkeypatch)
    waits = progress(3, waiting_for=reason, slowed_to=0.1, slowed_by="451 4.7.1 Too many messages")
    with sending(4) as show:
        show(progress(3))
        show(waits)
        last = stream.getvalue().rstrip().rpartition("\r")[2]
    assert last == f"send:  75% 3/4, {words}"
    assert len(last) < 80


def test_wait_is_shown_at_once_although_no_message_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = terminal(monkeypatch)
    with sending(4) as show:
        for done in (1, 2, 3):
            time.sleep(0.11)  # tqdm writes ten times a second
            show(progress(done))
        show(progress(3, waiting_for="a file"))
        assert stream.getvalue().rstrip().endswith("3/4, waiting for a file")
        show(progress(3))
        assert "waiting" not in stream.getvalue().rpartition("\r")[2]


def test_full_speed_again_removes_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = terminal(monkeypatch)
    with sending(4) as show:
        show(progress(4))
    assert "slowed" not in stream.getvalue()


@pytest.mark.parametrize("quiet", [True, False])
def test_without_a_terminal_or_if_quiet_there_is_no_bar(
    monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    stream = Terminal() if quiet else io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with counting("check", quiet=quiet) as count, sending(4, quiet=quiet) as show:
        count(1_000)
        show(progress(4))
    assert stream.getvalue() == ""


def test_without_a_terminal_a_line_appears_every_half_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    with sending(4, clock=lambda: now[0]) as show, counting("check", clock=lambda: now[0]) as count:
        for now[0] in (10.0, 31.0, 40.0):
            show(progress(1))
            count(7)
        now[0] = 62.0
        show(progress(2, failed=1, waiting_for="the rate"))
    assert capsys.readouterr().err.splitlines() == [
        "send: 1 of 4 recipients, 1.0 a second",
        "check: 7 recipients",
        "send: 2 of 4 recipients, 1 failed, waiting for the rate",
    ]


def test_a_dumb_terminal_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = terminal(monkeypatch)
    with sending(4) as show:
        show(progress(4))
    assert stream.getvalue() == ""


def test_deferred_recipients_are_counted_and_attempts_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    stream = terminal(monkeypatch)
    waits = replace(
        progress(3, failed=1, waiting_for="deferred recipients: next retry at 12:34:56"),
        states=reported({State.DEFERRED: 1}),
        done=9,
    )
    with sending(4) as show:
        show(waits)
        last = stream.getvalue().rstrip().rpartition("\r")[2]
    assert last.startswith("send:  75% 3/4, 1 failed, 1 deferred, waiting for deferred recipients")
    assert last.endswith("12:34:56; Ctrl-C stops, and the next send continues")


def test_a_long_wait_keeps_the_next_retry_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    stream = terminal(monkeypatch)
    waits = replace(
        progress(177, failed=40, waiting_for="deferred recipients: next retry at 12:34:56"),
        states=reported({State.DEFERRED: 23}),
    )
    with sending(200) as show:
        show(waits)
        last = stream.getvalue().rstrip().rpartition("\r")[2]
    assert last == "send:  88% 177/200, 40 failed, 23 deferred, next retry at 12:34:56"


@pytest.mark.parametrize(("columns", "unit"), [("80", "/s"), ("100", " recipients/s")])
def test_the_bar_says_what_it_counts_where_there_is_room(
    monkeypatch: pytest.MonkeyPatch, columns: str, unit: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    stream = terminal(monkeypatch)
    with sending(4) as show:
        time.sleep(0.11)
        show(progress(1))
        time.sleep(0.11)
        show(progress(2))
    assert re.search(rf"\d{unit}\]", stream.getvalue())
