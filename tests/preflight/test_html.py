"""What the check says of finished HTML."""

from __future__ import annotations

import pytest

from mailmerge.preflight.html import GMAIL_CLIP, Link, links_of, lint_html, lint_size, lint_url


def codes(html: str) -> list[str]:
    return [problem.code for problem in lint_html(f"<html><body>{html}</body></html>", "body.html")]


@pytest.mark.parametrize(
    ("html", "code"),
    [
        ('<img src="cid:a@b">', "image-without-alt"),
        ('<img alt="x">', "image-without-source"),
        ('<img alt="x" src="data:image/png;base64,AAAA">', "data-image"),
        ('<img alt="x" src="http://example.org/a.png">', "http-image"),
        ('<a href="http://example.org/">x</a>', "http-link"),
        ('<a href="page.html">x</a>', "relative-link"),
        ('<a href="www.example.org">x</a>', "relative-link"),
        ('<a href="">x</a>', "empty-link"),
        ('<a href="#">x</a>', "empty-link"),
        ('<a href="javascript:alert(1)">x</a>', "link-scheme"),
        ("<script>1</script>", "script"),
        ("<form></form>", "form"),
        ('<img alt="" src="cid:a@b" srcset="images/a@2x.png 2x">', "srcset"),
        ('<picture><source srcset="https://example.org/a.webp, b.webp 2x"></picture>', "srcset"),
        ("<style>@import url(more.css);</style>", "css-import"),
    ],
)
def test_each_weakness_has_its_code(html: str, code: str) -> None:
    assert codes(html) == [code]


@pytest.mark.parametrize(
    "html",
    [
        '<img src="cid:a@b" alt="">',
        '<img src="cid:a@b" alt="" srcset="https://example.org/a@2x.png 2x">',
        '<img src="cid:a@b" alt="" srcset="//example.org/a.png, data:image/png;base64,AA 2x">',
        '<img src="cid:a@b" alt="" srcset=" , ">',
        '<a href="https://example.org/">x</a>',
        '<a href="mailto:a@example.org">x</a>',
        '<a href="tel:+331">x</a>',
        '<a href="#section">x</a>',
        '<a name="section">x</a>',
        "",
    ],
)
def test_good_html_is_silent(html: str) -> None:
    assert codes(html) == []


def test_html_that_is_nothing_is_no_traceback() -> None:
    assert list(lint_html("", "body.html")) == []
    assert links_of("") == []


def test_links_are_listed_with_what_is_seen_of_them() -> None:
    html = (
        '<p><a href="https://e.org/u/1">Un<b>subscribe</b></a> <a href="https://e.org">Us</a></p>'
    )
    assert links_of(html) == [
        Link("https://e.org/u/1", "Unsubscribe", True),
        Link("https://e.org", "Us", False),
    ]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (1_000, []),
        (95 * 1024, ["html-near-clip"]),
        (GMAIL_CLIP, ["html-near-clip"]),
        (GMAIL_CLIP + 1, ["html-clipped"]),
    ],
)
def test_the_size_is_measured_against_gmail(octets: int, expected: list[str]) -> None:
    assert [problem.code for problem in lint_size(octets, "body.html", 2)] == expected


def test_spaces_around_a_link_are_no_part_of_it() -> None:
    assert lint_url("  https://example.org ") is None
