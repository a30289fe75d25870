"""The rules run for single rows; what a structure causes is reported once."""

from __future__ import annotations

from mailmerge.errors import Problem
from mailmerge.preflight.making import MessageMaker
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.runner import Once, RowChecker
from mailmerge.recipients.audience import Recipient, open_audience
from tests.preflight.checked import Folder


def found_by_row(folder: Folder) -> list[list[Problem]]:
    """What the checker says of each row, one after the other."""
    campaign = folder.campaign
    checker, maker = RowChecker(Setup(campaign)), MessageMaker(campaign)
    found = []
    for one in open_audience(campaign):
        assert isinstance(one, Recipient)
        made = maker.make(one)
        assert made.content is not None
        messages = checker.check_message(one, made.content, made.message)
        found.append([*checker.check_recipient(one), *messages])
    return found


def test_a_problem_of_a_structure_is_reported_once(folder: Folder) -> None:
    folder.page('<a href="http://x.org/">x</a>')
    first, second = found_by_row(folder)
    assert [(problem.code, problem.row) for problem in first] == [("http-link", None)]
    assert second == []


def test_a_later_structure_is_reported_with_its_row(folder: Folder) -> None:
    folder.page("{% if name == 'Bob' %}{{ '<embed>'|safe }}{% endif %}")
    first, second = found_by_row(folder)
    assert first == []
    assert [(problem.code, problem.row) for problem in second] == [("embedded", 3)]


def test_a_later_structure_with_a_line_needs_no_row(folder: Folder) -> None:
    folder.page("{% if name == 'Bob' %}<form></form>{% endif %}")
    _, second = found_by_row(folder)
    assert [(problem.code, problem.row, problem.line) for problem in second] == [("form", None, 3)]


def test_files_are_named_as_in_the_template(folder: Folder) -> None:
    folder.write("logo.png", b"\x89PNG\r\n\x1a\n")
    folder.page('<img src="logo.png">')
    for key in ('""', '"content-location"'):
        folder.configure(message={"related_by": key if key != '""' else ""})
        first, _ = found_by_row(folder)
        assert [problem.message for problem in first] == ["the image 'logo.png' has no alt text"]


def test_rows_and_messages_are_both_checked(folder: Folder) -> None:
    folder.configure(message={"subject": '"Re: {{ name }}"'})
    folder.recipients("email,name\nann@gmial.com,Ann\n")
    (first,) = found_by_row(folder)
    assert [problem.code for problem in first] == ["likely-typo", "false-reply"]


def test_a_problem_passes_once_and_memory_is_bounded() -> None:
    once = Once(bound=2)
    problems = [Problem("error", code, "x") for code in "aabbcca"]
    assert [once.passes(one) for one in problems] == [
        True, False, True, False, False, False, False,
    ]  # fmt: skip
    assert len(once) == 2
