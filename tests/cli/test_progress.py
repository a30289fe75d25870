"""Progress bars: on a terminal only, and never on standard output."""

from __future__ import annotations

import io
import time

import pytest

from mailmerge.cli.progress import counting, sending
from mailmerge.engine.summary import Progress
from mailmerge.ledger.states import reported


class Terminal(io.StringIO):
    """Standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Standard error from here on; pytest puts its own there when a test begins."""
    made = Terminal()
    monkeypatch.setattr("sys.stderr", made)
    return made


def progress(done: int, failed: int = 0, waiting_for: str = "") -> Progress:
    return Progress(
        states=reported({}),
        to_send=4,
        done=done,
        sent=done - failed,
        failed=failed,
        seconds=1.0,
        waiting_for=waiting_for,
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
