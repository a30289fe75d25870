from __future__ import annotations

import pytest

from mailmerge.rendering.document import (
    EmptyPage,
    attributes_of,
    is_comment,
    is_element,
    parse,
    serialise,
    text_of,
)


@pytest.mark.parametrize(
    "html",
    [
        "<!doctype html>\n<html><head></head><body><p>é &amp; b</p></body></html>",
        "<!DOCTYPE html>\n<!--before--><html><body></body></html><!--after-->",
        "<html><body><p>a&nbsp;b</p></body></html>",
        "<html><body><!--[if mso]><p>\u00a0</p><![endif]--><p>x</p></body></html>",
        "<html><head><style>p { content: '\u00a0' }</style></head><body></body></html>",
    ],
)
def test_page_is_written_as_it_was_read(html: str) -> None:
    assert serialise(parse(html)) == html


def test_nbsp_is_written_as_a_reference_in_text_only() -> None:
    html = "<html><body><p title='\u00a0'>\u00a0</p><script>'\u00a0'</script></body></html>"
    written = serialise(parse(html))
    assert '<p title="&nbsp;">&nbsp;</p>' in written
    assert "<script>'\u00a0'</script>" in written


def test_xml_declaration_is_left_out_and_the_doctype_kept() -> None:
    doctype = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x">'
    document = parse(f'<?xml version="1.0" encoding="UTF-8"?>\n{doctype}\n<p>é</p>')
    assert document.doctype == doctype
    assert serialise(document).startswith(f"{doctype}\n<html>")
    assert "é" in serialise(document)


@pytest.mark.parametrize("html", ["", "  \n", "<!-- c -->", "<!doctype html>", "<?pi x?>"])
def test_page_without_an_element_is_empty(html: str) -> None:
    with pytest.raises(EmptyPage):
        parse(html)


def test_nodes_are_told_apart() -> None:
    root = parse("<p a='1' b='2'>x<!--c-->y<b>z</b></p>").tree.getroot()
    paragraph = next(root.iter("p"))
    comment, bold = list(paragraph)
    assert (is_element(paragraph), is_comment(paragraph)) == (True, False)
    assert (is_element(comment), is_comment(comment)) == (False, True)
    assert attributes_of(paragraph) == [("a", "1"), ("b", "2")]
    assert text_of(paragraph).replace("c", "") == "xyz"
    assert text_of(bold) == "z"
