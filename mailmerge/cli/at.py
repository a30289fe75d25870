"""`send --at`: what a time means, the wait for it, and how the system's scheduler does the same.

The wait follows the clock on the wall and no timer: a machine that sleeps for an hour has an hour
less to wait, and a clock that is set moves the wait with it. So the time is read again each second.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final

from mailmerge.cli.terminal import has_cursor, quoted_path, say
from mailmerge.errors import CampaignError, Interrupted
from mailmerge.language import marked, tr
from mailmerge.portable.clock import local_time
from mailmerge.portable.signals import stop_signals
from mailmerge.time_zones import LOCAL, UnknownZone, find_zone
from mailmerge.wording import duration_in_words

_TICK: Final = 1.0
_SIGN_OF_LIFE: Final = 30.0
"""The seconds between two lines where there is no terminal."""
_LATE: Final = 60.0
"""A wait that ends more than this many seconds late is mentioned: the machine was asleep."""
_MOMENT: Final = re.compile(
    r"(?:(?P<date>\d{4}-\d{2}-\d{2}|today|tomorrow)(?:\s+|[Tt]|$))?"
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d{2}:?\d{2}|[A-Za-z][A-Za-z0-9_+/-]*)?"
)


def parse_moment(text: str, now: float) -> float:
    """Return the moment of `--at` in seconds since 1970.

    It is a date and a time such as "2026-12-01 09:00", by the clock of this machine unless a time
    zone or an offset follows. Without a date it is the next moment with this time.

    Raises:
        CampaignError: it is no moment, it is over, or the clocks skip it.
    """
    found = _MOMENT.fullmatch(text.strip())
    if found is None or found["hour"] is None:
        raise _wrong(tr("{text!r} is not a time", text=text))
    zone = _zone(found["zone"] or "")
    here = datetime.fromtimestamp(now, UTC).astimezone(zone)
    try:
        clock = (int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
        moment = _on(_day(found["date"], here), clock, zone)
        if not found["date"] and moment <= now:
            moment = _on(here.date() + timedelta(days=1), clock, zone)
    except ValueError as error:
        raise _wrong(tr("{text!r} is not a time", text=text)) from error
    if moment <= now:
        ago = duration_in_words(now - moment)
        raise _wrong(tr("{text!r} was {ago} ago", text=text, ago=ago))
    return moment


def _wrong(message: str) -> CampaignError:
    hint = tr('write a time such as "2026-12-01 09:00" or "2026-12-01 09:00 Europe/Berlin"')
    return CampaignError(tr("--at: {message}", message=message), hint=hint, code="usage")


def _zone(name: str) -> tzinfo:
    if not name:
        return LOCAL
    if name in {"Z", "z"}:
        return UTC
    if name[0] in "+-":
        return datetime.strptime(name, "%z").tzinfo or UTC
    try:
        return find_zone(name)
    except UnknownZone as error:
        raise CampaignError(
            tr("--at: {message}", message=error), hint=error.hint, code="usage"
        ) from error


def _day(name: str | None, here: datetime) -> date:
    if name is None or name == "today":
        return here.date()
    return here.date() + timedelta(days=1) if name == "tomorrow" else date.fromisoformat(name)


def _on(day: date, clock: tuple[int, int, int], zone: tzinfo) -> float:
    """Return the moment of a local time; of two moments with the same time, the first."""
    local = datetime(day.year, day.month, day.day, *clock, tzinfo=zone)
    at = local.astimezone(UTC)
    back = at.astimezone(zone)
    if (back.hour, back.minute) != clock[:2]:
        raise _wrong(tr("{time:%Y-%m-%d %H:%M} does not exist: the clocks go forward", time=local))
    return at.timestamp()


# --- the wait


def wait_until(
    at: float,
    *,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Sleep until the wall clock shows a moment, with a countdown on standard error.

    On a terminal the countdown is one line; elsewhere there is a line every half minute.

    Raises:
        Interrupted: Ctrl-C or a stop signal came first; nothing was sent.
    """
    with _interrupted_by_signals(), _countdown() as show:
        while (left := at - clock()) > 0:
            show(left)
            sleep(min(left, _TICK))
    late = clock() - at
    if late > _LATE:
        late_in_words = duration_in_words(late)
        say(tr("{duration} late: this machine was asleep.", duration=late_in_words))


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Interrupted(
            tr("stopped before the time; nothing was sent"),
            hint=tr("run the same command again"),
        )

    before = {number: signal.signal(number, stop) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _countdown() -> Iterator[Callable[[float], None]]:
    """Show the seconds that are left."""
    live, said_at = has_cursor(sys.stderr), float("inf")

    def show(left: float) -> None:
        nonlocal said_at
        if live:
            line = tr("Sending in {time}; Ctrl-C stops", time=_hours_in_digits(left))
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()
        elif said_at - left >= _SIGN_OF_LIFE:
            said_at = left
            say(tr("Sending in {time}.", time=_hours_in_digits(left)))

    try:
        yield show
    finally:
        if live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _hours_in_digits(seconds: float) -> str:
    """Return a duration such as `26:03:59`, rounded up."""
    whole = int(-(-seconds // 1))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


# --- the schedulers of the systems


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A command for the scheduler of a system: its arguments, its folder and its time."""

    command: tuple[str, ...]
    folder: Path
    at: datetime

    def line(self, platform: str = sys.platform) -> str:
        """Return the line for a shell of this platform that schedules the command."""
        if platform == "win32":
            return self._schtasks()
        return self._launchd() if platform == "darwin" else self._systemd()

    def _systemd(self) -> str:
        inner = " ".join(map(_quoted, self.command))
        return (
            f'systemd-run --user --on-calendar="{self.at:%Y-%m-%d %H:%M:%S}" '
            f"--timer-property=AccuracySec=1s --working-directory={_quoted(str(self.folder))} "
            f"{inner}"
        )

    def _launchd(self) -> str:
        """A launchd job of the user; it is run when a machine that was asleep wakes up."""
        name = f"mailmerge.{self.at:%Y%m%d-%H%M}"
        file = f"~/Library/LaunchAgents/{name}.plist"
        adds = [f"Add :Label string {name}", "Add :ProgramArguments array"]
        adds += [f"Add :ProgramArguments: string {_in_plist(one)}" for one in self.command]
        adds.append(f"Add :WorkingDirectory string {_in_plist(str(self.folder))}")
        times = {"Month": self.at.month, "Day": self.at.day, "Hour": self.at.hour}
        times["Minute"] = self.at.minute
        adds += [f"Add :StartCalendarInterval:{key} integer {n}" for key, n in times.items()]
        asked = " ".join(f"-c {_quoted(one)}" for one in adds)
        return f"/usr/libexec/PlistBuddy {asked} {file} && launchctl bootstrap gui/$UID {file}"

    def _schtasks(self) -> str:
        inner = " ".join(f'\\"{one}\\"' if " " in one else one for one in self.command)
        task = f'cmd /c cd /d \\"{self.folder}\\" && {inner}'
        return (
            f'schtasks /Create /SC ONCE /TN "mailmerge {self.at:%Y%m%d-%H%M}" '
            f'/SD {self.at:%m/%d/%Y} /ST {self.at:%H:%M} /TR "{task}"'
        )


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _in_plist(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def scheduled(arguments: Sequence[str], folder: Path, at: float) -> Scheduled:
    """Return the present command without `--at`, and with --yes, for a scheduler.

    `arguments` are those of the command line, without the name of the program. `at` is in seconds
    since 1970.
    """
    kept, skip = list[str](), False
    for one in arguments:
        if skip or one == "--at" or one.startswith("--at="):
            skip = one == "--at" and not skip
            continue
        kept.append(one)
    if not {"--yes", "-y"} & set(kept):
        kept.append("--yes")
    command = (sys.executable, "-m", "mailmerge", *kept)
    return Scheduled(command, folder, local_time(at))


_HOW: Final = {
    "win32": marked("To send without this window, let Windows do it (write /SD as your region "
                    "writes a date):"),
    "darwin": marked("To send without this window, let launchd do it:"),
    "linux": marked("To send without this window, let systemd do it:"),
}  # fmt: skip


def show_alternative(one: Scheduled) -> None:
    """Say how the scheduler of this system sends instead, with the exact line."""
    say(tr(_HOW.get(sys.platform, _HOW["linux"])))
    say(f"  {one.line()}")


def announce(at: float, where: Path, now: float) -> None:
    """Say when the command sends, and how the scheduler of the system does the same."""
    moment = local_time(at)
    say(
        tr(
            "Sending {where} at {time:%Y-%m-%d %H:%M:%S %Z}, in {duration}.",
            where=quoted_path(where),
            time=moment,
            duration=duration_in_words(max(at - now, 0)),
        )
    )
    show_alternative(scheduled(sys.argv[1:], Path(os.path.realpath(Path.cwd())), at))
