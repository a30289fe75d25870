"""The error tree: one line each, and every code in docs/errors.md."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mailmerge import errors
from mailmerge.errors import ClaimLost, MailmergeError, Problem
from mailmerge.providers.hints import as_user_error
from mailmerge.smtp.errors import SmtpError
from tests.error_codes import Codes, find_codes


def every_error(parent: type[MailmergeError] = MailmergeError) -> Iterator[type[MailmergeError]]:
    """Return the classes of the tree, parents first, without classes of tests."""
    yield parent
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from every_error(child)


def test_a_problem_is_place_cause_and_fix() -> None:
    problem = Problem("error", "x", "it is wrong", "a.csv", 7, "email", "fix it")
    assert str(problem) == "a.csv, row 7, column email: it is wrong (fix it)"


def test_a_problem_of_campaign_toml_names_the_key() -> None:
    problem = Problem("error", "x", "wrong", "campaign.toml", 3, "message.from")
    assert problem.place == "campaign.toml, row 3, key message.from"


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
    if kind is not ClaimLost:
        error = kind("it broke", hint="fix it", row=3)
        assert str(error) == "row 3: it broke (fix it)"
        assert error.problem.code == kind.default_code
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__doc__


def test_lost_claims_are_counted() -> None:
    error = ClaimLost([4, 7])
    assert error.ids == (4, 7)
    assert error.problem.code == ClaimLost.default_code
    assert str(error).startswith("the claims of 2 deliveries were lost")


def test_default_codes_are_distinct() -> None:
    codes = [kind.default_code for kind in every_error()]
    assert len(codes) == len(set(codes))


# -- docs/errors.md -------------------------------------------------------------------------------

DOCUMENT = Path(__file__).parents[1] / "docs" / "errors.md"
LIBRARY = "mailmerge/smtp/"
# Codes of the SMTP library that are put together while it runs.
COMPUTED = {"needs-password", "needs-token", "malformed-reply"}


@cache
def codes() -> Codes:
    return find_codes()


def user_codes() -> dict[str, list[str]]:
    """Every code that a user can see; the library's own are translated for them."""
    found: dict[str, list[str]] = {}
    for code, places in codes().places.items():
        of_the_library = all(place.startswith(LIBRARY) for place in places)
        found.setdefault(translated(code) if of_the_library else code, []).extend(places)
    for code in COMPUTED:
        found.setdefault(translated(code), []).append(LIBRARY)
    return found


def translated(code: str) -> str:
    return as_user_error(SmtpError("x", code=code)).problem.code


def documented() -> dict[str, list[list[str]]]:
    """The rows of each section's table: the code, its meaning, its fix."""
    text = DOCUMENT.read_text(encoding="utf-8")
    sections = re.findall(r"^## ([^\n]+)$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    rows = {
        title: [
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
            for line in body.splitlines()
            if line.startswith("| `")
        ]
        for title, body in sections
    }
    assert rows
    return rows


def listed() -> list[str]:
    """The codes in the order of the page."""
    return [row[0].strip("`") for rows in documented().values() for row in rows]


def test_no_code_of_the_source_is_unclear() -> None:
    handing_on = (LIBRARY, "mailmerge/providers/hints.py:")
    assert [one for one in codes().unclear if not one.startswith(handing_on)] == []
    assert len(codes().unclear) == 3, "more codes of the library are computed: see COMPUTED"


def test_every_code_of_the_source_is_documented() -> None:
    missing = {code: places for code, places in user_codes().items() if code not in listed()}
    assert missing == {}


def test_every_documented_code_is_in_the_source() -> None:
    assert set(listed()) - set(user_codes()) == set()


def test_each_kind_of_code_is_found_in_the_source() -> None:
    """One code of each kind that the reader knows."""
    for code in ("ledger-held", "usage", "no-text-part", "ca-file", "asset-empty", "address-many"):
        assert code in codes().places
    assert {"cell-error", "template-endless"} <= set(codes().places), "unpacked from a tuple"
    assert len(codes().places) > 200


def test_every_code_has_a_meaning_and_a_fix() -> None:
    for title, rows in documented().items():
        assert rows, title
        for row in rows:
            assert len(row) == 3, row
            assert all(row), row


def test_every_code_is_listed_once_in_alphabetical_order() -> None:
    assert len(listed()) == len(set(listed()))
    for rows in documented().values():
        codes = [row[0].strip("`") for row in rows]
        assert codes == sorted(codes)


def test_every_section_is_in_the_list_of_sections() -> None:
    links = re.findall(r"^\* \[(.+)\]\(#", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert links == list(documented())
