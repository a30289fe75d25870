"""A reply as a value: its first digit decides, and all its lines are one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.smtp import Reply


@given(st.integers(200, 599))
def test_the_first_digit_decides(code: int) -> None:
    reply = Reply(code, ("what",))
    kinds = [reply.positive, reply.intermediate, reply.transient, reply.permanent]
    assert kinds.index(True) == code // 100 - 2
    assert kinds.count(True) == 1


@pytest.mark.parametrize(("code", "closing"), [(421, True), (420, False), (221, False)])
def test_only_421_closes_the_connection(code: int, closing: bool) -> None:
    assert Reply(code, ("",)).closing is closing


@pytest.mark.parametrize(
    ("lines", "text", "shown"),
    [
        (("",), "", "250"),
        (("ok",), "ok", "250 ok"),
        (("a", "", "b"), "a b", "250 a b"),
    ],
)
def test_the_lines_are_one_text(lines: tuple[str, ...], text: str, shown: str) -> None:
    reply = Reply(250, lines)
    assert (reply.text, str(reply)) == (text, shown)
