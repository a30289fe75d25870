"""The tree of a page is that of the HTML standard, and its source changes only by edits."""

from __future__ import annotations

import pytest

from mailmerge.rendering.document import (
    Edits,
    EmptyPage,
    attribute,
    attributes_of,
    comments_of,
    content_of,
    elements_of,
    extent_of,
    is_comment,
    is_element,
    is_text,
    is_written,
    nodes_of,
    parse,
    start_of,
    text_of,
)


@pytest.mark.parametrize(
    "html",
    [
        "<!doctype html>\n<html><head></head><body><p>é &amp; b</p></body></html>",
        "<!DOCTYPE html>\n<!--before--><html><body></body></html><!--after-->",
        "<p>a&nbsp;b&zwnj;<![if !mso]>x<![endif]><!--[if mso]><p>\u00a0</p><![endif]-->",
        "<P CLASS=a ALIGN='left'>x<BR/><o:p>&nbsp;</o:p><v:rect/></P>",
        "<template><p>t</p></template><svg viewBox='0 0 1 1'/>",
    ],
)
def test_source_stays_as_it_was_written(html: str) -> None:
    assert Edits(parse(html)).applied() == html


def test_line_ends_and_declarations_are_removed() -> None:
    html = '\ufeff<?xml version="1.0" encoding="latin1"?>\r\n<!DOCTYPE html>\r\n<p>a\rb</p>'
    assert parse(html).source == "<!DOCTYPE html>\n<p>a\nb</p>"


@pytest.mark.parametrize("html", ["", "  \n", "<!-- c -->", "<!doctype html>", "<?pi x?>"])
def test_page_without_an_element_is_empty(html: str) -> None:
    with pytest.raises(EmptyPage):
        parse(html)


def test_link_around_a_table_keeps_the_table() -> None:
    document = parse('<a href="x"><table><tr><td>Book</td></tr></table></a>')
    assert text_of(elements_of(document, "a")[0]) == "Book"


def test_no_depth_loses_content() -> None:
    html = "<div>x" * 5000 + "<b>end</b>"
    document = parse(html)
    assert (len(elements_of(document, "div")), len(elements_of(document, "b"))) == (5000, 1)
    assert text_of(elements_of(document, "html")[0]) == "x" * 5000 + "end"
    assert document.source == html


def test_nodes_are_told_apart() -> None:
    document = parse("<p a='1' class=' b  c '>x<!--c-->y<b>z</b></p>")
    kinds = [(is_element(node), is_comment(node), is_text(node)) for node in nodes_of(document)]
    assert kinds[3:] == [
        (True, False, False), (False, False, True), (False, True, False), (False, False, True),
        (True, False, False), (False, False, True),
    ]  # fmt: skip
    paragraph = elements_of(document, "p")[0]
    assert attributes_of(paragraph) == [("a", "1"), ("class", " b  c ")]
    assert (attribute(paragraph, "a"), attribute(paragraph, "z")) == ("1", None)
    assert [is_written(element) for element in elements_of(document)][:4] == [
        False, False, False, True,
    ]  # fmt: skip


def test_positions_refer_to_the_source() -> None:
    document = parse("é<style>p{}</style>\r\n<b>x</b><style>q")
    first, second = elements_of(document, "style")
    source = document.source
    assert source[start_of(elements_of(document, "b")[0]) :].startswith("<b>")
    assert source[slice(*content_of(document, first))] == "p{}"
    assert source[slice(*extent_of(document, first))] == "<style>p{}</style>"
    assert source[slice(*extent_of(document, second))] == "<style>q"


def test_comments_are_found_outside_of_raw_text_and_tags() -> None:
    document = parse(
        "<title><!--t--></title><p title='<!--a-->'>x<!--[if mso]>y<![endif]--><![if !mso]>"
        "<script><!--s--></script><!--> z <!--end"
    )
    found = [document.source[start:end] for start, end in comments_of(document)]
    assert found == ["[if mso]>y<![endif]", "end"]


@pytest.mark.parametrize(
    ("html", "edited"),
    [
        ("<a href=x>y</a>", '<a href="Q" style="a&quot;b">y</a>'),
        ("<a HREF=x/>y", '<a HREF="Q" style="a&quot;b">y'),
        ("<br/>", '<br style="a&quot;b" href="Q"/>'),
        ("<p title=a title=b>x", '<p title=a title=b style="a&quot;b" href="Q">x'),
        ("<img src='a'   />", '<img src=\'a\' style="a&quot;b" href="Q"   />'),
        ("<o:P x>", '<o:P x style="a&quot;b" href="Q">'),
    ],
)
def test_attribute_is_set_in_the_start_tag(html: str, edited: str) -> None:
    document = parse(html)
    element = next(filter(is_written, elements_of(document)))
    edits = Edits(document)
    edits.set_attribute(element, "style", 'a"b')
    edits.set_attribute(element, "href", "Q")
    assert edits.applied() == edited
    (again,) = filter(is_written, elements_of(parse(edited)))
    assert (attribute(again, "style"), attribute(again, "href")) == ('a"b', "Q")


def test_edits_are_applied_in_the_order_of_the_source() -> None:
    edits = Edits(parse("<p>abc</p>"))
    assert not edits
    edits.replace(5, 6, "C")
    edits.insert(3, "1")
    edits.insert(3, "2")
    assert edits.applied() == "<p>12abC</p>"
    assert edits
