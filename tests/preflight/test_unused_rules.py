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


def test_rule_of_a_linked_style_sheet_is_named_with_its_file(folder: Folder) -> None:
    folder.write("css/site.css", "@import 'more.css';\n.a{top:0}\n.b{background:url(x.png)}\n")
    folder.write("css/more.css", "p{top:0}\n@media x{p{top:0}}\n\n.c{top:0} .d{top:0}")
    folder.write("css/x.png", "x")
    folder.page(
        "<link rel='stylesheet' href='css/site.css'>\n<style>.e{top:0}</style><p class=a>x</p>"
    )
    found = [problem for problem in folder.problems() if problem.code == "css-unused"]
    assert [(one.file, one.line, one.message.rpartition(": ")[2]) for one in found] == [
        ("css/more.css", 4, ".c, .d"),
        ("css/site.css", 3, ".b"),
        ("body.html", 4, ".e"),
    ]


def test_missing_style_sheet_hides_no_unused_rule(folder: Folder) -> None:
    page = "<link rel='stylesheet' href='gone.css'><style>.e{top:0}</style><p>x</p>"
    assert unused(folder, page) == ["style rules that match nothing are left out: .e"]
