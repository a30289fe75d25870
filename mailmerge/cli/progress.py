"""Progress bars, on standard error, and only on a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mailmerge.wording import columns_of, one_line

if TYPE_CHECKING:
    from mailmerge.engine.summary import Progress

_OF_THE_BAR = 68
"""The columns of the bar's own figures, and of the speed that a run is slowed to."""
_SHORTEST = 12
"""The columns that a reply gets at least."""
_WHILE_WAITING = "{desc}: {percentage:3.0f}% {n_fmt}/{total_fmt}{postfix}"
"""The bar of a run that waits: without the bar and the speed, so that the reason has room."""
_OF_THE_COUNTS = len("send: 100% /, ") + 1
"""The columns of that bar, apart from its two numbers and the reason."""


@contextmanager
def counting(what: str, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Show a counter of recipients; the total is not known while the file is read.

    The result takes the number so far.
    """
    from tqdm import tqdm

    off = quiet or not sys.stderr.isatty()
    with tqdm(desc=what, unit=" recipients", leave=False, disable=off, file=sys.stderr) as bar:

        def show(seen: int) -> None:
            bar.update(seen - bar.n)

        yield show


@contextmanager
def sending(total: int, *, quiet: bool = False) -> Iterator[Callable[[Progress], None]]:
    """Show the progress of a run: messages done and failed, the speed, and what slows it down."""
    from tqdm import tqdm

    off = quiet or not sys.stderr.isatty()
    with tqdm(total=total, desc="send", unit=" msg", disable=off, file=sys.stderr) as bar:
        said = ""

        def show(progress: Progress) -> None:
            nonlocal said
            before, said = said, _postfix(progress, total)
            bar.bar_format = _WHILE_WAITING if progress.waiting_for else None
            bar.set_postfix_str(said, refresh=False)
            bar.update(progress.done - bar.n)
            if said != before:
                bar.refresh()  # an update without a new message shows nothing

        yield show


def _postfix(progress: Progress, total: int) -> str:
    """Return what failed, what slows the run down, and what it waits for, in one line."""
    failed = f"{progress.failed} failed" if progress.failed else ""
    slowed = _slowed(progress)
    if not progress.waiting_for:
        return ", ".join(filter(None, [failed, slowed]))
    waiting = f"waiting for {one_line(progress.waiting_for)}"
    room = shutil.get_terminal_size().columns - _OF_THE_COUNTS - len(f"{progress.done}{total}")
    full = ", ".join(filter(None, [failed, slowed, waiting]))
    if columns_of(full) <= room:
        return full
    return _without_middle(", ".join(filter(None, [failed, waiting])), room)


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
