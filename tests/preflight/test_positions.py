"""A finding points at its own element."""

from __future__ import annotations

import pytest

from mailmerge.preflight.positions import Needle, Place, Spot, TemplateElements, find_text

PAGE = """<style>
p { color: #ff0000; background: url(http://x.org/a.png) }
</style>
<p style="color: #ff0000">x</p>
<!-- <a href="#"> -->
{# <a href="#"> #}
<a href="https://x.org/#top">x</a>
<a href="{{ link }}">y</a>
<a title="#" href="#">z</a>
<img
  src="./images/a%20b.png">
<!--[if mso]>
<form action="x"></form><![endif]-->
<td style="background:url(b.png)">
  <img alt="" src="images/c.png">
<!--[if mso 9]><b>x</b><![endif]-->
"""


@pytest.mark.parametrize(
    ("spot", "line", "character"),
    [
        (Spot("a", "href", "#"), 9, 1),
        (Spot("a", "href", "https://x.org/#top"), 7, 1),
        (Spot("a", "href", "x", varies=True), 8, 1),
        (Spot("img", "src", "images/a b.png"), 10, 1),
        (Spot("img", "src", "images/c.png"), 15, 3),
        (Spot("form"), 13, 1),
        (Spot("b"), 16, 16),
        (Spot("style", "", "http://x.org/a.png"), 2, 37),
        (Spot("style", "", "b.png"), 14, 1),
    ],
)
def test_the_element_itself_is_found(spot: Spot, line: int, character: int) -> None:
    excerpt = PAGE.split("\n")[line - 1]
    found = TemplateElements({"body.html": PAGE}).find_element(spot)
    assert found == Place("body.html", line, character, excerpt)


@pytest.mark.parametrize(
    ("spot", "line"),
    [
        (Spot("form", "method"), 13),
        (Spot("img", "src", "c.png"), 15),
        (Spot("img", "alt", "logo"), 10),
    ],
)
def test_the_most_similar_element_is_found(spot: Spot, line: int) -> None:
    place = TemplateElements({"body.html": PAGE}).find_element(spot)
    assert place is not None
    assert place.line == line


@pytest.mark.parametrize(
    ("needle", "file", "line"),
    [
        (Needle("x", 0, 3), "a.html", 1),
        (Needle("x", 1, 3), "b.html", 2),
        (Needle("x", 2, 3), "b.html", 3),
        (Needle("x", 5, 9), "b.html", 3),
        (Needle("x", 1, 2), "a.html", 1),
    ],
)
def test_a_text_is_found_in_the_template_of_its_turn(needle: Needle, file: str, line: int) -> None:
    place = find_text({"a.html": "x", "b.html": "y\nx\nx"}, needle)
    assert place is not None
    assert (place.file, place.line) == (file, line)


def test_a_text_of_no_template_has_no_place() -> None:
    assert find_text({"a.html": "x"}, Needle("z")) is None


def test_an_element_that_no_template_has_is_not_found() -> None:
    assert TemplateElements({"body.html": PAGE}).find_element(Spot("video")) is None
