"""The report of the check: what passes, what is slow, what is only a note."""

from __future__ import annotations

import pytest

from mailmerge.errors import CheckFailed, Problem
from mailmerge.preflight.findings import Findings
from mailmerge.preflight.report import CheckReport, EarlierReport, Sizes, is_note, problem_to_json

ERROR = Problem("error", "a", "wrong", "p.csv", 2, "email", "fix it", 7)
WARNING = Problem("warning", "b", "odd")


def report(*problems: Problem) -> CheckReport:
    findings = Findings()
    findings.extend(problems)
    return CheckReport.of(findings, 3)


@pytest.mark.parametrize(
    ("problems", "passed", "strictly"),
    [((), True, True), ((WARNING,), True, False), ((ERROR, WARNING), False, False)],
)
def test_errors_fail_and_warnings_only_if_strict(
    problems: tuple[Problem, ...], passed: bool, strictly: bool
) -> None:
    made = report(*problems)
    assert (made.passed(), made.passed(strict=True)) == (passed, strictly)


def test_a_report_counts_its_findings() -> None:
    made = report(WARNING, ERROR, ERROR)
    assert (made.recipients, made.errors, made.warnings) == (3, 2, 1)
    assert made.problems == (ERROR, ERROR, WARNING)
    assert [group.count for group in made.groups] == [2, 1]


@pytest.mark.parametrize(
    ("recipients", "seconds", "because", "slow"),
    [
        (100, 2.0, "styles", True),
        (100, 1.9, "styles", False),
        (100, 2.0, "", False),
        (2_000, 2.0, "styles", False),
        (100, 0.0, "styles", False),
    ],
)
def test_a_check_is_slow_where_the_user_notices(
    recipients: int, seconds: float, because: str, slow: bool
) -> None:
    made = CheckReport(recipients, (), (), 0, 0, seconds=seconds, slow_because=because)
    assert made.slow is slow


@pytest.mark.parametrize(
    ("code", "message", "note"),
    [
        ("delimiter-chosen", "the cells are separated by a tab", True),
        ("encoding-chosen", "the file is read as UTF-16", True),
        ("encoding-chosen", "the file is read as GB18030", False),
        ("rows-hidden", "hidden rows are included: 2", False),
    ],
)
def test_only_certain_decisions_are_notes(code: str, message: str, note: bool) -> None:
    assert is_note(Problem("warning", code, message)) is note


def test_a_problem_has_all_keys_in_json() -> None:
    assert problem_to_json(ERROR) == {
        "severity": "error",
        "code": "a",
        "message": "wrong",
        "file": "p.csv",
        "row": 2,
        "column": "email",
        "line": 7,
        "character": None,
        "excerpt": "",
        "hint": "fix it",
    }


def test_sizes_are_in_the_json() -> None:
    made = CheckReport(1, (), (), 0, 0, sizes=Sizes(total=900, largest=600)).to_json()
    assert (made["octets"], made["largest"]) == (900, 600)


def test_report_raises_for_errors_only() -> None:
    report(WARNING).raise_for_errors()
    with pytest.raises(CheckFailed, match=r"found 1 error; nothing was sent \(fix it and"):
        report(ERROR).raise_for_errors()
    with pytest.raises(CheckFailed, match=r"found 2 errors; nothing was sent \(fix them and"):
        report(ERROR, ERROR).raise_for_errors()


def test_earlier_report_is_empty_and_passed() -> None:
    earlier = EarlierReport()
    assert earlier.passed_before
    assert earlier.passed(strict=True)
    assert not report().passed_before
    assert earlier.to_json() == report().to_json() | {"recipients": 0}
