"""Style rules that inlining leaves out are named."""

from __future__ import annotations

from tests.preflight.checked import Folder


def unused(folder: Folder, page: str) -> list[str]:
    folder.page(page)
    return [problem.message for problem in folder.problems() if problem.code == "css-unused"]


def test_rules_that_match_nothing_are_named_with_their_place(folder: Folder) -> None:
    folder.page("<style>\n.a{top:0}\n .b, p.c{top:0}\n</style><p class='a'>x</p>")
    (problem,) = folder.problems()
    assert problem.message == "style rules that match nothing are left out: .b, p.c"
    assert (problem.code, problem.excerpt.strip()) == ("css-unused", ".b, p.c{top:0}")
    assert problem.excerpt[(problem.character or 0) - 1 :].startswith(".b")


def test_many_rules_are_one_finding(folder: Folder) -> None:
    rules = "".join(f".n{number}{{top:0}}" for number in range(10))
    (message,) = unused(folder, f"<style>{rules}</style><p>x</p>")
    assert message == "style rules that match nothing are left out: .n0, .n1, .n2 ..."


def test_rules_that_stay_or_match_in_any_branch_are_not_named(folder: Folder) -> None:
    css = (
        ".ExternalClass p{top:0} #outlook a{top:0} @media print{.x{top:0}} .y{top:0} a:hover{top:0}"
    )
    page = f"<style>{css}</style>{{% if name == 'Z' %}}<p class='y'>x</p>{{% endif %}}<p>z</p>"
    assert unused(folder, page) == []
    assert unused(folder, "<style>.x{top:0}</style><p class='{{ name }}'>x</p>") == []
    folder.configure(message={"html": '"body.html"', "inline_css": "false"})
    assert unused(folder, "<style>.x{top:0}</style><p>x</p>") == []
