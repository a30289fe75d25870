"""What the check says of single messages: their links, images, gaps, cells and sizes."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.preflight.html import lint_url
from mailmerge.preflight.links import UrlPattern, url_patterns
from tests.preflight.conftest import Office, place

PAGE = "<html><body>\n<p>Dear {{ name }},</p>\n%s\n</body></html>"


def page(office: Office, inside: str, people: str = "") -> None:
    office.configure(message={"html": '"body.html"'})
    office.write("body.html", PAGE % inside)
    if people:
        office.people(people)


# -- links ----------------------------------------------------------------------------------------


def test_the_urls_of_a_structure_are_found_with_their_values() -> None:
    static = ('<p title="', '">', '</p><a class="x" href="https://', "/a?b=", '&amp;c">', "</a>")
    assert url_patterns(static) == (UrlPattern("a", "href", ("https://", "/a?b=", "&amp;c"), 2),)
    assert url_patterns(static)[0].fill(("t", "p", "x.org", "1&amp;2", "l")) == (
        "https://x.org/a?b=1&2&c"
    )


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<a href='\0'>", [("a", "href", 0)]),
        ("<a href=\0>", [("a", "href", 0)]),
        ('<A HREF = "\0">', [("a", "href", 0)]),
        ('<img alt="\0" src="\0/\0">', [("img", "src", 1)]),
        ('<table background="\0">', [("table", "background", 0)]),
        ('<a href="x" title="href=\0">', []),
        ('href="\0"', []),
        ('<style>a[href="\0"] {}</style><a href="\0">', [("a", "href", 1)]),
        ('<a href="it\'s\0">', [("a", "href", 0)]),
        ("no value", []),
    ],
)
def test_only_attributes_that_are_urls_count(html: str, found: list[tuple[str, str, int]]) -> None:
    patterns = url_patterns(tuple(html.split("\0")))
    assert [(one.element, one.attribute, one.first) for one in patterns] == found


@given(st.lists(st.text(alphabet="ab/:.?=1 ", max_size=8), min_size=1, max_size=4))
def test_filling_a_url_is_weaving(pieces: list[str]) -> None:
    values = tuple(str(n) for n in range(len(pieces) - 1))
    static = ('<a href="' + pieces[0], *pieces[1:-1], pieces[-1] + '">x</a>')
    if len(pieces) == 1:
        return
    (pattern,) = url_patterns(static)
    woven = "".join(piece + value for piece, value in zip(pieces, (*values, ""), strict=True))
    assert pattern.fill(values) == woven.strip()


def test_the_links_of_every_person_are_looked_at(office: Office) -> None:
    page(
        office,
        '<p><a href="{{ link }}">all</a> <a href="{{ way }}://x-firma.de/{{ name }}/y">b</a></p>',
        "email,name,link,way\n"
        "a@x-firma.de,A,https://x-firma.de/a,https\n"
        "b@x-firma.de,B,,https\n"
        "c@x-firma.de,C,terms.html,http\n"
        "d@x-firma.de,D,javascript:1,https\n"
        "e@x-firma.de,E,https:///x,https\n",
    )
    found = {(p.row, p.code) for p in office.problems()}
    assert found == {
        (3, "empty-link"),
        (4, "relative-link"),
        (4, "http-link"),
        (5, "link-scheme"),
        (6, "link-without-host"),
    }
    http = next(p for p in office.problems() if p.code == "http-link")
    assert "http://x-firma.de/C/y" in http.message


def test_a_link_of_the_template_is_told_once_with_its_line(office: Office) -> None:
    page(office, '<p><a href="http://x-firma.de/?a=1&amp;b=2">x</a></p>')
    problem = office.problem()
    assert (problem.code, problem.file, problem.line, problem.row) == (
        "http-link",
        "body.html",
        3,
        None,
    )


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://x.org/a", None),
        ("https://x.org", None),
        ("https://münchen.de/", None),
        ("https://x.org:8443/a", None),
        ("mailto:a@x.org", None),
        ("mailto:", "empty-link"),
        ("tel:", "empty-link"),
        ("https://", "link-without-host"),
        ("https:///path", "link-without-host"),
        ("https://[half", "link-without-host"),
        ("https://{{ host }}/", "link-without-host"),
        ("https://localhost/x", "local-link"),
        ("https://127.0.0.1:8000/", "local-link"),
        ("//cdn.x.org/a", "relative-link"),
        ("file:///C:/a.pdf", "link-scheme"),
    ],
)
def test_each_link_has_its_verdict(url: str, code: str | None) -> None:
    found = lint_url(url)
    assert (found[0] if found else None) == code


def test_the_mend_of_a_relative_link_is_a_whole_one() -> None:
    assert (lint_url("www.x.org/a") or ("",) * 3)[2] == "write https://www.x.org/a"
    assert (lint_url("//x.org/a") or ("",) * 3)[2] == "write https://x.org/a"
    assert "attach the file" in (lint_url("terms.pdf") or ("",) * 3)[2]


# -- images ---------------------------------------------------------------------------------------


def test_an_image_is_called_by_its_file_and_told_with_its_line(office: Office) -> None:
    office.write("images/logo.png", b"\x89PNG\r\n\x1a\n")
    page(office, '<p>x</p>\n<img src="images/logo.png">')
    problem = office.problem()
    assert (problem.code, problem.line) == ("image-without-alt", 4)
    assert problem.message == "the image 'logo.png' has no alt text"


def test_the_images_of_every_person_are_looked_at(office: Office) -> None:
    page(
        office,
        '<img src="{{ way }}://x-firma.de/{{ name }}.png">',
        "email,name,way\na@x-firma.de,A,https\nb@x-firma.de,B,http\n",
    )
    found = {(p.row, p.code) for p in office.problems()}
    assert {code for _, code in found} == {"http-image", "image-without-alt"}
    assert (3, "http-image") in found


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ('<td background="http://x.org/a.png">x</td>', "http-image"),
        ("<p style=\"background: url('http://x.org/a.png')\">x</p>", "http-image"),
        ('<img alt="" src="//x.org/a.png">', "relative-image"),
        ('<img alt="" src="data:image/png;base64,AA==">', "data-image"),
        ("<video></video>", "embedded"),
        ("<script>1</script>", "script"),
    ],
)
def test_what_mail_programs_do_not_show_is_found(office: Office, inside: str, code: str) -> None:
    page(office, f"<table><tr>{inside}</tr></table>" if "<td" in inside else inside)
    assert office.problem().code == code


# -- bodies ---------------------------------------------------------------------------------------


def test_an_html_that_shows_nothing_for_one_person_is_an_error(office: Office) -> None:
    office.configure(message={"html": '"body.html"'})
    office.write("body.html", "<html><body><p>{{ note }}</p></body></html>")
    office.people("email,name,note\na@x-firma.de,A,hello\nb@x-firma.de,B, \n")
    (problem,) = [p for p in office.problems() if p.severity == "error"]
    assert place(problem) == ("empty-body", "body.html", 3, "")


def test_a_message_that_is_only_an_image_is_a_warning(office: Office) -> None:
    office.configure(message={"html": '"body.html"'})
    office.write("body.html", '<html><body><img alt="" src="https://x.org/a.png"></body></html>')
    assert {p.code for p in office.problems()} == {"image-only"}


def test_an_empty_text_part_beside_html_is_a_warning(office: Office) -> None:
    page(office, "")
    office.write("body.txt", "{% if name == 'Ann' %}hello{% endif %}\n")
    problem = office.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("empty-text", "body.txt", 3, "")


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
def test_an_empty_cell_is_told_where_it_leaves_a_gap(office: Office, text: str, gap: bool) -> None:
    office.configure(message={"subject": '"Hello"'})
    office.write("body.txt", text)
    office.people("email,name\na@x-firma.de,A\nb@x-firma.de,\n")
    found = [place(p) for p in office.problems() if p.code != "unused-column"]
    assert found == ([("empty-value", "body.txt", 3, "name")] if gap else [])


def test_a_gap_in_html_and_in_the_subject_is_told_too(office: Office) -> None:
    people = "email,name\na@x-firma.de,A\nb@x-firma.de,\n"
    page(office, "", people)
    office.write("body.txt", "hello {{ name }}\n")
    office.configure(message={"subject": '"News"'})
    assert [(p.code, p.file, p.row) for p in office.problems()] == [("empty-value", "body.html", 3)]
    office.configure(message={"subject": '"Hello {{ name }}, news"'})
    assert [p.column for p in office.problems()] == ["message.subject"]


# -- cells, fields, sizes -------------------------------------------------------------------------


def test_an_error_of_a_sheet_that_nobody_sees_is_only_a_warning(office: Office) -> None:
    office.people("email,name,sum\na@x-firma.de,A,#REF!\n")
    office.write("body.txt", "Dear {{ name }},\n{% if sum == '1' %}one{% endif %}\n")
    problem = office.problem()
    assert problem.severity == "warning"
    assert place(problem) == ("formula-error", "recipients.csv", 2, "sum")


@pytest.mark.parametrize("subject", ["Re: your order", "FWD: news", "AW: Frage", "回复：你好"])
def test_a_subject_that_pretends_is_a_warning(office: Office, subject: str) -> None:
    office.configure(message={"subject": f'"{subject}"'})
    (group,) = office.check().groups
    assert place(group.shared) == ("false-reply", "campaign.toml", None, "message.subject")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("<https://x.de/u>, <mailto:u@x.de>", ""),
        ("https://x.de/u", "not a list of <URL>"),
        ("<https://x.de/u,v>", "not a list of <URL>"),
        ("<http://x.de/u>", "is not https"),
        ("<ftp://x.de/u>", "ftp"),
        ("<u.html>", "leads nowhere"),
    ],
)
def test_an_unsubscribe_link_must_work(office: Office, value: str, says: str) -> None:
    office.configure(message={"headers": f'{{ List-Unsubscribe = "{value}", X-Empty = "" }}'})
    groups = office.check().groups
    assert len(groups) == bool(says)
    assert all(says in group.first.message for group in groups)


def test_one_click_needs_an_https_link(office: Office) -> None:
    post = 'List-Unsubscribe-Post = "List-Unsubscribe=One-Click"'
    office.configure(message={"headers": f'{{ List-Unsubscribe = "<mailto:u@x.de>", {post} }}'})
    (group,) = office.check().groups
    assert "needs an https link" in group.first.message


def test_a_large_message_is_a_warning_where_the_limit_is_not_known(office: Office) -> None:
    office.write("big.bin", b"x" * 8_000_000)
    office.configure(message={"attachments": '["big.bin"]'})
    (group,) = office.check().groups
    assert (group.first.severity, group.first.code, group.count) == ("warning", "large-message", 2)


def test_html_over_the_clip_of_gmail_is_measured_with_each_persons_values(office: Office) -> None:
    page(office, "<p>{{ note }}</p>", f"email,name,note\na@x.de,A,x\nb@x.de,B,{'ü ' * 40_000}\n")
    problem = office.problem()
    assert place(problem) == ("html-clipped", "body.html", 3, "")


def test_what_is_known_of_a_structure_goes_with_it(office: Office) -> None:
    from mailmerge.preflight.message import MessageCheck, _know_text
    from mailmerge.rendering.content import Structure

    check = MessageCheck(office.campaign)
    structure = Structure(("a",))
    check._known[structure] = _know_text(structure)
    gone = weakref.ref(structure)
    del structure
    gc.collect()
    assert gone() is None
    assert len(check._known) == 0
