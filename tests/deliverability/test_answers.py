"""Answers: what is certain, and what is not."""

from __future__ import annotations

from mailmerge.deliverability.answers import Answer


def test_only_certain_absence_is_void() -> None:
    states = [(one.is_void, one.is_unknown) for one in (
        Answer("found", ("x",)), Answer("no-data"), Answer("no-name"), Answer("unknown")
    )]  # fmt: skip
    assert states == [(False, False), (True, False), (True, False), (False, True)]
