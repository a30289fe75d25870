"""A column that differs in a group is an error wherever it is used."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest

from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.differing import ColumnDiffers, Differing, differing
from mailmerge.recipients.groups import make_group
from mailmerge.recipients.recipient import Recipient, Row

ANN = parse_mailbox("ann@x-firma.de")
ROWS = (
    Row(2, {"email": "ann@x-firma.de", "nr": "17"}),
    Row(3, {"email": "ann@x-firma.de", "nr": "17"}),
    Row(7, {"email": "ann@x-firma.de", "nr": "18"}),
)


@pytest.mark.parametrize(
    "use",
    [
        str, bool, len, iter, int, float, hash, abs, round, format,
        lambda one: one == "17", lambda one: one < 3, lambda one: one + "x", lambda one: "x" + one,
        lambda one: one * 2, lambda one: one % 2, lambda one: one / 2, lambda one: -one,
        lambda one: "1" in one, operator.itemgetter(0), lambda one: one(), lambda one: one.title,
        lambda one: one.__html__(),
    ],
)  # fmt: skip
def test_each_use_names_both_rows(use: Callable[[Any], object]) -> None:
    with pytest.raises(ColumnDiffers) as raised:
        use(Differing("nr", ROWS))
    assert str(raised.value) == (
        'the column "nr" differs in this group: row 2 has "17", row 7 has "18"'
    )
    assert "{% for row in rows %}" in raised.value.hint


def test_other_special_methods_are_missing() -> None:
    assert not hasattr(Differing("nr", ROWS), "__fspath__")


def test_only_columns_that_differ_are_replaced() -> None:
    group = make_group(ROWS, ANN, "ann")
    assert list(differing(group)) == ["nr"]
    assert differing(make_group(ROWS[:2], ANN, "ann")) == {}
    assert differing(make_group(ROWS[:1], ANN, "ann")) == {}
    assert differing(Recipient(2, ROWS[0].cells, ANN, "ann")) == {}
