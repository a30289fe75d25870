"""The rules on a structure of the HTML."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.preflight.html import Link, links_of, parse_html
from mailmerge.preflight.positions import Place
from mailmerge.preflight.registry import RULES
from mailmerge.preflight.rules import Page, Setup
from tests.campaign_folder import make_campaign_folder
from tests.preflight.checked import Folder

VALUE = "\ue000"


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(make_campaign_folder(tmp_path).campaign)


def codes(html: str, setup: Setup) -> list[str]:
    document = parse_html(f"<html><body>{html}</body></html>")
    assert document is not None
    page = Page(document, lambda spot: Place("body.html", 1 if spot.tag else None), value=VALUE)
    problems = [problem for rule in RULES.structure for problem in rule(page, setup)]
    assert {problem.severity for problem in problems} <= {"warning"}
    assert {problem.file for problem in problems} <= {"body.html"}
    return [problem.code for problem in problems]


@pytest.mark.parametrize(
    ("html", "code"),
    [
        ('<img src="cid:a@b">', "image-without-alt"),
        (f'<img src="{VALUE}.png">', "image-without-alt"),
        ('<img alt="x">', "image-without-source"),
        ('<img alt="x" src="data:image/png;base64,AAAA">', "data-image"),
        ('<img alt="x" src="http://example.org/a.png">', "http-image"),
        ('<img alt="" src="//x.org/a.png">', "relative-image"),
        ('<table><tr><td background="http://x.org/a.png">x</td></tr></table>', "http-image"),
        ("<p style=\"background: url('http://x.org/a.png')\">x</p>", "http-image"),
        ('<a href="http://example.org/">x</a>', "http-link"),
        ('<a href="page.html">x</a>', "relative-link"),
        ('<a href="www.example.org">x</a>', "relative-link"),
        ('<a href="">x</a>', "empty-link"),
        ('<a href="#">x</a>', "empty-link"),
        ('<a href="javascript:alert(1)">x</a>', "link-scheme"),
        ('<img alt="" src="https://x.org/logo.SVG?1">', "image-format"),
        ('<img alt="" src="https://x.org/logo.webp">', "image-format"),
        ("<script>1</script>", "script"),
        ("<form></form>", "form"),
        ("<video></video>", "embedded"),
        ('<img alt="" src="cid:a@b" srcset="images/a@2x.png 2x">', "srcset"),
        ('<picture><source srcset="https://example.org/a.webp, b.webp 2x"></picture>', "srcset"),
        ("<style>@import url(more.css);</style>", "css-import"),
    ],
)
def test_each_fault_has_its_code(html: str, code: str, setup: Setup) -> None:
    assert codes(html, setup) == [code]


@pytest.mark.parametrize(
    "html",
    [
        '<img src="cid:a@b" alt="">',
        '<img src="cid:a@b" alt="" srcset="https://example.org/a@2x.png 2x">',
        '<img src="cid:a@b" alt="" srcset="//example.org/a.png, data:image/png;base64,AA 2x">',
        '<img src="cid:a@b" alt="" srcset=" , ">',
        f'<img src="http://{VALUE}/a.png" alt="" srcset="{VALUE}.png 2x">',
        f'<p style="background: url(http://{VALUE})">x</p>',
        '<a href="https://example.org/">x</a>',
        '<a href="mailto:a@example.org">x</a>',
        '<a href="tel:+331">x</a>',
        '<a href="#section">x</a>',
        '<a name="section">x</a>',
        f'<a href="http://{VALUE}">x</a>',
        "<!-- <script> -->",
        "",
    ],
)
def test_good_html_has_no_problem(html: str, setup: Setup) -> None:
    assert codes(html, setup) == []


@pytest.mark.parametrize("html", ["", " ", "<!-- -->"])
def test_empty_html_is_no_document(html: str) -> None:
    assert parse_html(html) is None or links_of(html) == []


def test_links_are_listed_with_their_texts() -> None:
    html = (
        '<p><a href="https://e.org/u/1">Un<b>subscribe</b></a> <a href="https://e.org">Us</a></p>'
    )
    assert links_of(html) == [
        Link("https://e.org/u/1", "Unsubscribe", True),
        Link("https://e.org", "Us", False),
    ]


def test_a_link_of_the_template_is_reported_with_its_line(folder: Folder) -> None:
    folder.page('<p><a href="http://x-firma.de/?a=1&amp;b=2">x</a></p>')
    problem = folder.problem()
    assert (problem.code, problem.file, problem.line, problem.row) == (
        "http-link",
        "body.html",
        3,
        None,
    )
    assert problem.excerpt == '<p><a href="http://x-firma.de/?a=1&amp;b=2">x</a></p>'
    assert problem.excerpt[(problem.character or 0) - 1 :].startswith("<a ")


def test_an_image_is_reported_by_its_file_and_line(folder: Folder) -> None:
    folder.write("images/logo.png", b"\x89PNG\r\n\x1a\n")
    folder.page('<p>x</p>\n<img src="images/logo.png">')
    problem = folder.problem()
    assert (problem.code, problem.line, problem.character) == ("image-without-alt", 4, 1)
    assert problem.excerpt == '<img src="images/logo.png">'
    assert problem.message == "the image 'logo.png' has no alt text"


def test_a_link_without_target_points_at_the_link_and_no_colour(folder: Folder) -> None:
    folder.page('<p style="color: #ff0000">x</p>\n<a href="#">x</a>')
    problem = next(one for one in folder.problems() if one.code == "empty-link")
    assert (problem.file, problem.line) == ("body.html", 4)
