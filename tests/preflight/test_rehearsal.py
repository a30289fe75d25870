"""Where a message cannot be made, every reason is found, and each in its place."""

from __future__ import annotations

import json

from mailmerge.preflight.rehearsal import PATIENCE, Rehearsal
from mailmerge.preflight.templates import TemplateSources
from tests.preflight.conftest import Office

PAGE = "<html><body><p>Dear {{ name }},</p>\n%s</body></html>"


def many(number: int) -> str:
    return "email,name\n" + "".join(f"p{n}@x-firma.de,P{n}\n" for n in range(number))


def test_every_template_that_does_not_compile_is_told(office: Office) -> None:
    office.configure(
        message={
            "subject": '"{{ a"',
            "html": '"body.html"',
            "to_name": '"{% x %}"',
            "attachments": json.dumps(["{{ b"]),
            "headers": '{ X-A = "{{ c" }',
        }
    )
    office.write("body.html", "{% if %}")
    problems = office.refuse().problems
    told = {(p.file, p.message.partition(":")[0].partition(" ")[0], p.line) for p in problems}
    assert {file for file, _, _ in told} == {"campaign.toml", "body.html"}
    assert {first for _, first, _ in told} >= {
        "message.subject", "message.to_name", "message.attachments", "message.headers.X-A",
    }  # fmt: skip
    assert ("body.html", 1) in {(p.file, p.line) for p in problems}


def test_what_compiles_is_still_rendered_for_every_row(office: Office) -> None:
    office.configure(message={"subject": '"{{ a"'})
    office.write("body.txt", "{{ nmae }}")
    codes = [group.first.code for group in office.refuse().groups]
    assert sorted(codes) == ["template-syntax", "undefined-variable"]


def test_a_page_that_cannot_be_made_is_still_run_as_a_template(office: Office) -> None:
    office.configure(message={"html": '"body.html"'})
    office.write(
        "body.html", PAGE % '<img src="no.png" alt="">{% if name == "P20" %}{{ oops }}{% endif %}'
    )
    office.people(many(PATIENCE + 20))
    problems = office.refuse().problems
    assert [(p.code, p.file, p.line, p.row) for p in problems if p.severity == "error"] == [
        ("asset-missing", "body.html", 2, None),
        ("undefined-variable", "body.html", 2, 22),
    ]


def test_a_missing_image_costs_premailer_only_a_few_times(office: Office) -> None:
    office.configure(message={"html": '"body.html"'})
    office.write("body.html", PAGE % '<img src="no.png" alt="">')
    office.people(many(10))
    rehearsal = Rehearsal(office.campaign)
    from mailmerge.recipients.audience import Recipient, open_audience

    audience = open_audience(office.campaign)
    results = [rehearsal.render(one) for one in audience if isinstance(one, Recipient)]
    broken = [bool(result) for result in results]
    assert broken[:PATIENCE] == [True] * PATIENCE
    assert not any(broken[PATIENCE:])


def test_missing_files_of_included_templates_are_named_where_they_stand(office: Office) -> None:
    office.configure(message={"html": '"body.html"'})
    office.write("body.html", PAGE % '{% include "foot.html" %}<img src="a.png" alt="">')
    office.write("foot.html", '\n\n<td background="b.png"><a href="https://x.org/c.png">c</a>')
    office.write("style.css", "p { color: red }")
    places = {(p.file, p.line) for p in office.refuse().problems if p.severity == "error"}
    assert places == {("body.html", 2), ("foot.html", 3)}


def test_only_the_row_whose_image_is_missing_is_told(office: Office) -> None:
    office.configure(message={"html": '"body.html"'})
    office.write("body.html", PAGE % '<img src="{{ name }}.png" alt="">')
    office.write("Ann.png", b"\x89PNG\r\n\x1a\n")
    (problem,) = [p for p in office.refuse().problems if p.severity == "error"]
    assert (problem.code, problem.row) == ("asset-missing", 3)
    assert "Bob.png" in problem.message


def test_every_reason_of_one_row_is_told(office: Office) -> None:
    office.configure(
        message={"subject": '"{{ a }}"', "reply_to": '"{{ b }}"', "headers": '{ X-A = "{{ c }}" }'}
    )
    messages = {p.message for p in office.refuse().problems if p.row == 3}
    assert messages == {
        "message.subject: the variable a is not defined",
        "message.reply_to: the variable b is not defined",
        "message.headers.X-A: the variable c is not defined",
    }


def test_a_reply_to_that_is_no_address_on_one_row(office: Office) -> None:
    office.configure(message={"reply_to": '"{{ name }}@x-firma.de"'})
    office.people("email,name\na@x-firma.de,Ann\nb@x-firma.de,B b\n")
    (problem,) = office.refuse().problems
    assert (problem.file, problem.row, problem.column) == ("campaign.toml", 3, "message.reply_to")


def test_texts_are_located_in_the_templates(office: Office) -> None:
    office.configure(message={"html": '"body.html"'})
    office.write("body.html", 'x\n<a href="https://x.org/?a&amp;b">')
    sources = TemplateSources(office.campaign)
    assert sources.locate("https://x.org/?a&b") == ("body.html", 2)
    assert sources.locate("nowhere") == ("body.html", None)
    assert sources.locate("") == ("body.html", None)
    office.write("body.html", "{% if %}")
    assert TemplateSources(office.campaign).locate("x") == ("body.html", None)
    office.configure(message={"html": ""})
    assert TemplateSources(office.campaign).locate("x") == ("", None)
