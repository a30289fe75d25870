"""A budget counts steps, sizes and time, and ends a rendering that exceeds them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mailmerge.rendering.budget import ELEMENT, Budget, text_size
from mailmerge.rendering.settings import RenderLimits
from mailmerge.rendering.template_errors import LimitExceeded


def started(**limits: float) -> Budget:
    budget = Budget(RenderLimits(**limits))  # type: ignore[arg-type]
    budget.restart()
    return budget


def test_steps_and_texts_are_limited() -> None:
    budget = started(steps=10, characters=100, made=250)
    budget.step(10)
    with pytest.raises(LimitExceeded, match="10 steps"):
        budget.step()
    with pytest.raises(LimitExceeded, match="100 characters"):
        budget.expect(101)
    budget.add(100)
    budget.add(100)
    with pytest.raises(LimitExceeded, match="all its intermediate texts"):
        budget.add(100)
    budget.restart()
    budget.add(100)
    budget.step(10)


def test_template_may_write_its_own_text_in_addition() -> None:
    budget = started(characters=100)
    budget.restart(source=50)
    budget.expect(150)
    with pytest.raises(LimitExceeded):
        budget.expect(151)


def test_text_that_was_made_counts_at_once() -> None:
    budget = started(characters=100, made=250)
    assert budget.check("x" * 90) == "x" * 90
    with pytest.raises(LimitExceeded, match="100 characters"):
        budget.check("x" * 101)


def test_items_of_a_list_are_limited() -> None:
    budget = started(steps=100_000, characters=10_000, made=10_000)
    with pytest.raises(LimitExceeded):
        list(budget.counted(range(5_000)))


def test_nothing_is_limited_before_a_rendering_begins() -> None:
    budget = Budget(RenderLimits(steps=1, characters=1))
    budget.step(1_000)
    budget.expect(1_000_000)


def test_processor_time_is_limited() -> None:
    budget = started(seconds=0.05)
    budget.look_at_time()
    end = time.thread_time() + 0.06
    while time.thread_time() < end:
        pass
    with pytest.raises(LimitExceeded, match=r"within 0\.05 seconds"):
        budget.step(1_000)


@pytest.mark.parametrize(
    ("make", "size"),
    [
        (lambda: "abc", 3),
        (lambda: "ä", 4),
        (lambda: ["abc", "de"], 5 + 2 * ELEMENT),
        (lambda: range(10), 10 * ELEMENT),
        (lambda: {"a": "bcd"}, 4 + 2 * ELEMENT),
    ],
)
def test_size_counts_every_element(make: Callable[[], object], size: int) -> None:
    assert started().size(make()) == size


def test_shared_elements_count_as_often_as_they_occur() -> None:
    value: list[object] = ["a"]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(LimitExceeded):
        started().size(value)


def test_text_beyond_ascii_counts_four_bytes_a_character() -> None:
    assert (text_size("abc"), text_size("日本"), text_size(b"ab")) == (3, 8, 2)


def test_counted_items_are_steps() -> None:
    budget = started(steps=3)
    assert list(budget.counted("abc")) == ["a", "b", "c"]
    with pytest.raises(LimitExceeded):
        list(budget.counted("a"))
