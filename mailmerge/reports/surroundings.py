"""What surrounds the program: terminal, browser, clock, time zone, name servers, writable folders.

Each function decides from values that its caller can replace, so that the failures of other
computers can be shown on this one. None of them raises.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
import webbrowser
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mailmerge.deliverability.resolver import Dns, DnsOptions
from mailmerge.language import tr
from mailmerge.library_messages import system_reason
from mailmerge.reports.fact import Fact

_NARROW: Final = 60
"""Columns below which tables are hard to read."""

_SAMPLE: Final = "é中"
_ASKED: Final = "example.org"
"""A name that exists for such questions (RFC 2606, 3)."""

_DNS_SECONDS: Final = 2.0
_RELEASED: Final = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
"""A clock before this version was made is wrong."""

_AHEAD: Final = 120.0
"""Seconds that the clock of a network disk may be ahead."""

_TEXT_BROWSERS: Final = frozenset({"www-browser", "links", "elinks", "lynx", "w3m"})
_POSIX_ZONE: Final = re.compile(r"(?:<[^>]+>|[A-Za-z]{3,})[+-]?\d")
"""The beginning of a zone as POSIX.1 (8.3) writes it, such as CET-1CEST."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where results are shown: the encoding, whether colours are used, the width in columns."""

    encoding: str
    colours: bool
    columns: int


def terminal_fact(terminal: Terminal) -> Fact:
    """Whether names of every script can be shown, with colours, and how wide."""
    values = {"value": terminal.encoding, "count": terminal.columns}
    if terminal.colours:
        text = tr("encoding {value}, {count} columns, colours", **values)
    else:
        text = tr("encoding {value}, {count} columns, no colours", **values)
    if not _can_show(terminal.encoding):
        fix = tr(
            "names in other scripts are shown as codes; use a locale with UTF-8, such as "
            "LANG=C.UTF-8, or set PYTHONUTF8=1"
        )
        return Fact("terminal", True, text, fix)
    narrow = terminal.columns < _NARROW
    fix = tr("make the window wider: tables need {count} columns", count=_NARROW) if narrow else ""
    return Fact("terminal", True, text, fix)


def browser_fact(get: Callable[[], Any] = webbrowser.get) -> Fact:
    """Whether the preview and `login` could open a browser; none is opened."""
    fix = tr("open the address that preview prints in a browser, or set BROWSER to a program")
    try:
        browser = get()
    except (webbrowser.Error, OSError):
        return Fact("browser", True, tr("none found"), fix)
    name = Path(str(getattr(browser, "name", "") or type(browser).__name__)).name
    if name in _TEXT_BROWSERS:
        return Fact("browser", True, tr("{name} cannot show the preview", name=name), fix)
    return Fact("browser", True, name)


def time_zone_fact(variables: Mapping[str, str], system: str = os.name) -> Fact:
    """The local time zone; a system takes an unknown name in TZ for UTC without a word."""
    local = datetime.now(UTC).astimezone()
    text = f"{local:%Z} (UTC{local:%z})"
    name = variables.get("TZ", "").removeprefix(":")
    if system == "posix" and name and not _is_zone(name):
        return Fact(
            "time zone",
            True,
            tr("TZ={name} is unknown, so times are in UTC", name=name),
            tr("set TZ to a name such as Europe/Paris, or remove it"),
        )
    return Fact("time zone", True, text)


def clock_fact(known: Iterable[Path], now: Callable[[], float] = time.time) -> Fact:
    """Whether the clock may be right: files that exist (`known`) were not written in the future.

    Certificates, log-ins, signatures and the dates of messages need the right time.
    """
    present = now()
    fix = tr("set the clock of this computer, or let it ask a time server")
    if present < _RELEASED:
        text = tr("{time} is before this version was made", time=_shown(present))
        return Fact("clock", False, text, fix)
    newest, path = max(_dates(known), default=(0.0, Path()))
    if newest > present + _AHEAD:
        text = tr(
            "{time} is before {file} was written ({written})",
            time=_shown(present),
            file=path,
            written=_shown(newest),
        )
        return Fact("clock", True, text, fix)
    return Fact("clock", True, _shown(present))


def dns_fact(ask: Callable[[str, Any], Any] | None = None) -> Fact:
    """Whether a name server answers. One question is asked, for at most two seconds."""
    answer = (ask or Dns(DnsOptions(timeout=_DNS_SECONDS)))(_ASKED, "A")
    if not answer.is_unknown:
        return Fact("DNS", True, tr("name servers answer"))
    return Fact(
        "DNS",
        True,
        tr("no answer: {reason}", reason=answer.reason),
        tr("check the network and its name servers; without them only a server's address works"),
    )


def temporary_fact(folder: Callable[[], str] = tempfile.gettempdir) -> Fact:
    """Whether temporary files can be written."""
    try:
        return writable_fact("temporary files", Path(folder()))
    except OSError as error:  # no folder at all
        fix = tr("set TMPDIR to a folder that you can write")
        return Fact("temporary files", False, system_reason(error), fix)


def writable_fact(name: str, folder: Path, shown: Path | None = None) -> Fact:
    """Whether a file can be written in the folder; the file is removed."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        text = tr(
            "{folder} cannot be written: {reason}", folder=folder, reason=system_reason(error)
        )
        fix = tr("change the permissions of the folder, or free space on its disk")
        return Fact(name, False, text, fix)
    return Fact(name, True, str(shown or folder))


def _can_show(encoding: str) -> bool:
    try:
        _SAMPLE.encode(encoding)
    except (LookupError, UnicodeError):
        return False
    return True


def _is_zone(name: str) -> bool:
    if _POSIX_ZONE.match(name):
        return True
    if name.startswith("/"):
        return Path(name).is_file()
    try:
        zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


def _dates(paths: Iterable[Path]) -> Iterable[tuple[float, Path]]:
    for path in paths:
        try:
            yield path.stat().st_mtime, path
        except OSError:
            continue


def _shown(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone():%Y-%m-%d %H:%M}"
