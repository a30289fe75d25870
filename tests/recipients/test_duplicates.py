"""A row that repeats an earlier recipient is skipped, or gets a key of its own."""

from __future__ import annotations

from mailmerge.errors import Problem
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.duplicates import Deduplicator, RowResult
from mailmerge.recipients.recipient import Recipient, Skipped, SkipReason
from mailmerge.recipients.rules import RowRules


def results(*addresses: str, start: int = 2) -> list[RowResult]:
    return [
        Recipient(row, {"email": address}, mailbox, mailbox.identity)
        for row, address in enumerate(addresses, start)
        for mailbox in [parse_mailbox(address)]
    ]


EXACT = RowRules("r.csv", "email", "email")
LOOSE = RowRules("r.csv", "email", "email", loose=True)


def problems(found: list[RowResult]) -> list[tuple[str, str, int | None, str]]:
    return [
        (one.problem.severity, one.problem.code, one.problem.row, one.problem.message)
        for one in found
        if isinstance(one, Skipped) and one.problem is not None
    ]


def test_a_repeated_address_is_skipped_and_names_the_first_row() -> None:
    found = list(Deduplicator(EXACT).without_duplicates(results("a@x.org", "b@x.org", "a@x.org")))
    assert [type(one) for one in found] == [Recipient, Recipient, Skipped]
    assert problems(found) == [("error", "duplicate", 4, '"a@x.org" is already in row 2')]


def test_another_case_is_only_a_warning() -> None:
    found = list(Deduplicator(EXACT).without_duplicates(results("a@x.org", "A@x.org", "a@x.org")))
    what = '"A@x.org" is already in row 2, in other case: this row is skipped'
    assert problems(found) == [
        ("warning", "duplicate-case", 3, what),
        ("error", "duplicate", 4, '"a@x.org" is already in row 2'),
    ]


def test_earlier_batches_are_remembered() -> None:
    deduplicator = Deduplicator(EXACT)
    assert list(deduplicator.without_duplicates(results("a@x.org"))) == results("a@x.org")
    (again,) = deduplicator.without_duplicates(results("a@x.org", start=600))
    assert isinstance(again, Skipped)
    assert (again.row, again.reason) == (600, SkipReason.DUPLICATE)


def test_loose_rules_ignore_tags() -> None:
    batch = results("a@x.org", "a+b@x.org")
    assert list(Deduplicator(EXACT).without_duplicates(batch)) == batch
    found = list(Deduplicator(LOOSE).without_duplicates(batch))
    assert problems(found) == [("error", "duplicate", 3, '"a+b@x.org" is already in row 2')]


def test_a_key_column_is_named_in_the_hint() -> None:
    rules = RowRules("r.csv", "email", "id")
    mailbox = parse_mailbox("a@x.org")
    batch = [Recipient(row, {"email": "a@x.org", "id": " 7"}, mailbox, "7") for row in (2, 3)]
    _, skipped = Deduplicator(rules).without_duplicates(batch)
    assert isinstance(skipped, Skipped)
    assert skipped.problem == Problem(
        "error",
        "duplicate",
        '"7" is already in row 2',
        "r.csv",
        3,
        "id",
        "delete one of the rows, or choose another key column",
    )


def test_kept_duplicates_get_keys_of_their_own() -> None:
    deduplicator = Deduplicator(EXACT, keep_all=True)
    found = list(deduplicator.without_duplicates(results("a@x.org", "a@x.org", "a@x.org")))
    keys = [one.key for one in found if isinstance(one, Recipient)]
    assert keys == ["a@x.org", "a@x.org\u00a0#2", "a@x.org\u00a0#3"]


def test_other_results_stay_in_their_places() -> None:
    warning = Problem("warning", "x", "x", row=3)
    skipped = Skipped(4, SkipReason.EMPTY)
    first, second = results("a@x.org"), results("a@x.org", start=5)
    found = list(Deduplicator(EXACT).without_duplicates([*first, warning, skipped, *second]))
    assert found[:3] == [*first, warning, skipped]
    assert isinstance(found[3], Skipped)
