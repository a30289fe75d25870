"""The error tree: one line each, and every code in docs/errors.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailmerge import errors
from mailmerge.errors import MailmergeError, Problem


def every_error(parent: type[MailmergeError] = MailmergeError) -> Iterator[type[MailmergeError]]:
    """The classes of the tree, parents first; not those that a test derives."""
    yield parent
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from every_error(child)


def test_a_problem_is_place_cause_and_fix() -> None:
    problem = Problem("error", "x", "it is wrong", "a.csv", 7, "email", "fix it")
    assert str(problem) == "a.csv, row 7, column email: it is wrong (fix it)"


def test_a_problem_without_a_place_is_its_sentence() -> None:
    assert str(Problem("warning", "x", "it is odd")) == "it is odd"


@pytest.mark.parametrize("broken", ["a\nb", "a\r\n  b", "a\u2028b", "\na\x0bb\n"])
def test_an_error_is_always_one_line(broken: str) -> None:
    error = MailmergeError(broken, hint=broken, file=broken)
    assert len(str(error).splitlines()) == 1


def test_a_template_line_is_part_of_the_place() -> None:
    assert str(Problem("error", "x", "odd", "body.html", 3, line=12)) == (
        "body.html, line 12, row 3: odd"
    )


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_every_error_reads_as_its_problem(kind: type[MailmergeError]) -> None:
    error = kind("it broke", hint="fix it", row=3)
    assert str(error) == "row 3: it broke (fix it)"
    assert error.problem.code == kind.default_code
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__


def test_default_codes_are_distinct() -> None:
    codes = [kind.default_code for kind in every_error()]
    assert len(codes) == len(set(codes))
