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

        def show(progress: Progress) -> None:
            failed = f"{progress.failed} failed" if progress.failed else ""
            waiting = f"waiting for {progress.waiting_for}" if progress.waiting_for else ""
            parts = filter(None, [failed, _slowed(progress), waiting])
            bar.set_postfix_str(", ".join(parts), refresh=False)
            bar.update(progress.done - bar.n)

        yield show


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
