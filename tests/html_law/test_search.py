"""The search makes failing pages small, and its strategies make pages of all kinds."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from mailmerge.errors import MailmergeError

from . import search
from .pages import Pages, make_pages
from .search import STRATEGIES, compare_pieces, minimise
from .strategies import FRAME, Pieces


def test_minimise_keeps_what_makes_a_page_fail() -> None:
    pieces = tuple("abcdefghij")
    assert minimise(pieces, lambda page: {"c", "h"} <= set(page)) == ("c", "h")


def test_minimise_keeps_frame_and_braces() -> None:
    pieces = (FRAME[0], "p {", "color:red", "}", "a {", "}", FRAME[1], "x", FRAME[2])
    smallest = minimise(pieces, lambda page: "p {" in page)
    assert "".join(smallest) == FRAME[0] + "p {}" + FRAME[1] + FRAME[2]


PARTS = {
    "markup": ("<t", "</", "&", "<!", "=", ">"),
    "balanced": ("</", "href", "&"),
    "styled": (":not(", "@media", "!important", "url(", "style="),
}


@pytest.mark.parametrize("name", PARTS)
def test_strategies_make_pages_of_all_kinds(name: str) -> None:
    pages: list[str] = []

    @settings(
        max_examples=60,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STRATEGIES[name])
    def collect(pieces: Pieces) -> None:
        assert all(isinstance(piece, str) for piece in pieces)
        pages.append("".join(pieces))

    collect()
    assert [part for part in PARTS[name] if not any(part in page for page in pages)] == []


class _NoBrowserNeeded:
    def compare_batch(
        self, batch: list[tuple[str, str]], files: dict[str, bytes]
    ) -> list[list[object]]:
        return [[] for _ in batch]


@pytest.mark.parametrize(
    ("raised", "wanted"), [(MailmergeError("refused"), []), (IndexError("x"), ["IndexError: x"])]
)
def test_crash_is_a_difference_and_a_refusal_is_none(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, wanted: list[str]
) -> None:
    def refuse(*_: object) -> Pages:
        raise raised

    monkeypatch.setattr(search, "make_pages", refuse)
    assert make_pages is not refuse
    (found,) = compare_pieces(_NoBrowserNeeded(), [("a",)])  # type: ignore[arg-type]
    assert [one.sent for one in found] == wanted
