"""The time of `send --at`, the wait, and the lines for the schedulers."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mailmerge.cli.at import announce, parse_moment, scheduled, show_alternative, wait_until
from mailmerge.errors import CampaignError, Interrupted

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=ZoneInfo("UTC")).timestamp()


def moment(text: str, zone: str = "") -> float:
    local = datetime.fromisoformat(text)
    return (local.replace(tzinfo=ZoneInfo(zone)) if zone else local.astimezone()).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01 09:00", moment("2026-12-01 09:00")),
        ("2026-12-01T09:00:30", moment("2026-12-01 09:00:30")),
        ("2026-12-01 09:00 Europe/Berlin", moment("2026-12-01 09:00", "Europe/Berlin")),
        ("2026-12-01 09:00Z", moment("2026-12-01 09:00", "UTC")),
        ("2026-12-01 09:00+09:00", moment("2026-12-01 09:00", "Asia/Tokyo")),
        ("tomorrow 09:00 UTC", moment("2026-11-28 09:00", "UTC")),
        ("today 09:00 UTC", moment("2026-11-27 09:00", "UTC")),
        ("09:00 UTC", moment("2026-11-27 09:00", "UTC")),
        ("07:00 UTC", moment("2026-11-28 07:00", "UTC")),
        ("2027-10-31 02:30 Europe/Berlin", moment("2027-10-31 00:30", "UTC")),
    ],
)
def test_moments_are_read(text: str, expected: float) -> None:
    assert parse_moment(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("soon", "'soon' is not a time"),
        ("2026-12-01", "is not a time"),
        ("2026-13-01 09:00", "is not a time"),
        ("2026-12-01 25:00", "is not a time"),
        ("2026-12-01 09:00 Europe/Berln", "'Europe/Berln' is not the name of a time zone"),
        ("2026-11-27 07:00Z", "was 60 minutes ago"),
        (
            "2027-03-28 02:30 Europe/Berlin",
            "2027-03-28 02:30 does not exist: the clocks go forward",
        ),
    ],
)
def test_other_times_are_refused(text: str, message: str) -> None:
    with pytest.raises(CampaignError, match=re.escape(message)):
        parse_moment(text, NOW)


class Sleeper:
    """A clock that goes on with each sleep; at `jumps_at`, the machine was asleep for an hour."""

    def __init__(self, jumps_at: float = 0.0) -> None:
        self.now = NOW
        self.jumps_at = jumps_at

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds <= 1
        self.now += seconds
        if self.jumps_at and self.now >= self.jumps_at:
            self.now, self.jumps_at = self.now + 3600, 0.0


def test_wait_ends_at_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    one = Sleeper()
    wait_until(NOW + 95.5, clock=one.clock, sleep=one.sleep)
    assert one.now == NOW + 95.5
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "Sending in 0:01:36.", "Sending in 0:01:06.", "Sending in 0:00:36.", "Sending in 0:00:06.",
    ]  # fmt: skip


def test_sleep_of_the_machine_counts(capsys: pytest.CaptureFixture[str]) -> None:
    one = Sleeper(NOW + 10)
    wait_until(NOW + 60, clock=one.clock, sleep=one.sleep)
    assert one.now == NOW + 10 + 3600
    assert capsys.readouterr().err.splitlines()[-1] == "59 minutes late: this machine was asleep."


def test_terminal_has_a_live_countdown(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen, one = Terminal(), Sleeper()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen)
    wait_until(NOW + 2, clock=one.clock, sleep=one.sleep)
    assert screen.getvalue() == (
        "\rSending in 0:00:02; Ctrl-C stops\x1b[K\rSending in 0:00:01; Ctrl-C stops\x1b[K\r\x1b[K"
    )


def test_interrupt_ends_the_wait() -> None:
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(Interrupted, match="stopped before the time; nothing was sent"):
        wait_until(time.time() + 60)
    timer.join()
    assert signal.getsignal(signal.SIGINT) == before


def test_schedulers_get_the_same_command() -> None:
    at = moment("2026-12-01 09:05")
    one = scheduled(["send", "my spring", "--at", "x", "--rate=1/second"], Path("/home/ann b"), at)
    assert one.command[1:] == ("-m", "mailmerge", "send", "my spring", "--rate=1/second", "--yes")
    assert scheduled(["send", "--at=9", "-y"], Path(), at).command[3:] == ("send", "-y")
    linux = one.line("linux")
    assert linux.startswith('systemd-run --user --on-calendar="2026-12-01 09:05:00" ')
    assert " --working-directory='/home/ann b' " in linux
    assert linux.endswith(" -m mailmerge send 'my spring' --rate=1/second --yes")
    mac = one.line("darwin")
    assert "-c 'Add :StartCalendarInterval:Hour integer 9'" in mac
    assert (
        "launchctl bootstrap gui/$UID ~/Library/LaunchAgents/mailmerge.20261201-0905.plist" in mac
    )
    windows = one.line("win32")
    assert '/SC ONCE /TN "mailmerge 20261201-0905" /SD 12/01/2026 /ST 09:05' in windows
    assert '\\"my spring\\"' in windows


def test_alternative_is_shown_with_the_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mailmerge", "send", "--at", "9:00"])
    announce(NOW + 7200, Path("spring"), NOW)
    first, how, line = capsys.readouterr().err.splitlines()
    assert first.startswith("Sending spring at 2026-11-27 ")
    assert first.endswith(", in 2 hours.")
    assert how.startswith("To send without this window, let ")
    assert "-m mailmerge send --yes" in line
    monkeypatch.setattr(sys, "platform", "freebsd")
    show_alternative(scheduled([], Path(), NOW))
    assert "systemd" in capsys.readouterr().err
