"""Repeated keys are found as a dictionary would find them, in a tenth of the memory."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.recipients.first_rows import Earlier, FirstRows

spellings = st.text("abAB", min_size=1, max_size=3)


@given(st.lists(st.lists(spellings, max_size=20), max_size=6), st.integers(1, 30), st.booleans())
def test_first_rows_remember_like_a_dictionary(
    batches: list[list[str]], recent: int, short_hash: bool
) -> None:
    first_rows = FirstRows(recent, short_hash=short_hash)
    known, row = dict[str, tuple[int, str]](), 2
    for batch in batches:
        rows = list(range(row, row + len(batch)))
        expected = {}
        for index, (spelling, number) in enumerate(zip(batch, rows, strict=True)):
            first, as_spelt = known.setdefault(spelling.lower(), (number, spelling))
            if first != number:
                expected[index] = Earlier(first, as_spelt == spelling)
        assert first_rows.claim([s.lower() for s in batch], batch, rows) == expected
        row += len(batch)


@pytest.mark.parametrize("short_hash", [False, True])
def test_many_keys_are_told_apart(short_hash: bool) -> None:
    first_rows = FirstRows(100, short_hash=short_hash)
    for start in range(0, 5000, 500):
        keys = [f"recipient{n}@example.org" for n in range(start, start + 500)]
        assert first_rows.claim(keys, keys, range(start, start + 500)) == {}
    again = first_rows.claim(["recipient4321@example.org"], ["recipient4321@example.org"], [9000])
    assert again == {0: Earlier(4321, True)}


def test_a_key_takes_sixteen_bytes() -> None:
    count, recent = 200_000, 5000
    tracemalloc.start()
    first_rows = FirstRows(recent)
    for start in range(0, count, 1000):
        keys = [f"recipient{n}@example.org" for n in range(start, start + 1000)]
        first_rows.claim(keys, keys, range(start, start + 1000))
    del keys
    gc.collect()
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    # The dictionary of the recent ones takes some 200 bytes a key.
    assert 16 * (count - recent) <= used <= 16 * count + 300 * recent
