"""Where a message cannot be rendered, every reason is found, and each in its place."""

from __future__ import annotations

import json

from mailmerge.preflight.rendering import ExplainingRenderer
from mailmerge.recipients.audience import Recipient, open_audience
from tests.preflight.checked import Folder


def many(number: int) -> str:
    return "email,name\n" + "".join(f"p{n}@x-firma.de,P{n}\n" for n in range(number))


def test_every_template_that_does_not_compile_is_reported(folder: Folder) -> None:
    folder.configure(
        message={
            "subject": '"{{ a"',
            "html": '"body.html"',
            "to_name": '"{% x %}"',
            "attachments": json.dumps(["{{ b"]),
            "headers": '{ X-A = "{{ c" }',
        }
    )
    folder.write("body.html", "{% if %}")
    problems = folder.refuse().problems
    assert {problem.file for problem in problems} == {"campaign.toml", "body.html"}
    assert {p.message.partition(":")[0].partition(" ")[0] for p in problems} >= {
        "message.subject", "message.to_name", "message.attachments", "message.headers.X-A",
    }  # fmt: skip
    assert ("body.html", 1) in {(p.file, p.line) for p in problems}


def test_templates_that_compile_are_rendered_for_every_row(folder: Folder) -> None:
    folder.configure(message={"subject": '"{{ a"'})
    folder.write("body.txt", "{{ nmae }}")
    codes = [group.first.code for group in folder.refuse().groups]
    assert sorted(codes) == ["template-syntax", "undefined-variable"]


def test_a_page_that_cannot_be_made_still_runs_as_a_template(folder: Folder) -> None:
    folder.page('<img src="no.png" alt="">{% if name == "P20" %}{{ oops }}{% endif %}')
    folder.recipients(many(23))
    problems = folder.refuse().problems
    assert [(p.code, p.file, p.line, p.row) for p in problems if p.severity == "error"] == [
        ("asset-missing", "body.html", 3, None),
        ("undefined-variable", "body.html", 3, 22),
    ]


def test_a_missing_image_stops_the_making_of_pages(folder: Folder) -> None:
    folder.page('<img src="no.png" alt="">')
    folder.recipients(many(10))
    rendering = ExplainingRenderer(folder.campaign)
    audience = open_audience(folder.campaign)
    results = [rendering.render(one) for one in audience if isinstance(one, Recipient)]
    broken = [bool(result) for result in results]
    assert broken == [True] * 3 + [False] * 7


def test_missing_files_of_included_templates_have_their_lines(folder: Folder) -> None:
    folder.page('{% include "foot.html" %}<img src="a.png" alt="">')
    folder.write("foot.html", '\n\n<td background="b.png"><a href="https://x.org/c.png">c</a>')
    folder.write("style.css", "p { color: red }")
    places = {(p.file, p.line) for p in folder.refuse().problems if p.severity == "error"}
    assert places == {("body.html", 3), ("foot.html", 3)}


def test_only_the_row_whose_image_is_missing_is_reported(folder: Folder) -> None:
    folder.page('<img src="{{ name }}.png" alt="">')
    folder.write("Ann.png", b"\x89PNG\r\n\x1a\n")
    (problem,) = [p for p in folder.refuse().problems if p.severity == "error"]
    assert (problem.code, problem.row) == ("asset-missing", 3)
    assert "Bob.png" in problem.message


def test_every_reason_of_one_row_is_reported(folder: Folder) -> None:
    folder.configure(
        message={"subject": '"{{ a }}"', "reply_to": '"{{ b }}"', "headers": '{ X-A = "{{ c }}" }'}
    )
    messages = {p.message for p in folder.refuse().problems if p.row == 3}
    assert messages == {
        "message.subject: the variable a is not defined",
        "message.reply_to: the variable b is not defined",
        "message.headers.X-A: the variable c is not defined",
    }
