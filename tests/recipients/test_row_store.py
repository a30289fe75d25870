"""Rows by their groups, in memory or in a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.recipients.row_store import RowStore


@given(st.lists(st.sampled_from("abcdefg"), max_size=60), st.sampled_from([1, 1 << 20]))
def test_groups_come_in_the_order_of_their_first_records(groups: list[str], memory: int) -> None:
    with RowStore(memory) as store:
        for number, group in enumerate(groups):
            store.add(group, [number, group, "\ud800é"])
        found = list(store.groups())
    expected = {
        group: [[n, group, "\ud800é"] for n, one in enumerate(groups) if one == group]
        for group in dict.fromkeys(groups)
    }
    assert found == list(expected.values())


@pytest.mark.parametrize("memory", [1, 1 << 20])
def test_store_may_be_empty(memory: int) -> None:
    with RowStore(memory) as store:
        assert list(store.groups()) == []
