"""Random pages against Chromium: the parser with any markup, the cascade with any style sheet.

Many pages share one load of the browser. A failing test names a batch; `python -m
tests.html_law.search` looks for failing pages and makes each as small as possible.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .browser import Browser
from .search import STRATEGIES, compare_pieces
from .strategies import Pieces

pytestmark = pytest.mark.real

FEW, MANY = 5, 12
"""Pages that share one load of the browser, in an ordinary and in a long run."""


def _law(chromium: Browser, name: str, batches: int, size: int) -> None:
    @settings(
        max_examples=batches,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(STRATEGIES[name], min_size=size, max_size=size))
    def check(pages: list[Pieces]) -> None:
        for pieces, found in zip(pages, compare_pieces(chromium, pages), strict=True):
            assert not found, f"{''.join(pieces)!r}\n" + "\n".join(map(str, found[:5]))

    check()


@pytest.mark.parametrize("name", STRATEGIES)
def test_some_random_pages_keep_the_law(chromium: Browser, name: str) -> None:
    _law(chromium, name, 2, FEW)


@pytest.mark.long
@pytest.mark.parametrize("name", STRATEGIES)
def test_random_pages_keep_the_law(chromium: Browser, name: str) -> None:
    _law(chromium, name, 60, MANY)


@pytest.mark.parametrize("name", STRATEGIES)
def test_page_compared_with_itself_has_no_difference(chromium: Browser, name: str) -> None:
    @settings(
        max_examples=2, derandomize=True, database=None, deadline=None, phases=[Phase.generate]
    )
    @given(st.lists(STRATEGIES[name], min_size=FEW, max_size=FEW))
    def check(pages: list[Pieces]) -> None:
        loaded = {f"{copy} {at}": "".join(page) for at, page in enumerate(pages) for copy in "ab"}
        chromium.load(loaded, {})
        for at in range(len(pages)):
            assert chromium.compare_loaded(f"a {at}", f"b {at}") == []

    check()
