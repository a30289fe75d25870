"""The first rule that applies to a row decides about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailmerge.errors import Problem
from mailmerge.recipients.condition import Condition
from mailmerge.recipients.recipient import Recipient, Skipped, SkipReason
from mailmerge.recipients.rules import RowRules
from mailmerge.recipients.table import SheetRow

COLUMNS = ("email", "n", "id")
RULES = RowRules("r.csv", "email", "email")


def row(email: str = "Ann@X.org", n: str = "1", id: str = "7") -> SheetRow:  # noqa: A002 - a column
    return SheetRow(4, {"email": email, "n": n, "id": id})


def where(*texts: str) -> RowRules:
    return replace(RULES, conditions=tuple(Condition(text, COLUMNS) for text in texts))


def skipped(rules: RowRules, of: SheetRow) -> Skipped:
    judged = rules.judge(of)
    assert isinstance(judged, Skipped)
    assert judged.row == of.number
    return judged


def test_a_row_with_an_address_is_a_recipient() -> None:
    judged = RULES.judge(row())
    assert isinstance(judged, Recipient)
    assert (judged.row, judged.key, judged.mailbox.address) == (4, "ann@x.org", "Ann@x.org")
    assert judged.cells["n"] == "1"


@pytest.mark.parametrize(
    ("cell", "key"),
    [(" Ａ  1 ", "A 1"), ("R1", "R1"), ("e\u0301", "é"), ("1\u00a02", "1 2"), ("ﬁ", "fi")],
)
def test_a_key_column_is_normalised(cell: str, key: str) -> None:
    judged = replace(RULES, key="id").judge(row(id=cell))
    assert isinstance(judged, Recipient)
    assert judged.key == key


@pytest.mark.parametrize(
    ("email", "reason", "code"),
    [
        ("", SkipReason.EMPTY, "address-empty"),
        (" \u200b", SkipReason.EMPTY, "address-empty"),
        ("ann", SkipReason.INVALID, "address-no-at"),
    ],
)
def test_a_row_without_an_address_has_a_problem(email: str, reason: SkipReason, code: str) -> None:
    judged = skipped(RULES, row(email))
    assert (judged.reason, judged.mailbox) == (reason, None)
    assert judged.problem is not None
    assert (judged.problem.code, judged.problem.place) == (code, "r.csv, row 4, column email")


def test_a_name_is_read_only_if_asked() -> None:
    named = row("Ann <ann@x.org>")
    assert skipped(RULES, named).reason is SkipReason.INVALID
    judged = replace(RULES, parse_names=True).judge(named)
    assert isinstance(judged, Recipient)
    assert judged.mailbox.display_name == "Ann"


def test_all_conditions_must_hold() -> None:
    assert isinstance(where("n == '1'", "id == '7'").judge(row()), Recipient)
    judged = skipped(where("n == '1'", "id == '8'"), row())
    assert (judged.reason, judged.problem) == (SkipReason.FILTERED, None)
    assert judged.mailbox is not None


def test_a_condition_that_fails_makes_the_row_invalid() -> None:
    judged = skipped(where("1 // (n|int - 1)"), row())
    assert judged.reason is SkipReason.INVALID
    assert judged.problem is not None
    assert (judged.problem.code, judged.problem.place) == ("where-failed", "r.csv, row 4")


def test_conditions_decide_before_the_address() -> None:
    assert skipped(where("n == '2'"), row("bad")).reason is SkipReason.FILTERED
    judged = skipped(where("1 // (n|int - 1)"), row("bad"))
    assert judged.problem is not None
    assert judged.problem.code == "where-failed"


def test_only_one_mailbox_may_be_wanted() -> None:
    rules = replace(RULES, only="ann@x.org")
    assert isinstance(rules.judge(row()), Recipient)
    assert skipped(rules, row("bob@x.org")).reason is SkipReason.FILTERED
    judged = skipped(rules, row("bad"))
    assert (judged.reason, judged.problem) == (SkipReason.FILTERED, None)


def test_suppressed_identities_are_skipped() -> None:
    rules = replace(RULES, suppressed=frozenset({"ann@x.org"}))
    judged = skipped(rules, row())
    assert (judged.reason, judged.problem) == (SkipReason.SUPPRESSED, None)
    assert isinstance(rules.judge(row("ann+x@x.org")), Recipient)
    assert skipped(replace(rules, loose=True), row("ann+x@x.org")).reason is SkipReason.SUPPRESSED


def test_only_decides_before_the_suppression_list() -> None:
    rules = replace(RULES, only="bob@x.org", suppressed=frozenset({"ann@x.org"}))
    assert skipped(rules, row()).reason is SkipReason.FILTERED


def test_a_required_cell_must_have_text() -> None:
    rules = replace(RULES, required=("n", "id"))
    judged = skipped(rules, row(n=" "))
    assert judged.reason is SkipReason.EMPTY
    assert judged.problem == Problem(
        "error",
        "cell-empty",
        "the cell is empty",
        "r.csv",
        4,
        "n",
        "fill it in, or delete the row",
    )
    assert isinstance(rules.judge(row()), Recipient)


def test_suppressed_rows_need_no_required_cells() -> None:
    rules = replace(RULES, required=("n",), suppressed=frozenset({"ann@x.org"}))
    assert skipped(rules, row(n="")).reason is SkipReason.SUPPRESSED


def test_sameness_is_loose_only_if_asked() -> None:
    assert RULES.sameness("a+b@x.org") == "a+b@x.org"
    assert replace(RULES, loose=True).sameness("a+b@x.org") == "a@x.org"
    assert RULES.by_address
    assert not replace(RULES, key="id").by_address
