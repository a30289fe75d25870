"""A reply, a cell or a page of some kilobytes keeps a regular expression busy for seconds."""

from __future__ import annotations

import contextlib
import re
import time
import tomllib
from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest

from mailmerge.errors import MailmergeError
from mailmerge.providers.explanations import explain
from mailmerge.providers.lookup import find_provider
from mailmerge.recipients.address import parse_mailbox

from .patterns import attacks, compiled_patterns, seconds, uses

LENGTH = 1_200
RATIO = 3.0
"""Twice the text must take less than this; a quadratic pattern takes four times as long."""

MEASURABLE = 0.001
SEARCH = frozenset({"search"})

PATTERNS = {pattern: name for name, pattern in compiled_patterns()}


def _provider_rules() -> list[str]:
    text = resources.files("mailmerge.providers").joinpath("providers.toml").read_text("utf-8")

    def found(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["match"]] if isinstance(value.get("match"), str) else []
            return own + [one for inner in value.values() for one in found(inner)]
        return [one for inner in value for one in found(inner)] if isinstance(value, list) else []

    return found(tomllib.loads(text))


def is_quadratic(
    pattern: re.Pattern[Any],
    methods: frozenset[str],
    attack: tuple[str, str, str],
    length: int = LENGTH,
) -> bool:
    start, unit, end = attack

    def text(length: int) -> str:
        return start + unit * (length // len(unit)) + end

    if seconds(pattern, methods, text(length)) < MEASURABLE:
        return False
    once = min(seconds(pattern, methods, text(length)) for _ in range(3))
    twice = min(seconds(pattern, methods, text(2 * length)) for _ in range(3))
    return once > MEASURABLE and twice > RATIO * once


def is_surely_quadratic(
    pattern: re.Pattern[Any], methods: frozenset[str], attack: tuple[str, str, str]
) -> bool:
    """Whether each of five measurements says so: another process may disturb one of them."""
    return all(is_quadratic(pattern, methods, attack) for _ in range(5))


def test_every_pattern_of_the_package_is_found() -> None:
    assert len(PATTERNS) > 90


@pytest.mark.parametrize("pattern", PATTERNS, ids=PATTERNS.get)
def test_pattern_takes_linear_time(pattern: re.Pattern[Any]) -> None:
    methods = uses(PATTERNS[pattern])
    slow = [one for one in attacks(pattern) if is_surely_quadratic(pattern, methods, one)]
    assert not slow


def test_measure_finds_a_quadratic_pattern() -> None:
    bad = re.compile(r"\S+@\S+")
    assert any(is_quadratic(bad, frozenset({"sub"}), ("", "a", ""), 10 * LENGTH) for _ in range(5))


def test_rules_of_providers_take_linear_time() -> None:
    rules = _provider_rules()
    assert rules
    for rule in rules:
        pattern = re.compile(rule, re.IGNORECASE)
        slow = [one for one in attacks(pattern) if is_surely_quadratic(pattern, SEARCH, one)]
        assert not slow, rule


HOSTILE = ["<" * 60_000, "a" * 60_000, "a@" * 30_000, " " * 60_000, "0." * 30_000, "<!--" * 15_000]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:4])
@pytest.mark.parametrize(
    "read",
    [
        lambda text: explain(550, text, provider="gmail"),
        lambda text: find_provider("gmail").action_for(550, text),
        parse_mailbox,
    ],
    ids=["explain", "action_for", "parse_mailbox"],
)
def test_long_text_is_read_at_once(read: Callable[[str], object], text: str) -> None:
    begin = time.thread_time()
    with contextlib.suppress(ValueError, MailmergeError):
        read(text)
    assert time.thread_time() - begin < 0.5
