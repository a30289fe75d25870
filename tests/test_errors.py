"""The error tree: one line each, and the exit status of DESIGN section 2."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailmerge import errors
from mailmerge.errors import ExitStatus, MailmergeError, Problem


def every_error(parent: type[MailmergeError] = MailmergeError) -> Iterator[type[MailmergeError]]:
    yield parent
    for child in parent.__subclasses__():
        yield from every_error(child)


def test_a_problem_is_place_cause_and_mend() -> None:
    problem = Problem("error", "x", "it is wrong", "a.csv", 7, "email", "mend it")
    assert str(problem) == "a.csv, row 7, column email: it is wrong (mend it)"


def test_a_problem_without_a_place_is_its_sentence() -> None:
    assert str(Problem("warning", "x", "it is odd")) == "it is odd"


def test_a_template_line_is_part_of_the_place() -> None:
    assert str(Problem("error", "x", "odd", "body.html", 3, line=12)) == (
        "body.html, line 12, row 3: odd"
    )


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_every_error_is_told_by_its_problem(kind: type[MailmergeError]) -> None:
    error = kind("it broke", hint="mend it", row=3)
    assert str(error) == "row 3: it broke (mend it)"
    assert error.problem.code == kind.default_code
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__


def test_codes_are_told_apart() -> None:
    codes = [kind.default_code for kind in every_error()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.CampaignError, 2),
        (errors.Declined, 2),
        (errors.ServerUnreachable, 2),
        (errors.SpreadsheetError, 3),
        (errors.TemplateError, 3),
        (errors.CheckFailed, 3),
        (errors.AuthenticationRefused, 4),
        (errors.NotAllReached, 5),
        (errors.ConnectionLost, 75),
        (errors.LedgerHeld, 75),
        (errors.RunStopped, 75),
        (errors.Interrupted, 130),
        (errors.MailmergeError, 1),
    ],
)
def test_exit_statuses_are_a_contract(kind: type[MailmergeError], status: int) -> None:
    assert kind.exit_status == ExitStatus(status)
