"""Places of elements in templates whose text differs from the page."""

from __future__ import annotations

from pathlib import Path

from mailmerge.preflight.deep.page import Flaw, Note
from mailmerge.preflight.positions import Place
from mailmerge.preflight.structures import VALUE
from tests.preflight.deep.pages import page_of


def _line(body: str, template: str, tag: str, number: int = 0) -> int | None:
    page = page_of(body, template=template)
    return page.place_of(list(page.document.tree.find_all(tag))[number]).line


def test_element_is_found_by_its_class() -> None:
    assert _line('<p class="x" style="color:red">a</p>', '\n\n<p class="x">{{ a }}</p>', "p") == 7


def test_element_is_found_by_its_text() -> None:
    body = f"<p>one two</p><p>Dear {VALUE}, hello again</p>"
    template = "<p>one two</p>\n<p>Dear {{ name }},\n hello again</p>"
    assert _line(body, template, "p", 1) in (6, 7)


def test_elements_that_look_the_same_are_told_apart() -> None:
    body = '<a href="#x">1</a>\n<a href="#x">2</a>'
    assert [_line(body, body, "a", number) for number in (0, 1)] == [5, 6]


def test_element_of_a_loop_has_the_line_of_the_template() -> None:
    body = '<a class="k">1</a>\n<a class="k">2</a>'
    template = '{% for i in x %}<a class="k">{{ i }}</a>{% endfor %}'
    assert [_line(body, template, "a", number) for number in (0, 1)] == [5, 5]


def test_element_without_a_tag_is_found_by_its_text() -> None:
    body = f"<table><tr><td>{VALUE}, hello   again</td></tr></table>"
    template = "<p>x</p>\n<table><tr><td>{{ name }},\nhello again</td></tr></table>"
    assert _line(body, template, "tbody") in (6, 7)


def test_element_that_the_template_makes_has_only_a_file() -> None:
    page = page_of(f"<table><tr><td>{VALUE}</td></tr></table>", template="{{ table }}")
    assert page.place_of(next(iter(page.document.tree.find_all("tbody")))) == Place("body.html")


def test_style_sheets_are_searched(tmp_path: Path) -> None:
    (tmp_path / "style.css").write_text(".a { color: red }\n.b { display: flex }\n")
    page = page_of("<p>", '<link rel="stylesheet" href="style.css">', folder=tmp_path)
    place = page.search(r"display\s*:\s*flex")
    assert (place.file, place.line, place.excerpt) == ("style.css", 2, ".b { display: flex }")
    assert page.search("nothing") == Place("body.html")


def test_findings_keep_their_place() -> None:
    place = Place("a.html", 3, 4, "text")
    problem = Flaw("code", "message", "hint", place).problem
    assert (problem.file, problem.line, problem.character, problem.hint) == ("a.html", 3, 4, "hint")
    assert Note("code", "message", place).is_note
