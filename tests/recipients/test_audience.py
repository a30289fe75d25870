"""No row gets lost: each becomes a recipient or a skipped row with its reason."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailmerge.errors import CampaignError, Problem, SpreadsheetError
from mailmerge.recipients.audience import Audience, Recipient, Selection, Skipped, SkipReason
from mailmerge.recipients.spreadsheet import open_spreadsheet
from tests.recipients.conftest import Folder, problems_of, skipped_rows

ROWS = """email,country,n
a@x.org,FR,1
b@x.org,DE,2
c@x.org,FR,3
d@x.org,FR,4
"""


def rows(audience: Audience) -> list[int]:
    return [recipient.row for recipient in audience.recipients()]


def test_a_recipient_is_a_row_with_a_mailbox_and_a_key(folder: Folder) -> None:
    folder.put("Email,name\nAnn@X.org,Ann\n")
    (recipient,) = folder.recipients()
    assert recipient.row == 2
    assert recipient.cells == {"Email": "Ann@X.org", "name": "Ann"}
    assert recipient.mailbox.address == "Ann@x.org"
    assert recipient.key == "ann@x.org"


def test_conditions_narrow_each_other(folder: Folder) -> None:
    folder.put(ROWS)
    audience = folder.audience(Selection(where="n|int > 1"), where="country == 'FR'")
    assert rows(audience) == [4, 5]
    assert audience.left_out == 2
    assert rows(audience) == [4, 5]
    assert audience.left_out == 2


def test_limit_counts_recipients_and_stops_reading(folder: Folder) -> None:
    folder.put(ROWS + "e@x.org,FR,5,too,long\n")
    for limit in range(4):
        audience = folder.audience(Selection(limit=limit), where="country == 'FR'")
        assert rows(audience) == [2, 4, 5][:limit]
    assert audience.left_out == 1


def test_only_is_one_address_in_any_spelling(folder: Folder) -> None:
    folder.put(ROWS + "bad,FR,5\n")
    audience = folder.audience(Selection(only="Bee <B@X.ORG>"))
    assert rows(audience) == [3]
    assert skipped_rows(audience) == dict.fromkeys((2, 4, 5, 6), SkipReason.FILTERED)
    assert audience.left_out == 4


def test_a_selection_without_rows_is_an_error(folder: Folder) -> None:
    folder.put(ROWS)
    (problem,) = problems_of(folder.audience(Selection(only="z@x.org")))
    assert (problem.code, problem.message) == (
        "none-selected",
        'no row has the address "z@x.org"',
    )
    (problem,) = problems_of(folder.audience(where="country == 'IT'"))
    assert (problem.severity, problem.code) == ("error", "none-selected")


def test_a_wrong_selection_is_refused_before_any_row(folder: Folder) -> None:
    folder.put(ROWS)
    for selection, code in (
        (Selection(only="bob"), "address-no-at"),
        (Selection(where="contry == 'FR'"), "where-column"),
    ):
        with pytest.raises(CampaignError) as caught:
            folder.audience(selection)
        assert caught.value.problem.code == code


def test_a_condition_that_fails_on_a_row_is_a_problem_of_that_row(folder: Folder) -> None:
    folder.put(ROWS + "e@x.org,FR,x\n")
    audience = folder.audience(where="10 // (n|int) < 9")
    found = [(p.code, p.row, p.file) for p in problems_of(audience)]
    assert found == [("where-failed", 6, "recipients.csv")]
    assert rows(audience) == [3, 4, 5]


def test_suppressed_addresses_are_skipped_in_any_spelling(folder: Folder) -> None:
    folder.put(ROWS)
    folder.put("email,reason,date\nB@X.ORG,asked,2026-01-02\nz@x.org,,\n", "suppressed.csv")
    audience = folder.audience()
    assert rows(audience) == [2, 4, 5]
    assert skipped_rows(audience) == {3: SkipReason.SUPPRESSED}
    assert audience.suppressed == 1
    folder.put("email\nb+news@x.org\n", "suppressed.csv")
    assert rows(folder.audience()) == [2, 3, 4, 5]
    assert rows(folder.audience(dedupe="loose")) == [2, 4, 5]


def test_all_suppressed_is_no_error(folder: Folder) -> None:
    folder.put("email\na@x.org\n")
    folder.put("email\na@x.org\n", "suppressed.csv")
    audience = folder.audience()
    assert skipped_rows(audience) == {2: SkipReason.SUPPRESSED}
    assert list(problems_of(audience)) == []
    assert audience.suppressed == 1


def test_a_wrong_suppression_list_is_an_error(folder: Folder) -> None:
    folder.put(ROWS)
    folder.put("email,reason\nb@x.org,x\nb@x,y\n", "suppressed.csv")
    with pytest.raises(SpreadsheetError) as caught:
        folder.audience()
    problem = caught.value.problem
    assert (problem.file, problem.row, problem.column) == ("suppressed.csv", 3, "email")


def test_two_rows_of_one_address_may_have_two_keys(folder: Folder) -> None:
    folder.put("email,invoice\na@x.org,R1\na@x.org,R2\nb@x.org, r1\nc@x.org,Ｒ1 \nd@x.org,\n")
    assert [p.code for p in folder.problems()] == ["duplicate"]
    found = list(folder.audience(key="invoice"))
    assert [p.key for p in found if isinstance(p, Recipient)] == ["R1", "R2", "r1"]
    problems = [(p.code, p.row, p.column) for p in problems_of(folder.audience(key="invoice"))]
    assert problems == [("duplicate", 5, "invoice"), ("cell-empty", 6, "invoice")]


def test_without_dedupe_every_row_has_its_own_key(folder: Folder) -> None:
    folder.put("email\na@x.org\nA@x.org\nb@x.org\na@x.org\n")
    recipients = folder.recipients(dedupe="off")
    assert len({recipient.key for recipient in recipients}) == 4
    assert [p.key for p in recipients] == [p.key for p in folder.recipients(dedupe="off")]


def test_a_cell_cannot_hold_the_key_of_a_repeated_row(folder: Folder) -> None:
    folder.put("email,id\na@x.org,7\na@x.org,7\na@x.org,7\u00a0#2\n")
    keys = [recipient.key for recipient in folder.recipients(key="id", dedupe="off")]
    assert keys == ["7", "7\u00a0#2", "7 #2"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_batches_of_any_size_give_the_same_result(folder: Folder, size: int) -> None:
    folder.put('email\na@x.org\nx\nb@x.org\nA@x.org\nb@x.org\na@x.org\n"c@x.org\n')
    campaign = folder.campaign()
    whole = list(folder.audience())
    assert [item.row for item in whole] == [2, 3, 4, 5, 6, 7, 8]
    in_batches = Audience(campaign.recipients, open_spreadsheet(campaign), batch=size)
    assert list(in_batches) == whole


def test_a_file_that_breaks_off_ends_with_a_problem_after_its_rows(folder: Folder) -> None:
    folder.put('email,n\na@x.org,1\nb@x.org,"x"y\nc@x.org,3\n')
    audience = folder.audience()
    recipient, problem = audience
    assert isinstance(recipient, Recipient)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.row) == ("quote-stray", 3)
    assert audience.broken == problem


def test_recipients_alone_raise_where_the_file_breaks_off(folder: Folder) -> None:
    folder.put('email,n\na@x.org,1\nb@x.org,"x"y\nc@x.org,3\n')
    recipients = folder.audience().recipients()
    assert next(recipients).row == 2
    with pytest.raises(SpreadsheetError) as caught:
        next(recipients)
    assert (caught.value.problem.code, caught.value.problem.row) == ("quote-stray", 3)


def test_a_limit_that_is_reached_above_the_break_raises_nothing(folder: Folder) -> None:
    folder.put('email,n\na@x.org,1\nb@x.org,"x"y\nc@x.org,3\n')
    audience = folder.audience(Selection(limit=1))
    assert rows(audience) == [2]
    assert audience.broken is None


def test_a_whole_file_is_not_broken(folder: Folder) -> None:
    folder.put("email\na@x.org\nbad\n")
    audience = folder.audience()
    assert rows(audience) == [2]
    assert audience.broken is None


def test_skipped_rows_keep_cells_mailbox_and_problem(folder: Folder) -> None:
    folder.put("email,n\na@x.org,1\nA@x.org,2\nbad,3\n,4\nb@x.org,5\nc@x.org,6\nd@x.org,\n")
    folder.put("email\nb@x.org\n", "suppressed.csv")
    audience = folder.audience(where="n != '6'", required=["n"])
    skipped = [result for result in audience if isinstance(result, Skipped)]
    assert [(one.number, one.reason, one.problem and one.problem.code) for one in skipped] == [
        (3, SkipReason.DUPLICATE, "duplicate-case"),
        (4, SkipReason.INVALID, "address-no-at"),
        (5, SkipReason.EMPTY, "address-empty"),
        (6, SkipReason.SUPPRESSED, None),
        (7, SkipReason.FILTERED, None),
        (8, SkipReason.EMPTY, "cell-empty"),
    ]
    assert [one.cells["n"] for one in skipped] == ["2", "3", "4", "5", "6", ""]
    mailboxes = [one.mailbox.address if one.mailbox else None for one in skipped]
    assert mailboxes == ["A@x.org", None, None, "b@x.org", "c@x.org", "d@x.org"]
    assert audience.counts == {
        SkipReason.DUPLICATE: 1,
        SkipReason.INVALID: 1,
        SkipReason.EMPTY: 2,
        SkipReason.SUPPRESSED: 1,
        SkipReason.FILTERED: 1,
    }


def test_an_unreadable_row_is_skipped_once_with_all_its_problems(folder: Folder) -> None:
    folder.put("email,a,b\nx@x.org,\0,\0\ny@x.org,1,2\n")
    skipped, further, recipient = folder.audience()
    assert isinstance(skipped, Skipped)
    assert (skipped.row, skipped.reason, skipped.cells) == (2, SkipReason.INVALID, {})
    assert skipped.problem is not None
    assert (skipped.problem.code, skipped.problem.column) == ("cell-not-text", "a")
    assert isinstance(further, Problem)
    assert (further.row, further.column) == (2, "b")
    assert isinstance(recipient, Recipient)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.sampled_from(["a@x.org", "A@x.org", "b@x.org", "bad", "c@x.org", ""]), max_size=30)
)
def test_every_row_is_accounted_for(folder: Folder, cells: list[str]) -> None:
    folder.put(
        "email,n\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells)) + "z@x.org,-1\n"
    )
    folder.put("email\nb@x.org\n", "suppressed.csv")
    audience = folder.audience(where="n|int % 7 != 3")
    found = list(audience)
    recipients = [item for item in found if isinstance(item, Recipient)]
    assert [item.row for item in found] == list(range(2, len(cells) + 3))
    assert len(recipients) + audience.counts.total() == len(cells) + 1
    assert len({recipient.key for recipient in recipients}) == len(recipients)
    assert {p.mailbox.address for p in recipients} <= {"a@x.org", "A@x.org", "c@x.org", "z@x.org"}


def test_larger_sample_contains_the_smaller(folder: Folder) -> None:
    folder.put("email\n" + "".join(f"u{n}@x.org\n" for n in range(400)))
    small, large = (rows(folder.audience(Selection(percent=p))) for p in (10, 50))
    assert set(small) < set(large)
    assert 15 < len(small) < 75
    audience = folder.audience(Selection(percent=10, limit=3))
    assert rows(audience) == small[:3]
    assert Selection(percent=10).partial
    assert not Selection().partial


@pytest.mark.parametrize("percent", [0, -1, 100.5, float("nan")])
def test_percent_is_above_0_and_up_to_100(percent: float) -> None:
    with pytest.raises(CampaignError, match="above 0 and up to 100"):
        Selection(percent=percent)


def test_an_empty_sample_is_an_error(folder: Folder) -> None:
    folder.put("email\na@x.org\n")
    (problem,) = problems_of(folder.audience(Selection(percent=0.01)))
    assert problem.code == "none-selected"
    assert "first 0.01 %" in problem.message


def test_conditions_know_buckets(folder: Folder) -> None:
    folder.put("email\n" + "".join(f"u{n}@x.org\n" for n in range(40)))
    halves = [rows(folder.audience(where=f"bucket(email, 2) == {n}")) for n in (0, 1)]
    assert sorted(halves[0] + halves[1]) == list(range(2, 42))
    assert rows(folder.audience(where="email|bucket(2) == 0")) == halves[0]
