"""`python -m tests.html_law.search`: random pages that break the law, made as small as possible.

One page is kept for each kind of difference, the shortest. It is made smaller by deleting pieces as
long as the difference stays (delta debugging).
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError

from mailmerge.errors import MailmergeError

from .browser import Browser, browser
from .difference import Difference
from .pages import Pages, compare_source, make_pages
from .strategies import FRAME, Pieces, balanced, markup, styled

_PART = re.compile(r"""[^\s;{}<>=,"']+|\s+|.""", re.DOTALL)
STRATEGIES = {"markup": markup(), "balanced": balanced(), "styled": styled()}


def compare_pieces(chromium: Browser, pages: Sequence[Pieces]) -> list[list[Difference]]:
    """The differences of each random page; one that the product refuses has none."""
    made = [_made("".join(pieces)) for pieces in pages]
    known = [one for one in made if isinstance(one, Pages)]
    files = {path: content for one in known for path, content in one.files.items()}
    found = chromium.compare_batch([(one.written, one.sent) for one in known], files)
    results = iter(
        [
            [*compare_source(one), *differences]
            for one, differences in zip(known, found, strict=True)
        ]
    )
    return [next(results) if isinstance(one, Pages) else one for one in made]


def _made(template: str) -> Pages | list[Difference]:
    folder = Path(tempfile.mkdtemp(prefix="html-law-"))
    try:
        return make_pages(folder, template, {})
    except (MailmergeError, TemplateError):
        return []
    except Exception as error:  # noqa: BLE001 -- any other exception is a crash of the product
        raised = f"{type(error).__name__}: {error}"
        return [Difference("crash", type(error).__name__, "", raised, ("source",))]
    finally:
        shutil.rmtree(folder)


def minimise(pieces: Pieces, fails: Callable[[Pieces], bool]) -> Pieces:
    """The smallest page that still fails, found by deleting pieces, many and then single ones.

    The frame of a page (FRAME) stays, and so does the balance of braces: half a rule is another
    case.
    """
    size = max(len(pieces) // 2, 1)
    while True:
        at = 0
        while at < len(pieces):
            kept = tuple(piece for piece in pieces[at : at + size] if piece in FRAME)
            smaller = pieces[:at] + kept + pieces[at + size :]
            if (
                len(smaller) < len(pieces)
                and _balance(smaller) == _balance(pieces)
                and fails(smaller)
            ):
                pieces = smaller
            else:
                at += size
        if size == 1:
            return pieces
        size //= 2


def _balance(pieces: Pieces) -> int:
    text = "".join(pieces)
    return text.count("{") - text.count("}")


def search(
    chromium: Browser, strategy: st.SearchStrategy[Pieces], count: int
) -> dict[tuple[str, ...], Pieces]:
    """Kind of difference -> the shortest random page that has it."""
    shortest: dict[tuple[str, ...], Pieces] = {}

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(strategy, min_size=12, max_size=12))
    def look(pages: list[Pieces]) -> None:
        for pieces, found in zip(pages, compare_pieces(chromium, pages), strict=True):
            for kind in {one.kind[:2] for one in found}:
                if kind not in shortest or len("".join(pieces)) < len("".join(shortest[kind])):
                    shortest[kind] = pieces

    look()
    return shortest


def _refined(pieces: Pieces) -> Pieces:
    """Smaller pieces: single declarations, selectors, attributes and words."""
    parts = [[piece] if piece in FRAME else _PART.findall(piece) for piece in pieces]
    return tuple(part for piece in parts for part in piece)


def main() -> None:
    """Search with the chosen strategy, and print each kind with its smallest page."""
    parser = argparse.ArgumentParser(prog="python -m tests.html_law.search", description=__doc__)
    parser.add_argument("strategy", choices=sorted(STRATEGIES))
    parser.add_argument("--count", type=int, default=20, help="batches of twelve pages")
    options = parser.parse_args()
    with browser() as chromium:
        found = search(chromium, STRATEGIES[options.strategy], options.count)
        shown: set[tuple[str, ...]] = set()
        for kind, pieces in sorted(found.items(), key=lambda one: len("".join(one[1]))):
            if kind not in shown:
                page = _smallest(chromium, kind, pieces)
                (differences,) = compare_pieces(chromium, [page])
                shown |= {kind, *(one.kind[:2] for one in differences)}
                print("\n    ".join([repr("".join(page)), *map(str, differences[:3])]), flush=True)


def _smallest(chromium: Browser, kind: tuple[str, ...], pieces: Pieces) -> Pieces:
    def fails(smaller: Pieces) -> bool:
        (found,) = compare_pieces(chromium, [smaller])
        return any(one.kind[:2] == kind for one in found)

    return minimise(_refined(minimise(pieces, fails)), fails)


if __name__ == "__main__":
    main()
