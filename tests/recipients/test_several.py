"""An address cell with several addresses: a recipient for each, or one for all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import Problem
from mailmerge.recipients.audience import Audience
from mailmerge.recipients.mappings import open_mappings
from mailmerge.recipients.recipient import Recipient, Skipped, SkipReason
from mailmerge.recipients.rules import RowRules
from mailmerge.recipients.several import claimed_keys, judge_several
from mailmerge.recipients.spreadsheet import Spreadsheet
from mailmerge.recipients.table import SheetRow
from mailmerge.settings import RecipientsSection

EACH = RowRules("r.csv", "email", "email", several="each")
TOGETHER = replace(EACH, several="together")


def row(email: str, number: int = 4, id: str = "7") -> SheetRow:  # noqa: A002 - a column
    return SheetRow(number, {"email": email, "id": id})


def keys(rules: RowRules, email: str) -> list[str]:
    found = judge_several(rules, row(email))
    return [one.key if isinstance(one, Recipient) else str(one.reason) for one in found]


@pytest.mark.parametrize("rules", [EACH, TOGETHER])
def test_a_cell_with_one_address_is_one_recipient(rules: RowRules) -> None:
    assert keys(rules, "Ann@x.org; ") == ["ann@x.org"]
    assert keys(rules, "Ann <ann@x.org>") == ["ann@x.org"]


@pytest.mark.parametrize("rules", [EACH, TOGETHER])
@pytest.mark.parametrize(
    ("cell", "reason"),
    [("", SkipReason.EMPTY), ("ann@x.org; bob", SkipReason.INVALID), (" ; ", SkipReason.INVALID)],
)
def test_a_cell_without_addresses_has_a_problem(
    rules: RowRules, cell: str, reason: SkipReason
) -> None:
    (found,) = judge_several(rules, row(cell))
    assert isinstance(found, Skipped)
    assert found.reason is reason
    assert found.problem is not None
    assert (found.problem.row, found.problem.column) == (4, "email")


def test_each_address_is_a_recipient() -> None:
    assert keys(EACH, "a@x.org; b@x.org\nc@x.org, A@x.org") == ["a@x.org", "b@x.org", "c@x.org"]
    assert keys(replace(EACH, loose=True), "a+1@x.org;a+2@x.org") == ["a+1@x.org"]


def test_each_with_a_key_column_has_keys_of_their_own() -> None:
    by_id = replace(EACH, key="id")
    assert keys(by_id, "a@x.org;b@x.org") == ["7\u00a0a@x.org", "7\u00a0b@x.org"]
    assert keys(by_id, "a@x.org") == ["7\u00a0a@x.org"]


def test_each_skips_a_suppressed_address_alone() -> None:
    rules = replace(EACH, suppressed=frozenset({"a@x.org"}))
    assert keys(rules, "a@x.org;b@x.org") == ["suppressed", "b@x.org"]


def test_together_is_one_recipient_with_the_first_key() -> None:
    assert keys(TOGETHER, "a@x.org;b@x.org") == ["a@x.org"]
    rules = replace(TOGETHER, suppressed=frozenset({"a@x.org"}))
    (found,) = judge_several(rules, row("a@x.org;b@x.org"))
    assert isinstance(found, Recipient)
    assert (found.mailbox.address, found.key) == ("b@x.org", "a@x.org")
    every = replace(rules, suppressed=frozenset({"a@x.org", "b@x.org"}))
    assert keys(every, "a@x.org;b@x.org") == ["suppressed"]
    assert keys(replace(TOGETHER, key="id"), "a@x.org;b@x.org") == ["7"]


def test_only_selects_a_recipient_by_any_of_its_addresses() -> None:
    rules = replace(TOGETHER, only="b@x.org")
    assert keys(rules, "a@x.org;b@x.org") == ["a@x.org"]
    assert keys(rules, "a@x.org;c@x.org") == ["filtered"]
    assert keys(replace(EACH, only="b@x.org"), "a@x.org;b@x.org") == ["filtered", "b@x.org"]


def test_a_recipient_claims_all_its_addresses() -> None:
    (found,) = judge_several(TOGETHER, row("a@x.org;B@x.org"))
    assert isinstance(found, Recipient)
    assert claimed_keys(TOGETHER, found) == [("b@x.org", "B@x.org")]
    assert claimed_keys(replace(TOGETHER, key="id"), found) == []
    assert claimed_keys(EACH, found) == []


def audience(section: RecipientsSection, *cells: str) -> Audience:
    rows = [{"email": cell} for cell in cells]
    return Audience(section, Spreadsheet(open_mappings(rows, section)))


@pytest.mark.parametrize("several", ["each", "together"])
def test_an_address_of_an_earlier_cell_is_a_duplicate(several: str) -> None:
    section = RecipientsSection(several=several)  # type: ignore[arg-type]  # one of the words
    found = list(audience(section, "a@x.org;b@x.org", "c@x.org", "d@x.org;B@x.org"))
    problems = [one.problem for one in found if isinstance(one, Skipped)]
    assert [(one.severity, one.code, one.row) for one in problems if one] == [
        ("error", "duplicate", 3)
    ]


def test_without_several_a_list_is_an_error_that_names_the_key() -> None:
    (found,) = audience(RecipientsSection(), "a@x.org;b@x.org")
    assert isinstance(found, Skipped)
    assert found.problem is not None
    assert "several" in found.problem.hint


def test_problems_of_a_file_pass_through() -> None:
    class Broken:
        file, columns, notices, locale = "r.csv", ("email",), (), ""

        def column(self, name: str) -> str:
            return name

        def records(self) -> object:
            yield row("a@x.org;b@x.org")
            yield Problem("error", "x", "cannot be read", row=9)

    made = Audience(RecipientsSection(several="each"), Broken())  # type: ignore[arg-type]
    kinds = [type(one) for one in made]
    assert kinds == [Recipient, Recipient, Skipped]


cells = st.lists(
    st.lists(st.sampled_from([f"{n}@x.org" for n in "abcdefgh"]), min_size=1, max_size=3),
    min_size=1, max_size=5,
)  # fmt: skip


@given(cells, st.sampled_from(["each", "together"]))
def test_no_address_gets_two_messages(rows: list[list[str]], several: str) -> None:
    section = RecipientsSection(several=several)  # type: ignore[arg-type]  # one of the words
    addressed: list[str] = []
    for one in audience(section, *(";".join(addresses) for addresses in rows)).recipients():
        further = claimed_keys(replace(EACH, several=several), one)
        addressed += [one.mailbox.identity, *(key for key, _ in further)]
    assert len(set(addressed)) == len(addressed)
