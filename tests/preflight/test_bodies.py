"""What is wrong with the bodies of single messages: links, gaps, emptiness, sizes."""

from __future__ import annotations

import pytest

from mailmerge.preflight.bodies import check_html_size
from mailmerge.preflight.rules import MadeMessage, Setup
from mailmerge.preflight.structures import StructureFacts
from mailmerge.recipients.audience import Recipient, open_audience
from mailmerge.rendering.content import Body, Content, Structure
from tests.preflight.checked import Folder, place


def test_the_links_of_every_recipient_are_checked(folder: Folder) -> None:
    folder.page(
        '<p><a href="{{ link }}">all</a> <a href="{{ way }}://x-firma.de/{{ name }}/y">b</a></p>',
        "email,name,link,way\n"
        "a@x-firma.de,A,https://x-firma.de/a,https\n"
        "b@x-firma.de,B,,https\n"
        "c@x-firma.de,C,terms.html,http\n"
        "d@x-firma.de,D,javascript:1,https\n"
        "e@x-firma.de,E,https:///x,https\n",
    )
    problems = folder.problems()
    assert {(p.row, p.code) for p in problems} == {
        (3, "empty-link"),
        (4, "relative-link"),
        (4, "http-link"),
        (5, "link-scheme"),
        (6, "link-without-host"),
    }
    assert {p.file for p in problems} == {"body.html"}
    http = next(p for p in problems if p.code == "http-link")
    assert "http://x-firma.de/C/y" in http.message


def test_the_images_of_every_recipient_are_checked(folder: Folder) -> None:
    folder.page(
        '<img src="{{ way }}://x-firma.de/{{ name }}.png">',
        "email,name,way\na@x-firma.de,A,https\nb@x-firma.de,B,http\n",
    )
    found = {(p.row, p.code) for p in folder.problems()}
    assert {code for _, code in found} == {"http-image", "image-without-alt"}
    assert (3, "http-image") in found


def test_a_url_of_another_element_is_no_link(folder: Folder) -> None:
    folder.page('<p><link href="{{ name }}.css"><q cite="{{ name }}">x</q></p>')
    assert folder.problems() == []


def test_html_that_shows_nothing_for_one_recipient_is_an_error(folder: Folder) -> None:
    folder.configure(message={"html": '"body.html"'})
    folder.write("body.html", "<html><body><p>{{ note }}</p></body></html>")
    folder.recipients("email,name,note\na@x-firma.de,A,hello\nb@x-firma.de,B, \n")
    (problem,) = [p for p in folder.problems() if p.severity == "error"]
    assert place(problem) == ("empty-body", "body.html", 3, "")


def test_a_message_that_is_only_an_image_is_a_warning(folder: Folder) -> None:
    folder.configure(message={"html": '"body.html"'})
    folder.write("body.html", '<html><body><img alt="" src="https://x.org/a.png"></body></html>')
    assert {(p.severity, p.code) for p in folder.problems()} == {("warning", "image-only")}


def test_an_empty_text_part_with_html_is_a_warning(folder: Folder) -> None:
    folder.page("")
    folder.write("body.txt", "{% if name == 'Ann' %}hello{% endif %}\n")
    problem = folder.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("empty-text", "body.txt", 3, "")


def test_an_empty_text_alone_is_an_error(folder: Folder) -> None:
    folder.write("body.txt", "{% if name == 'Ann' %}hello{% endif %}\n")
    problem = folder.problem()
    assert problem.severity == "error"
    assert place(problem) == ("empty-body", "body.txt", 3, "")


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("Dear {{ name }},\n", True),
        ("Dear {{ name }}:\n", True),
        ("{{ name }}, hello\n", True),
        ("尊敬的{{ name }}：\n", True),
        ("Dear Sir {{ name }}\n", False),
        ("x={{ name }}, y\n", False),
        ("Dear {{ name or 'friend' }},\n", False),
        ("It costs {{ name }}.50\n", False),
    ],
)
def test_an_empty_cell_is_reported_where_it_leaves_a_gap(
    folder: Folder, text: str, gap: bool
) -> None:
    folder.configure(message={"subject": '"Hello"'})
    folder.write("body.txt", text)
    folder.recipients("email,name\na@x-firma.de,A\nb@x-firma.de,\n")
    found = [place(p) for p in folder.problems() if p.code != "unused-column"]
    assert found == ([("empty-value", "body.txt", 3, "name")] if gap else [])


