"""Where the values of a page stand, and which of them must be structural."""

from __future__ import annotations

import pytest

from mailmerge.rendering.document import parse
from mailmerge.rendering.escaping import HtmlContext
from mailmerge.rendering.locations import ValueLocations, is_remote, locate_values
from mailmerge.rendering.placeholders import Placeholders

WORDS = Placeholders()


def located(html: str, *styled: str, expected: int = 1) -> ValueLocations:
    """The locations of the values, written X and Y, where styles depend on some attributes."""
    page = html.replace("X", WORDS.word(0)).replace("Y", WORDS.word(1))
    return locate_values(parse(page), WORDS, set(range(expected)), lambda name: name in styled)


@pytest.mark.parametrize(
    ("html", "context"),
    [
        ("<p>X</p>", HtmlContext.TEXT),
        ("<p>a</p>X", HtmlContext.TEXT),
        ("<p title='X'>a</p>", HtmlContext.ATTRIBUTE),
        ("<a href='https://e.example/X'>a</a>", HtmlContext.URL),
        ("<form action='X'>a</form>", HtmlContext.URL),
        ("<a name='X'>a</a>", HtmlContext.ATTRIBUTE),
        ("<!-- X --><p>a</p>", HtmlContext.COMMENT),
        ("<p>a</p><!--[if mso]>X<![endif]-->", HtmlContext.COMMENT),
    ],
)
def test_context_of_a_value_is_found(html: str, context: HtmlContext) -> None:
    locations = located(html)
    assert locations.contexts == {0: context}
    assert locations.structural == {}


@pytest.mark.parametrize(
    ("html", "styled", "reason"),
    [
        ("<style>p { color: X }</style><p>a</p>", (), "a value stands in <style>"),
        ("<script>X</script><p>a</p>", (), "a value stands in <script>"),
        ("<p X='1'>a</p>", (), "a value stands in the name of an attribute of <p>"),
        ("<X>a", (), "a value stands in the name of an element"),
        (
            "<p lang='X'>a</p>", ("lang",),
            "a value stands in the attribute lang of <p>, on which styles depend",
        ),
        ("<meta content='X'><p>a</p>", (), "a value stands in the attribute content of <meta>"),
        ("<p title='1' title='X'>a</p>", (), "where the parser of HTML expects none"),
        ("<img src='images/X.png'>", (), "an image of the attribute src of <img> depends"),
        (
            "<!--[if mso]><v:fill src='X.png'><![endif]--><p>a</p>", (),
            "an image of a conditional comment depends",
        ),
    ],
)  # fmt: skip
def test_structural_value_has_a_reason(html: str, styled: tuple[str, ...], reason: str) -> None:
    structural = located(html, *styled).structural
    assert list(structural) == [0]
    assert reason in structural[0]


def test_values_that_begin_a_url_are_known_with_following_space() -> None:
    locations = located("<a href='X Y/'>a</a>", expected=2)
    assert locations.url_starts == {0: True, 1: False}
    assert located("<a href='https://X'>a</a>").url_starts == {}


def test_value_that_begins_the_url_of_an_image_is_known() -> None:
    locations = located("<img src='X/Y.png'>", expected=2)
    assert locations.image_url_starts == {0}
    assert locations.structural == {}


def test_remote_image_may_depend_on_a_value() -> None:
    assert located("<img src='https://e.example/X.png'>").structural == {}


def test_nowhere_makes_all_values_structural() -> None:
    assert ValueLocations.nowhere({1, 2}, "why").structural == {1: "why", 2: "why"}


@pytest.mark.parametrize(
    ("url_start", "remote"),
    [
        *((start, True) for start in ("https://e.example/", "HTTP:", " mailto:", "//e", "cid:x")),
        *((start, False) for start in ("", "images/", "file:", "c:", "/x", "#", "https")),
    ],
)
def test_start_of_a_remote_url_is_recognised(url_start: str, remote: bool) -> None:
    assert is_remote(url_start) is remote
