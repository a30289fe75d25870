"""Progress on standard error: a bar on a terminal, otherwise a line every half minute.

The bar of a run counts recipients with a final outcome. A recipient that the server defers is tried
several times, so the number of attempts can be larger than the number of recipients.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from mailmerge.cli.terminal import has_cursor, say
from mailmerge.language import listed, marked, tr
from mailmerge.portable.terminals import control_keys_unseen
from mailmerge.wording import columns_of, counted, one_line

if TYPE_CHECKING:
    from mailmerge.engine.summary import Progress

_OF_THE_BAR = 68
"""The columns of the bar's own figures, and of the speed that a run is slowed to."""
_FOR_THE_UNIT = 100
"""The columns from which the bar has room to say what it counts."""
_SHORTEST = 12
"""The columns that a reply gets at least."""
_WHILE_WAITING = "{desc}: {percentage:3.0f}% {n_fmt}/{total_fmt}{postfix}"
"""The bar of a run that waits: without the bar and the speed, so that the reason has room."""
_SIGN_OF_LIFE = 30.0
"""The seconds between two lines where there is no terminal."""
_LEAVING = marked("; Ctrl-C stops, and the next send continues")
_OF_THE_COUNTS = len(": 100% /, ") + 1
"""The columns of that bar, apart from its name, its two numbers and the reason."""
_ENDS = ("; ", ": ", "；", "：")
"""The marks before the part of a reason that says until when."""


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
    with (
        nullcontext() if off else control_keys_unseen(sys.stderr),
        tqdm(desc=what, unit=tr(" recipients"), leave=False, disable=off, file=sys.stderr) as bar,
    ):

        def show(seen: int) -> None:
            bar.update(seen - bar.n)
            lines.show(
                lambda: tr("{what}: {recipients}", what=what, recipients=counted(seen, "recipient"))
            )

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
    name = tr("send")
    unit = tr(" recipients") if shutil.get_terminal_size().columns >= _FOR_THE_UNIT else ""
    with (
        nullcontext() if off else control_keys_unseen(sys.stderr),
        tqdm(total=total, desc=name, unit=unit, disable=off, file=sys.stderr) as bar,
    ):
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
    done = tr(
        "send: {done:,} of {recipients}",
        done=progress.finished,
        recipients=counted(total, "recipient"),
    )
    if progress.waiting_for:
        last = _waiting(progress)
    elif progress.per_second:
        last = tr("{rate:,.1f} a second", rate=progress.per_second)
    else:
        last = ""
    return listed(filter(None, [done, *_counts(progress), last]))


def _waiting(progress: Progress) -> str:
    return tr("waiting for {reason}", reason=one_line(progress.waiting_for))


def _deferred(progress: Progress) -> int:
    from mailmerge.ledger.states import State

    return progress.states.get(State.DEFERRED, 0)


def _counts(progress: Progress) -> list[str]:
    """Return the numbers of failed and deferred recipients in words, without zeros."""
    deferred = _deferred(progress)
    counts = []
    if progress.failed:
        counts.append(tr("{count:,} failed", count=progress.failed))
    if deferred:
        counts.append(tr("{count:,} deferred", count=deferred))
    return counts


def _postfix(progress: Progress, total: int) -> str:
    """Return what failed, what slows the run down, and what it waits for, in one line."""
    counts = _counts(progress)
    slowed = _slowed(progress)
    if not progress.waiting_for:
        return listed(filter(None, [*counts, slowed]))
    waiting = _waiting(progress)
    taken = _OF_THE_COUNTS + columns_of(tr("send")) + len(f"{progress.finished}{total}")
    room = shutil.get_terminal_size().columns - taken
    full = listed(filter(None, [*counts, slowed, waiting]))
    leaving = tr(_LEAVING)
    if _deferred(progress) and columns_of(full + leaving) <= room:
        return full + leaving
    reason = one_line(progress.waiting_for)
    ending = reason[max(map(reason.rfind, _ENDS)) + 1 :].strip()
    for text in (full, listed([*counts, waiting]), listed([*counts, reason])):
        if columns_of(text) <= room:
            return text
    if _deferred(progress) and columns_of(listed([*counts, ending])) <= room:
        return listed([*counts, ending])
    return _without_middle(listed([*counts, waiting]), room)


def _without_middle(text: str, columns: int) -> str:
    """Return the text in at most this many columns; its end, which says until when, is kept."""
    if columns_of(text) <= columns:
        return text
    at = max(map(text.rfind, _ENDS))
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
    if limit >= 1:
        speed = tr("{rate:.0f}/s", rate=limit)
    else:
        speed = tr("one in {seconds:.1f} s", seconds=1 / limit)
    room = max(shutil.get_terminal_size().columns - _OF_THE_BAR, _SHORTEST)
    reply = _shortened(progress.slowed_by, room)
    return tr("slowed to {speed}: {reply}", speed=speed, reply=reply)


def _shortened(reply: str, columns: int) -> str:
    """Return the reply in one line, without its code if a precise status follows."""
    code, _, text = one_line(reply).partition(" ")
    status, _, _ = text.partition(" ")
    short = text if status.count(".") == 2 else f"{code} {text}"
    return short if columns_of(short) <= columns else f"{short[: columns - 1].rstrip()}…"