def test_a_gap_in_html_and_in_the_subject_is_reported(folder: Folder) -> None:
    folder.page("", "email,name\na@x-firma.de,A\nb@x-firma.de,\n")
    folder.write("body.txt", "hello {{ name }}\n")
    folder.configure(message={"subject": '"News"'})
    assert [(p.code, p.file, p.row) for p in folder.problems()] == [("empty-value", "body.html", 3)]
    folder.configure(message={"subject": '"Hello {{ name }}, news"'})
    assert [p.column for p in folder.problems()] == ["message.subject"]


def test_text_made_from_html_has_no_gaps_of_its_own(folder: Folder) -> None:
    folder.configure(message={"text": "", "subject": '"News"'})
    folder.page("", "email,name\na@x-firma.de,A\nb@x-firma.de,\n")
    gaps = [(p.file, p.row) for p in folder.problems() if p.code == "empty-value"]
    assert gaps == [("body.html", 3)]


@pytest.mark.parametrize(
    ("size", "codes"),
    [
        (1_000, []),
        (90 * 1024, []),
        (90 * 1024 + 1, ["html-near-clip"]),
        (102 * 1024, ["html-near-clip"]),
        (102 * 1024 + 1, ["html-clipped"]),
    ],
)
def test_html_is_measured_against_gmail(folder: Folder, size: int, codes: list[str]) -> None:
    campaign = folder.campaign
    recipient = next(iter(open_audience(campaign)))
    assert isinstance(recipient, Recipient)
    body = Body(Structure(("<p>", "</p>")), ("x" * 100,))
    facts = StructureFacts(size - 100, is_blank=False)
    made = MadeMessage(recipient, Content("x", body, body), None, html=facts)
    assert [problem.code for problem in check_html_size(made, Setup(campaign))] == codes


ADDRESS = (
    "email,name,note,street no\n"
    'a@x-firma.de,Ann,"two\nlines ","1 Main St\r\nUSA"\nb@x-firma.de,Bob,y,x\n'
)


def test_line_breaks_of_a_cell_that_html_loses_are_reported(folder: Folder) -> None:
    folder.page("<p>{{ row['street no'] }} &amp; {{ note }}</p>", ADDRESS)
    found = [one for one in folder.problems() if one.code == "line-breaks"]
    assert [(one.row, one.column, one.hint) for one in found] == [
        (2, "note", "write {{ note|nl2br }}"),
        (2, "street no", 'write {{ row["street no"]|nl2br }}'),
    ]
    assert {one.file for one in found} == {"body.html"}


@pytest.mark.parametrize(
    "inside",
    [
        "<pre>{{ row['street no'] }}</pre>",
        "<p style='white-space: pre-line'>{{ row['street no'] }}</p>",
        "<p>{{ row['street no']|nl2br }}</p>",
        "<p>{{ row['street no']|upper|replace('\\n', ' ') }}</p>",
    ],
)
def test_line_breaks_that_html_shows_are_no_problem(folder: Folder, inside: str) -> None:
    folder.page(inside, ADDRESS)
    assert [one for one in folder.problems() if one.code == "line-breaks"] == []


def test_html_is_measured_with_each_recipients_values(folder: Folder) -> None:
    folder.page("<p>{{ note }}</p>", f"email,name,note\na@x.de,A,x\nb@x.de,B,{'ü ' * 40_000}\n")
    problem = folder.problem()
    assert place(problem) == ("html-clipped", "body.html", 3, "")


def test_a_large_message_is_a_warning_where_no_limit_is_known(folder: Folder) -> None:
    folder.write("big.bin", b"x" * 8_000_000)
    folder.configure(message={"attachments": '["big.bin"]'})
    (group,) = folder.check().groups
    assert (group.first.severity, group.first.code, group.count) == ("warning", "large-message", 2)
    assert group.first.message == ("the message has 10.4 MB; many servers take no more than 9.5 MB")
