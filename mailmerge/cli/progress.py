"""Progress on standard error: a bar on a terminal, otherwise a line every half minute.

The bar of a run counts recipients with a final outcome. A recipient that the server defers is tried
several times, so the number of attempts can be larger than the number of recipients.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mailmerge.cli.terminal import has_cursor, say
from mailmerge.wording import columns_of, counted, one_line

if TYPE_CHECKING:
    from mailmerge.engine.summary import Progress

_OF_THE_BAR = 68
"""The columns of the bar's own figures, and of the speed that a run is slowed to."""
_SHORTEST = 12
"""The columns that a reply gets at least."""
_WHILE_WAITING = "{desc}: {percentage:3.0f}% {n_fmt}/{total_fmt}{postfix}"
"""The bar of a run that waits: without the bar and the speed, so that the reason has room."""
_SIGN_OF_LIFE = 30.0
"""The seconds between two lines where there is no terminal."""
_LEAVING = "; Ctrl-C stops, and the next send continues"
_OF_THE_COUNTS = len("send: 100% /, ") + 1
"""The columns of that bar, apart from its two numbers and the reason."""


@contextmanager
def counting(
    what: str, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int], None]]:
    """Show a counter of recipients; the total is not known while the file is read.

    The result takes the number so far. `clock` returns seconds.
    """
    from tqdm import tqdm

    off = quiet or not has_cursor(sys.stderr)
    lines = _Lines(off and not quiet, clock)
    with tqdm(desc=what, unit=" recipients", leave=False, disable=off, file=sys.stderr) as bar:

        def show(seen: int) -> None:
            bar.update(seen - bar.n)
            lines.show(lambda: f"{what}: {counted(seen, 'recipient')}")

        yield show


@contextmanager
def sending(
    total: int, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Progress], None]]:
    """Show the progress of a run: recipients done and failed, the speed, and what slows it down.

    `clock` returns seconds.
    """
    from tqdm import tqdm

    off = quiet or not has_cursor(sys.stderr)
    lines = _Lines(off and not quiet, clock)
    with tqdm(total=total, desc="send", unit=" recipients", disable=off, file=sys.stderr) as bar:
        said = ""

        def show(progress: Progress) -> None:
            nonlocal said
            before, said = said, _postfix(progress, total)
            bar.bar_format = _WHILE_WAITING if progress.waiting_for else None
            bar.set_postfix_str(said, refresh=False)
            bar.update(progress.finished - bar.n)
            if said != before:
                bar.refresh()  # an update without a new message shows nothing
            lines.show(lambda: _in_a_line(progress, total))

        yield show


class _Lines:
    """Prints a line every half minute, so that a log shows that the program lives."""

    def __init__(self, on: bool, clock: Callable[[], float]) -> None:
        self._on = on
        self._clock = clock
        self._next = clock() + _SIGN_OF_LIFE

    def show(self, line: Callable[[], str]) -> None:
        now = self._clock()
        if self._on and now >= self._next:
            self._next = now + _SIGN_OF_LIFE
            say(line())


def _in_a_line(progress: Progress, total: int) -> str:
    """Return the progress as a line of a log."""
    speed = f"{progress.per_second:,.1f} a second" if progress.per_second else ""
    parts = [f"send: {progress.finished:,} of {counted(total, 'recipient')}", *_counts(progress)]
    waiting = f"waiting for {one_line(progress.waiting_for)}" if progress.waiting_for else ""
    return ", ".join(filter(None, [*parts, waiting or speed]))


def _deferred(progress: Progress) -> int:
    from mailmerge.ledger.states import State

    return progress.states.get(State.DEFERRED, 0)


def _counts(progress: Progress) -> list[str]:
    """Return the numbers of failed and deferred recipients in words, without zeros."""
    deferred = _deferred(progress)
    return [
        f"{count:,} {word}"
        for count, word in ((progress.failed, "failed"), (deferred, "deferred"))
        if count
    ]


def _postfix(progress: Progress, total: int) -> str:
    """Return what failed, what slows the run down, and what it waits for, in one line."""
    counts = _counts(progress)
    slowed = _slowed(progress)
    if not progress.waiting_for:
        return ", ".join(filter(None, [*counts, slowed]))
    waiting = f"waiting for {one_line(progress.waiting_for)}"
    room = shutil.get_terminal_size().columns - _OF_THE_COUNTS - len(f"{progress.finished}{total}")
    full = ", ".join(filter(None, [*counts, slowed, waiting]))
    if _deferred(progress) and columns_of(full + _LEAVING) <= room:
        return full + _LEAVING
    if columns_of(full) <= room:
        return full
    return _without_middle(", ".join([*counts, waiting]), room)


def _without_middle(text: str, columns: int) -> str:
    """Return the text in at most this many columns; its end, which says until when, is kept."""
    if columns_of(text) <= columns:
        return text
    at = max(text.rfind("; "), text.rfind(": "))
    end = text[at:] if at >= 0 else ""
    room = columns - columns_of(end)
    if room < _SHORTEST:
        end, room = "", max(columns, _SHORTEST)
    head = text[: room - 1]
    while columns_of(head) > room - 1:
        head = head[:-1]
    return f"{head.rstrip()}…{end}"


def _slowed(progress: Progress) -> str:
    """Return how far the server's complaints slow the run down, and its reply; else ""."""
    limit = progress.slowed_to
    if not progress.slowed_by or limit is None:
        return ""
    speed = f"{limit:.0f}/s" if limit >= 1 else f"one in {1 / limit:.1f} s"
    room = max(shutil.get_terminal_size().columns - _OF_THE_BAR, _SHORTEST)
    return f"slowed to {speed}: {_shortened(progress.slowed_by, room)}"


def _shortened(reply: str, columns: int) -> str:
    """Return the reply in one line, without its code if a precise status follows."""
    code, _, text = one_line(reply).partition(" ")
    status, _, _ = text.partition(" ")
    short = text if status.count(".") == 2 else f"{code} {text}"
    return short if columns_of(short) <= columns else f"{short[: columns - 1].rstrip()}…"
