"""The elements that a selector matches, and rules that are kept for clients."""

from __future__ import annotations

import pytest

from mailmerge.rendering.cascade import TooManyStyles
from mailmerge.rendering.document import parse
from mailmerge.rendering.matching import Matcher
from mailmerge.rendering.selectors import analyse

PAGE = Matcher(
    parse(
        "<!doctype html><body class='body'><p class=a id=i>x</p><template><p>t</p></template>"
        "<!--[if mso]><table class=o><![endif]--><b>1<p>2</b>3"
    )
)


def tags(selector: str) -> list[str] | None:
    found = PAGE.match(selector)
    return None if found is None else [PAGE.elements[number].tag for number in found]


def test_selectors_match_outside_of_templates() -> None:
    assert tags("p") == ["p", "p"]
    assert tags("p.a#i:not(.b)") == ["p"]
    assert tags("p:nonsense") is None


def test_repeated_elements_know_the_written_one() -> None:
    ((copy, original),) = PAGE.originals.items()
    assert (PAGE.elements[copy].tag, original < copy) == ("b", True)


@pytest.mark.parametrize(
    ("selector", "kept"),
    [
        ("#outlook a", True),
        (".ExternalClass", True),
        ("u + .body .a", True),
        ("[data-ogsc] .a", True),
        (".columns-7", False),
        ("h1", False),
        (".a .unknown", False),
    ],
)
def test_rule_that_matches_nothing_may_be_for_a_client(selector: str, kept: bool) -> None:
    assert PAGE.is_for_clients(analyse(selector)) is kept


def test_conditional_comments_have_names_too() -> None:
    assert PAGE.in_comments(analyse("table.o"))
    assert not PAGE.in_comments(analyse("p"))
    assert PAGE.may_match(analyse("p.a"))
    assert not PAGE.may_match(analyse("p.o"))


def test_elements_of_the_head_get_no_style() -> None:
    styled = {PAGE.elements[n].tag for n in range(len(PAGE.elements)) if PAGE.can_have_style(n)}
    assert styled == {"html", "body", "p", "b"}
    assert PAGE.parent_of(0) is None
    assert PAGE.elements[PAGE.parent_of(1) or 0].tag == "html"


def test_clients_mark_any_element_but_put_classes_around_the_page() -> None:
    matcher = Matcher(parse("<p>a<b>c</b>"))
    html, _, body, p, _ = range(5)
    assert matcher.reached_by_clients(analyse("p[data-x]")) == (p,)
    assert matcher.reached_by_clients(analyse(".ExternalClass")) == (html, body)
    assert matcher.reached_by_clients(analyse("#outlook p")) == (p,)
    assert matcher.reached_by_clients(analyse(".other p")) == ()
    assert matcher.reached_by_clients(analyse("p[width]")) == ()


def test_page_with_too_many_selectors_is_given_up_before_matching() -> None:
    selectors = [analyse(f"p:not(.c{number})") for number in range(2_000)]
    Matcher(parse("<!doctype html>" + "<p>x" * 5_000)).note(selectors)
    with pytest.raises(TooManyStyles):
        Matcher(parse("<!doctype html>" + "<p>x" * 50_000)).note(selectors)
    unknown = [analyse(f".c{number}") for number in range(2_000)]
    Matcher(parse("<!doctype html>" + "<p>x" * 50_000)).note(unknown)
