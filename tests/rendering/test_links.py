from __future__ import annotations

import itertools

import pytest

from mailmerge.rendering.links import bracketed, links_of, shows_target, surely_shows_target


def test_links_are_elements_with_a_target() -> None:
    html = '<p><a href="https://e.example/">go <b>on</b></a><a name="x">y</a><a href="">z</a></p>'
    assert links_of(html) == [("go on", "https://e.example/"), ("z", "")]
    assert links_of("") == []


@pytest.mark.parametrize(
    ("text", "target", "shown"),
    [
        ("go", "https://e.example/", True),
        ("https://e.example", "https://E.example/", False),
        ("e.example", "https://e.example", False),
        (" a@b.c ", "mailto:a@b.c", False),
        ("me", "mailto:a@b.c", True),
        ("up", "#top", False),
        ("x", "javascript:x()", False),
        ("x", " ", False),
    ],
)
def test_target_is_shown_where_it_tells_more(text: str, target: str, shown: bool) -> None:
    assert shows_target(text, target) is shown


def test_target_between_angle_brackets_holds_none() -> None:
    assert bracketed('https://e.example/?q=<"a">') == "https://e.example/?q=%3C%22a%22%3E"


STARTS = (
    "",
    "go ",
    "Read more: ",
    "tel:1",
    "mailto:ann",
    "http",
    "https://e.example/",
    "mailto:",
    "e.exa",
    "Https:// ",
)
ENDS = ("", "a", "s://e.example/", "://e.example/", "lto:a@b.c", "mple", "e.example", "/", " ")


def test_surely_shown_target_is_shown_for_any_continuation() -> None:
    sure = 0
    for text_start, target_start in itertools.product(STARTS, repeat=2):
        if surely_shows_target(text_start, target_start):
            for text_end, target_end in itertools.product(ENDS, repeat=2):
                assert shows_target(text_start + text_end, target_start + target_end)
                sure += 1
    assert sure > 500


def test_ordinary_button_surely_shows_its_target() -> None:
    assert surely_shows_target("Read more, ", "https://e.example/?user=")
    assert not surely_shows_target("", "https://e.example/")
    assert not surely_shows_target("https://e.example/", "https://e.example/")
