"""Rows with the same value in `group_by` become one recipient."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import CampaignError, SpreadsheetError
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Audience, Selection
from mailmerge.recipients.collection import read_recipients
from mailmerge.recipients.groups import make_group
from mailmerge.recipients.mappings import open_mappings
from mailmerge.recipients.recipient import Recipient, Row, Skipped, SkipReason
from mailmerge.recipients.sent_before import SentBefore
from mailmerge.recipients.spreadsheet import Spreadsheet
from mailmerge.settings import RecipientsSection

ANN, BOB = "ann@x-firma.de", "bob@x-firma.de"
ROWS = [
    {"email": ANN, "customer": "A", "nr": "1", "amount": "10,50"},
    {"email": BOB, "customer": "B", "nr": "2", "amount": "3"},
    {"email": ANN, "customer": " A", "nr": "3", "amount": "4"},
    {"email": BOB, "customer": "B", "nr": "4", "amount": "-9"},
]


def audience(
    rows: list[dict[str, str]], selection: Selection | None = None, **section: Any
) -> Audience:
    suppressed = section.pop("suppressed", frozenset())
    settings = RecipientsSection.model_validate({"group_by": "customer", **section})
    return Audience(
        settings, Spreadsheet(open_mappings(rows, settings)), selection, suppressed=suppressed
    )


def groups(found: Audience) -> dict[str, list[int]]:
    """The numbers of the rows of each group."""
    return {one.key: [row.number for row in one.rows] for one in found.recipients()}


def skipped(found: Audience) -> list[Skipped]:
    return [one for one in found if isinstance(one, Skipped)]


def test_rows_of_a_group_need_not_be_adjacent() -> None:
    found = list(audience(ROWS).recipients())
    assert [one.key for one in found] == ["A", "B"]
    assert [one.row for one in found] == [1, 2]
    assert [[row.number for row in one.rows] for one in found] == [[1, 3], [2, 4]]
    assert found[0].cells == {"email": ANN, "customer": "A"}
    assert found[0].rows[1].cells["nr"] == "3"
    assert found[0].mailbox.address == ANN


def test_group_of_one_row_has_all_columns() -> None:
    [one] = audience(ROWS[:1]).recipients()
    assert one.cells == ROWS[0]
    assert one.rows == (Row(1, ROWS[0]),)


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("rows|sum('amount') > 0", ["A"]),
        ("rows|length == 2 and customer == 'B'", ["B"]),
        ("rows|map(attribute='nr')|join == '13'", ["A"]),
        ("row['customer'] == 'A'", ["A"]),
        (" ", ["A", "B"]),
    ],
)
def test_group_where_selects_groups(condition: str, kept: list[str]) -> None:
    found = audience(ROWS, group_where=condition, locale="de-DE")
    assert list(groups(found)) == kept
    assert found.left_out == 2 * (2 - len(kept))


def test_group_where_refuses_a_column_that_differs() -> None:
    found = skipped(audience(ROWS, group_where="nr == '1'"))
    assert {one.reason for one in found} == {SkipReason.INVALID}
    assert len(found) == 4
    assert found[0].problem is not None
    assert 'row 1 has "1", row 3 has "3"' in found[0].problem.message
    assert found[0].problem.code == "where-failed"


def test_group_where_needs_groups_and_known_columns() -> None:
    with pytest.raises(CampaignError, match="no groups"):
        audience(ROWS, group_by="", group_where="rows|length > 1")
    with pytest.raises(CampaignError, match=r"group_where = .* no column") as raised:
        audience(ROWS, group_where="cutsomer == 'A'")
    assert "customer" in raised.value.problem.hint
    with pytest.raises(CampaignError, match='no column "rows"'):
        audience(ROWS, where="rows|length > 1")


def test_where_works_before_grouping() -> None:
    assert groups(audience(ROWS, where="nr|int < 4")) == {"A": [1, 3], "B": [2]}


def test_commands_select_whole_groups() -> None:
    assert groups(audience(ROWS, Selection(where="nr == '3'"))) == {"A": [1, 3]}
    assert groups(audience(ROWS, Selection(only=BOB))) == {"B": [2, 4]}
    assert groups(audience(ROWS, Selection(limit=1))) == {"A": [1, 3]}
    half = [groups(audience(ROWS, Selection(percent=50))) for _ in range(2)]
    assert half[0] == half[1]
    assert all(len(rows) == 2 for rows in half[0].values())


def test_suppressed_and_sent_addresses_lose_all_rows() -> None:
    found = audience(ROWS, suppressed=frozenset({ANN}))
    assert groups(found) == {"B": [2, 4]}
    assert found.suppressed == 2
    before = Selection(sent_before=SentBefore(("spring",), {ANN: "spring"}))
    found = audience(ROWS, before)
    assert groups(found) == {"B": [2, 4]}
    assert found.sent_before == {"spring": 2}


def test_different_addresses_in_a_group_are_an_error() -> None:
    rows = [*ROWS, {**ROWS[0], "email": "else@x-firma.de"}]
    found = audience(rows)
    assert groups(found) == {"B": [2, 4]}
    refused = skipped(found)
    assert [one.row for one in refused] == [1, 3, 5]
    problem = refused[0].problem
    assert problem is not None
    assert problem.code == "group-addresses"
    assert "row 1" in problem.message
    assert "row 5" in problem.message


def test_loose_addresses_are_the_same() -> None:
    rows = [{**ROWS[0], "email": "a.nn@gmail.com"}, {**ROWS[0], "email": "ann+x@gmail.com"}]
    assert groups(audience(rows, dedupe="loose")) == {"A": [1, 2]}
    assert groups(audience(rows)) == {}


def test_group_with_a_broken_row_gets_no_message() -> None:
    rows = [*ROWS, {**ROWS[0], "email": "not an address"}]
    found = audience(rows)
    assert groups(found) == {"B": [2, 4]}
    codes = {one.row: one.problem.code for one in skipped(found) if one.problem}
    assert codes[1] == codes[3] == "group-row"
    assert codes[5].startswith("address")


def test_row_without_a_group_is_an_error() -> None:
    found = audience([*ROWS, {**ROWS[0], "customer": " "}])
    assert groups(found) == {"A": [1, 3], "B": [2, 4]}
    [one] = skipped(found)
    assert (one.reason, one.problem and one.problem.code) == (SkipReason.EMPTY, "cell-empty")


def test_two_groups_with_one_address_are_an_error() -> None:
    rows = [*ROWS, {**ROWS[0], "customer": "C"}]
    found = audience(rows)
    assert list(groups(found)) == ["A", "B"]
    [one] = skipped(found)
    assert one.reason is SkipReason.DUPLICATE
    assert one.problem is not None
    assert one.problem.code == "group-duplicate"
    assert "row 1" in one.problem.message
    assert list(groups(audience(rows, dedupe="off"))) == ["A", "B", "C"]


def test_key_finds_rows_that_are_there_twice() -> None:
    rows = [*ROWS, ROWS[0]]
    assert groups(audience(rows))["A"] == [1, 3, 5]
    found = audience(rows, key="nr")
    assert groups(found)["A"] == [1, 3]
    assert [one.reason for one in skipped(found)] == [SkipReason.DUPLICATE]


def test_with_invalid_gives_the_reason_of_a_group() -> None:
    found = audience(ROWS).with_invalid({1: "no file"})
    assert [(one.key, reason) for one, reason in found] == [("A", "no file"), ("B", "")]


def test_recipients_of_a_file_can_be_grouped(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(f"email,customer,nr\n{ANN},A,1\n{BOB},B,2\n{ANN},A,3\n")
    found = read_recipients(tmp_path / "r.csv", group_by="customer")
    assert [[row.number for row in one.rows] for one in found] == [[2, 4], [3]]
    assert read_recipients(ROWS, group_by="customer", group_where="rows|length > 2")[:] == []


def test_missing_group_column_is_named_with_its_setting() -> None:
    with pytest.raises(SpreadsheetError) as raised:
        audience(ROWS, group_by="kustomer")
    assert raised.value.problem.code == "no-column"
    assert 'group_by = "customer"' in raised.value.problem.hint
    with pytest.raises(SpreadsheetError, match="nummer"):
        audience(ROWS, key="nummer")


def test_make_group_ignores_spaces_around_texts() -> None:
    rows = [Row(2, {"a": "x ", "b": "1"}), Row(3, {"a": "x", "b": "2"})]
    group = make_group(rows, parse_mailbox(ANN), "k")
    assert group.cells == {"a": "x "}


VALUES = st.sampled_from(["A", "B", "C", " C", "", "ä", "a\u0308"])
ROW = st.fixed_dictionaries(
    {
        "email": st.sampled_from([ANN, BOB, "c@x-firma.de", "", "broken"]),
        "customer": VALUES,
        "nr": st.sampled_from("123456"),
    }
)


@given(
    st.lists(ROW, min_size=1, max_size=25),
    st.sampled_from(["exact", "loose", "off"]),
    st.sampled_from(["", "nr"]),
    st.sampled_from(["", "nr != '2'"]),
    st.sampled_from(["", "rows|length > 1"]),
    st.sampled_from([Selection(), Selection(where="nr == '1'"), Selection(percent=40)]),
    st.sampled_from([frozenset[str](), frozenset({ANN})]),
)
def test_every_row_is_in_one_message_or_skipped(
    rows: list[dict[str, str]], dedupe: str, key: str, where: str, group_where: str,
    selection: Selection, suppressed: frozenset[str],
) -> None:  # fmt: skip
    found = audience(
        rows, selection, dedupe=dedupe, key=key, where=where, group_where=group_where,
        suppressed=suppressed,
    )  # fmt: skip
    results = list(found)
    recipients = [one for one in results if isinstance(one, Recipient)]
    places = Counter(row.number for one in recipients for row in one.rows)
    places.update(one.row for one in results if isinstance(one, Skipped))
    assert places == dict.fromkeys(range(1, len(rows) + 1), 1)
    assert len({one.key for one in recipients}) == len(recipients)
    for one in recipients:
        assert len({row.cells["customer"].strip() for row in one.rows} - {"a\u0308"}) <= 1
        assert {row.cells["email"] for row in one.rows} == {one.mailbox.address}
        assert [row.number for row in one.rows] == sorted(row.number for row in one.rows)
    if dedupe != "off":
        assert len({one.mailbox.identity for one in recipients}) == len(recipients)
