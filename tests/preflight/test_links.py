"""The URLs of a structure, and each recipient's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.preflight.links import UrlPattern, url_patterns


def test_urls_are_found_with_their_values() -> None:
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


@given(st.lists(st.text(alphabet="ab/:.?=1 ", max_size=8), min_size=2, max_size=4))
def test_a_url_is_filled_with_the_values(pieces: list[str]) -> None:
    values = tuple(str(n) for n in range(len(pieces) - 1))
    static = ('<a href="' + pieces[0], *pieces[1:-1], pieces[-1] + '">x</a>')
    (pattern,) = url_patterns(static)
    woven = "".join(piece + value for piece, value in zip(pieces, (*values, ""), strict=True))
    assert pattern.fill(values) == woven.strip()
