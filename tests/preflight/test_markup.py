"""Findings on the markup: what browsers repair, with line, column and an excerpt."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import Problem
from mailmerge.preflight.html import parse_html
from mailmerge.preflight.positions import Needle, Place, find_text
from mailmerge.preflight.registry import RULES
from mailmerge.preflight.rules import Page, Setup
from tests.campaign_folder import make_campaign_folder


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(make_campaign_folder(tmp_path).campaign)


def findings(html: str, setup: Setup) -> list[Problem]:
    def position(needle: Needle) -> Place:
        return find_text({"body.html": html}, needle) or Place("body.html")

    document = parse_html(html)
    assert document is not None
    page = Page(document, lambda _: Place("body.html"), {}, "\ue000", position)
    rules = (rule for rule in RULES.structure if rule.__module__.endswith(".markup"))
    return [problem for rule in rules for problem in rule(page, setup)]


@pytest.mark.parametrize(
    ("html", "codes"),
    [
        ("<div>x", ["unclosed"]),
        ("<div/>x", ["unclosed"]),
        ("<b>1<p>2</b>3", ["misnested", "stray-end-tag"]),
        ("<span><div>x</span></div>", ["unclosed", "stray-end-tag"]),
        ("<a href=x>1<a href=y>2</a></a>", ["nested-link"]),
        ("<a href=x><p>1<a href=y>2</a> x</p></a>", ["nested-link"]),
        ("<a href=x><table><tr><td>1<a href=y>2</a></table></a>", ["nested-link"]),
        ("<div><a href=x>1</div><a href=y>2</a>", ["nested-link"]),
        ("<a href=x>1<a href=y>2</a></a></a>", ["nested-link", "stray-end-tag"]),
        ("<a href=x>1</a><!-- </a> <a> --><a href=y>2</a>", []),
        ("</center>x", ["stray-end-tag"]),
        ("<p>a <td>b", ["stray-start-tag"]),
        ("<form><form>x</form>", ["stray-start-tag"]),
        ("<tr>x", ["stray-start-tag"]),
        ("<title><b></title><textarea><td></textarea><!-- <td> --><p title='<td>'>x", []),
        ("<svg><text><![CDATA[<td>]]></text></svg><template><tr><td>x</template>", []),
        ("<p>x<!-- <p>y", ["unclosed-comment"]),
        ("<p>x<!--[if mso]><p>y", ["unclosed-comment"]),
        ("<p>x<!-- y --><!-->", []),
        ("<table><div>x</div><tr><td>y</table>", ["outside-cell"]),
        ("<table align=left><tr><td>x</table>", ["floating-table"]),
        ("<foo>x</foo>", ["unknown-element"]),
        ("<p id=a><p id=a>", ["duplicate-id"]),
        ("<p stlye='top:0'>x<p stlye>y", ["unknown-attribute"]),
        ("<table><td data-x=1 @click=y o:z onclick=z aria-label=l mc:edit=m>x</table>", []),
        ("<p id=1 id=2>x", ["duplicate-attribute"]),
        ('<p title="a>b</p><p class="x">', ["attribute-quotes"]),
        ("<a href='https://x/?c=%7B%25%20if%20x%20%25%7D'>x</a>", ["encoded-braces"]),
        ("<meta charset=windows-1252>x", ["wrong-charset"]),
        (
            "<meta http-equiv=Content-Type content='text/html; charset=gb2312'>x",
            ["wrong-charset"],
        ),
        ("<style>.a{top:0;& b{left:0}}</style>x", ["css-nesting"]),
        ("<style>.a:foo{top:0}</style>x", ["css-selector"]),
        ("<p>x<ul><li>a<li>b</ul><table><tr><td>c</table><br/><o:p>d</o:p><svg><g/></svg>", []),
        ("<meta charset='UTF-8'><style>a:hover{top:0} ::-moz-x{top:0}</style><p>x", []),
        ("<!--[if mso]></td><![endif]--><a href='https://x/%7B'>x</a><img src=a.png>", []),
        ("<p id='\ue000'><p id='\ue000'>", []),
    ],
)
def test_each_fault_has_its_code(html: str, codes: list[str], setup: Setup) -> None:
    assert [problem.code for problem in findings(html, setup)] == codes


def test_place_is_line_column_and_excerpt(setup: Setup) -> None:
    (problem,) = findings("<p>x</p>\n  <div class='a'\n id=b>y", setup)
    assert problem.place == "body.html, line 2, column 3"
    assert problem.message == "<div> is never closed"
    assert problem.marked_line == ("<div class='a'", "^")
    assert problem.hint == "write </div>"


def test_fault_that_occurs_twice_has_its_own_line(setup: Setup) -> None:
    found = findings("<div><b>x</b></div>\n<p>\n<div><b>y</div>", setup)
    assert [(one.code, one.line, one.character) for one in found] == [("unclosed", 3, 6)]


def test_fault_of_a_template_in_other_words_has_an_excerpt(setup: Setup) -> None:
    def position(needle: Needle) -> Place:
        return find_text({"body.html": "{{ body }}"}, needle) or Place("body.html")

    html = f"<div title='{'x' * 200}'\n id=b>y"
    document = parse_html(html)
    assert document is not None
    page = Page(document, lambda _: Place("body.html"), {}, "\ue000", position)
    (problem,) = [
        one
        for rule in RULES.structure
        if rule.__module__.endswith(".markup")
        for one in rule(page, setup)
    ]
    assert (problem.code, problem.file, problem.line) == ("unclosed", "body.html", None)
    assert "<div title='xxx" in problem.message
    assert "…" in problem.message


def test_fault_is_found_by_what_the_template_has_of_its_tag(setup: Setup) -> None:
    template = '\n<div class="a">\n{{ x }}'

    def position(needle: Needle) -> Place:
        return find_text({"body.html": template}, needle) or Place("body.html")

    document = parse_html('<div class="a" style="color:red">y')
    assert document is not None
    page = Page(document, lambda _: Place("body.html"), {}, "\ue000", position)
    rules = (rule for rule in RULES.structure if rule.__module__.endswith(".markup"))
    (problem,) = (one for rule in rules for one in rule(page, setup))
    assert (problem.line, problem.character) == (2, 1)


@pytest.mark.parametrize(
    ("html", "codes"),
    [
        ("<table><table align=left><tr><td>x</table>", ["unclosed", "floating-table"]),
        ("<math><mi foo=1>x</mi></math><p>", []),
        ("<b>1<i>2</b>3</i>", ["misnested"]),
        ("<i><b>1</i>2<u>3</b>4</u>", ["misnested"]),
    ],
)
def test_what_browsers_move_is_reported_once(html: str, codes: list[str], setup: Setup) -> None:
    found = [problem.code for problem in findings(html, setup)]
    assert found[: len(codes)] == codes


def test_many_faults_of_one_kind_are_cut_off(setup: Setup) -> None:
    assert len(findings("<div>x" * 100, setup)) == 20


def test_styles_that_cannot_be_inlined_are_told(setup: Setup) -> None:
    css = "".join(f"p{{x{n}:1}}" for n in range(3000))
    found = findings(f"<style>{css}</style>" + "<p>x" * 500, setup)
    assert [problem.code for problem in found] == ["styles-not-inlined"]


@pytest.mark.parametrize("tag", ['<p title="y>z</p><p>', "<a href=z"])
def test_tag_that_never_ends_is_named(tag: str, setup: Setup) -> None:
    found = findings(f"<td><p>x\n{tag}", setup)
    first, last = (problem for problem in found if problem.code == "stray-start-tag")
    assert (first.line, last.line) == (1, 2)
    assert first.message == "<td> has no place here: browsers ignore it"
    assert last.message.endswith("never ends: nothing behind it is shown")
