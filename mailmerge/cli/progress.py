"""Progress bars, on standard error, and only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailmerge.engine.summary import Progress


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
    """Show the progress of a run: messages done and failed, the rate, the reason for waiting."""
    from tqdm import tqdm

    off = quiet or not sys.stderr.isatty()
    with tqdm(total=total, desc="send", unit=" msg", disable=off, file=sys.stderr) as bar:

        def show(progress: Progress) -> None:
            failed = f"{progress.failed} failed" if progress.failed else ""
            waiting = f"waiting for {progress.waiting_for}" if progress.waiting_for else ""
            bar.set_postfix_str(", ".join(filter(None, [failed, waiting])), refresh=False)
            bar.update(progress.done - bar.n)

        yield show
