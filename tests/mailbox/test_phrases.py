"""The words of mail programs: patterns that take linear time, and phrases in small letters."""

from __future__ import annotations

import time

import pytest

from mailmerge.mailbox.phrases import pattern, table, texts
from mailmerge.mailbox.reasons import Reason

PATTERNS = (
    "bounce_subjects", "daemons", "bounce_texts", "warnings", "unsubscribe_subjects",
    "automatic_subjects",
)  # fmt: skip


@pytest.mark.parametrize("name", ["against_the_code", "by_text"])
def test_phrases_are_compared_as_they_are_written(name: str) -> None:
    for reason, phrases in table(name):
        assert Reason(reason)
        for phrase in phrases:
            assert phrase == phrase.lower()
            assert phrase.count("*") <= 1
            assert "  " not in phrase


def test_announcements_are_in_small_letters() -> None:
    assert all(
        one == one.lower()
        for name in ("announces", "announces_below_a_rule")
        for one in texts(name)
    )


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_take_linear_time(name: str) -> None:
    begun = time.process_time()
    for piece in ("delivery ", "mail ", "message ", "re: ", "error ", "不", "a" * 20 + " "):
        pattern(name).search(piece * 5000)
    assert time.process_time() - begun < 5
