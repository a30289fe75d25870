"""The check makes each message as far as it gets, and says what is wrong."""

from __future__ import annotations

from mailmerge.errors import Problem
from mailmerge.preflight.making import MessageMaker
from mailmerge.recipients.audience import Recipient, open_audience
from tests.preflight.checked import Folder


def first(folder: Folder) -> Recipient:
    recipient = next(iter(open_audience(folder.campaign)))
    assert isinstance(recipient, Recipient)
    return recipient


def test_a_good_message_is_made_whole(folder: Folder) -> None:
    maker = MessageMaker(folder.campaign)
    made = maker.make(first(folder))
    assert made.content is not None
    assert made.content.subject == "Hello Ann"
    assert made.message is not None
    assert made.problems == ()
    assert maker.messages is not None
    assert maker.variables == frozenset({"name"})
    assert list(maker.problems(())) == []


def test_a_message_that_cannot_be_rendered_has_no_content(folder: Folder) -> None:
    folder.write("body.txt", "{{ nmae }}")
    made = MessageMaker(folder.campaign).make(first(folder))
    assert (made.content, made.message) == (None, None)
    assert [problem.code for problem in made.problems] == ["undefined-variable"]


def test_a_message_that_cannot_be_composed_has_content(folder: Folder) -> None:
    folder.configure(message={"attachments": '["no.pdf"]'})
    made = MessageMaker(folder.campaign).make(first(folder))
    assert made.content is not None
    assert made.message is None
    assert [problem.code for problem in made.problems] == ["asset-missing"]


def test_templates_that_do_not_compile_are_problems(folder: Folder) -> None:
    folder.write("body.txt", "{% if %}")
    maker = MessageMaker(folder.campaign)
    assert maker.messages is None
    assert maker.variables is None
    assert maker.slow_because == ""
    codes = [problem.code for problem in maker.problems(())]
    assert codes == ["template-syntax"]


def test_an_address_that_a_rule_reports_is_left_out(folder: Folder) -> None:
    folder.configure(message={"from": '"news"'})
    maker = MessageMaker(folder.campaign)
    assert maker.messages is None
    assert maker.make(first(folder)).message is None
    assert len(list(maker.problems(()))) == 1
    assert list(maker.problems([Problem("error", "from-address", "wrong")])) == []
    assert len(list(maker.problems([Problem("error", "ca-file", "wrong")]))) == 1


def test_styles_that_depend_on_the_row_are_known(folder: Folder) -> None:
    folder.page("<style>p { color: {{ name }} }</style>")
    maker = MessageMaker(folder.campaign)
    maker.make(first(folder))
    assert maker.slow_because == "a value stands in <style>"


def test_file_in_other_case_is_attached_with_a_warning(folder: Folder) -> None:
    folder.write("Terms.PDF", "%PDF-1.4")
    if (folder.path / "terms.pdf").exists():
        return  # this file system does not tell them apart
    folder.configure(message={"attachments": '["terms.pdf"]'})
    made = MessageMaker(folder.campaign).make(first(folder))
    assert made.message is not None
    (problem,) = made.problems
    assert (problem.severity, problem.code, problem.row) == ("warning", "asset-case", None)
    assert '"Terms.PDF"' in problem.message


def test_new_file_of_a_pattern_changes_the_content(folder: Folder) -> None:
    folder.write("scan-1.pdf", "1")
    folder.configure(message={"attachments": '["scan-*.pdf"]'})
    maker = MessageMaker(folder.campaign)
    maker.make(first(folder))
    assert maker.messages is not None
    before = maker.messages.files["scan-*.pdf"]
    files = folder.campaign.content_files()
    assert files.digest("scan-*.pdf") == before
    folder.write("scan-2.pdf", "2")
    assert folder.campaign.content_files().digest("scan-*.pdf") not in ("", before)
