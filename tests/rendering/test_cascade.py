"""The order of declarations, and what must be raised."""

from __future__ import annotations

import pytest

from mailmerge.rendering import cascade
from mailmerge.rendering.cascade import (
    Block,
    Cascade,
    TooManyStyles,
    of_attribute,
    of_block,
    write_style,
)
from mailmerge.rendering.stylesheet import parse_declarations


def block(css: str, *, order: int, ids: int = 0, stays: bool = False) -> Block:
    return Block(parse_declarations(css), (ids, 0, 1), order, stays)


def test_declarations_are_written_in_the_order_of_the_cascade() -> None:
    weak = block("color:red;top:0 !important", order=2)
    strong = block("color:oklch(50% 0 0)", order=1, ids=1)
    applied = [*of_block(strong), *of_block(weak)]
    assert write_style(applied, "left:0;", set()) == (
        "color:red; color:#636363; color:oklch(50% 0 0); left:0; top:0"
    )


def test_surely_overridden_declarations_are_left_out() -> None:
    applied = [
        *of_block(block("margin-top:1px;color:red", order=1)),
        *of_block(block("margin:0", order=2)),
    ]
    assert write_style(applied, "color:#000", set()) == "margin:0; color:#000"
    assert write_style(of_block(block("margin:0", order=1)), "margin:2px ", set()) == "margin:2px "


def test_kept_rule_is_raised_above_what_it_beats() -> None:
    page = Cascade()
    hover = block("color:red;top:0", order=2, stays=True)
    page.add(block("color:blue", order=1), (0,))
    page.add(hover, (0, 1))
    raised = page.raise_needed()
    assert raised.declarations == {(id(hover), 0)}
    assert not raised.important


def test_raising_goes_on_until_the_order_is_right() -> None:
    page = Cascade()
    hover = block("color:red", order=2, stays=True)
    named = block("color:green", order=0, ids=1)
    page.add(block("color:blue", order=1), (0,))
    page.add(hover, (0, 1, 2))
    page.add(named, (1,))
    page.add_attribute(2, "color:white")
    raised = page.raise_needed()
    assert raised.declarations == {(id(hover), 0), (id(named), 0)}
    (rank,) = raised.important[2]
    assert rank == of_attribute("color:white")[0].rank
    assert write_style([], "color:white", {rank}) == "color:white !important"


def test_important_rule_of_low_specificity_stays_important() -> None:
    page = Cascade()
    important = block("color:green !important", order=0)
    hover = block("color:red", order=2, ids=1, stays=True)
    page.add(block("color:blue", order=1), (0,))
    page.add(hover, (0, 1))
    page.add(important, (1,))
    raised = page.raise_needed()
    assert (id(important), 0) in raised.declarations
    assert write_style(of_block(important), "", raised.important[1]) == "color:green !important"


def test_inlined_declaration_that_something_beats_is_boosted() -> None:
    page = Cascade()
    button = block("color:white !important", order=0)
    marked = block("color:pink", order=2, stays=True)
    client = block("color:black !important", order=1, ids=1, stays=True)
    page.add(block("color:blue", order=1), (0,))
    page.add(marked, (0, 1))
    page.add(button, (1,))
    page.add(client, (1,))
    raised = page.raise_needed()
    assert raised.boosted == {(id(button), 0), (id(client), 0)}
    assert not raised.important[1]
    assert write_style(of_block(button), "", raised.important[1]) == "color:white"


def test_too_many_declarations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascade, "MOST_STEPS", 10)
    with pytest.raises(TooManyStyles):
        Cascade().add(block("color:red", order=1), range(11))
