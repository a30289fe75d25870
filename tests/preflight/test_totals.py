"""What is known after the last row: the columns, and how many recipients there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mailmerge.credentials import find_account
from mailmerge.errors import Problem
from mailmerge.preflight.check import Check, CheckOptions
from mailmerge.preflight.findings import Findings
from mailmerge.preflight.rules import Setup, Totals
from mailmerge.preflight.totals import check_columns, check_recipients_left, check_reserved
from tests.preflight.checked import Folder, place

TOML = "campaign.toml"
TOTALS = Totals(
    file="r.csv",
    columns=("email", "name"),
    variables=frozenset({"name"}),
    recipients=2,
    suppressed=0,
    left_out=0,
    reserved=0,
    found=Findings(),
)


def test_a_variable_of_an_untaken_branch_names_the_nearest_column(folder: Folder) -> None:
    folder.write("body.txt", "Dear {{ name }},\n{% if name == 'Cy' %}{{ nmae }}{% endif %}\n")
    problem = folder.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("missing-column", "recipients.csv", None, "")
    assert problem.hint == "did you mean 'name'?"


def test_a_variable_is_reported_once(folder: Folder) -> None:
    folder.write("body.txt", "Dear {{ nmae }}\n")
    assert {problem.code for problem in folder.problems()} == {"undefined-variable"}


def test_columns_that_nothing_uses_are_named_together(folder: Folder) -> None:
    folder.recipients("email,name,phone,zip\na@x-firma.de,A,1,2\n")
    problem = folder.problem()
    assert problem.message == "no template uses: phone, zip"
    folder.configure(recipients={"where": "\"zip != ''\"", "required": '["PHONE"]'})
    assert folder.problems() == []


@pytest.mark.parametrize("variables", [frozenset({"row"}), None])
def test_all_columns_count_as_used_where_any_may_be(
    folder: Folder, variables: frozenset[str] | None
) -> None:
    setup = Setup(folder.campaign)
    assert list(check_columns(replace(TOTALS, variables=variables), setup)) == []
    assert len(list(check_columns(replace(TOTALS, variables=frozenset()), setup))) == 1


@pytest.mark.parametrize(
    ("totals", "code", "says"),
    [
        (replace(TOTALS, recipients=0), "no-recipients", "the file has no recipients"),
        (
            replace(TOTALS, recipients=0, suppressed=1_500, left_out=2),
            "no-recipients-left",
            "no recipients left: 2 not selected, 1,500 suppressed",
        ),
    ],
)
def test_nothing_to_send_is_an_error(folder: Folder, totals: Totals, code: str, says: str) -> None:
    (problem,) = check_recipients_left(totals, Setup(folder.campaign))
    assert (problem.severity, problem.code, problem.file) == ("error", code, "r.csv")
    assert says in problem.message


def test_an_error_explains_why_nothing_is_left(folder: Folder) -> None:
    found = Findings()
    found.add(Problem("error", "a", "wrong"))
    totals = replace(TOTALS, recipients=0, found=found)
    assert list(check_recipients_left(totals, Setup(folder.campaign))) == []
    assert list(check_recipients_left(TOTALS, Setup(folder.campaign))) == []


@pytest.mark.parametrize(
    ("for_real", "reserved", "count"),
    [(False, 0, 0), (False, 1, 1), (True, 1, 0), (True, 2, 0)],
)
def test_reserved_addresses_are_counted_before_a_real_send(
    folder: Folder, for_real: bool, reserved: int, count: int
) -> None:
    folder.configure(smtp={"host": '"smtp.x-firma.de"'})
    setup = Setup(
        folder.campaign, find_account(folder.campaign.smtp, folder.path), for_real=for_real
    )
    totals = replace(TOTALS, reserved=reserved)
    assert len(list(check_reserved(totals, setup))) == count
    assert list(check_reserved(totals, replace(setup, account=None))) == []


def test_a_daily_limit_is_reported_with_the_last_day(folder: Folder) -> None:
    folder.recipients("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(25)))
    folder.configure(delivery={"rate": '["10/minute", "10/day"]'})
    now = datetime(2036, 11, 24, 9, tzinfo=UTC)
    options = CheckOptions(account=find_account(folder.campaign.smtp, folder.path))
    (problem,) = Check(folder.campaign, options, now=now).run().problems
    assert place(problem) == ("daily-limit", TOML, None, "delivery.rate")
    assert problem.message == "25 recipients at 10/day take 3 days, until Wednesday 2036-11-26"
    folder.configure(delivery={"rate": '"25/day"'})
    assert folder.problems() == []


def test_many_messages_need_one_click_unsubscribing(folder: Folder) -> None:
    folder.recipients("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(5_001)))
    assert folder.problem().code == "one-click"
    folder.configure(
        message={
            "headers": '{ List-Unsubscribe = "<https://x-firma.de/u>", '
            'List-Unsubscribe-Post = "List-Unsubscribe=One-Click" }'
        }
    )
    assert folder.problems() == []
