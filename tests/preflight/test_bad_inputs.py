"""The 62 bad inputs of the catalogue, each as a real file: told with its place, and nothing sent.

Each id begins with the number of the entry. An entry that is accepted says so here too: it must
not become an error. Entries 55 to 60 belong to the run and go through the real command.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import openpyxl
import pytest

from mailmerge.errors import Problem
from mailmerge.preflight.check import Check, CheckOptions
from tests import servers
from tests.preflight.conftest import PEOPLE, Office, place

DATA = Path(__file__).parents[1] / "data" / "recipients"
CSV = "recipients.csv"
XLSX = "recipients.xlsx"
TOML = "campaign.toml"
HTML = "<html><body><p>Dear {{ name }},</p>%s</body></html>"

Kind = Literal["error", "warning", "note"]
Spoil = Callable[[Office], None]


@dataclass(frozen=True)
class Case:
    """One bad input: how it comes about, and what is told of it."""

    id: str
    spoil: Spoil
    code: str
    row: int | None = None
    column: str = ""
    says: str = ""
    kind: Kind = "error"
    file: str = CSV


def sheet(content: str | bytes, name: str = CSV) -> Spoil:
    return lambda office: office.people(content, name)


def address(cell: str) -> Spoil:
    quoted = cell.replace('"', '""')
    return sheet(f'email,name\nann@x-firma.de,Ann\n"{quoted}",Bob\n')


def file(name: str, content: str | bytes) -> Spoil:
    def spoil(office: Office) -> None:
        office.write(name, content)

    return spoil


def body(text: str) -> Spoil:
    return file("body.txt", text)


def message(**keys: str) -> Spoil:
    return lambda office: office.configure(message=keys)


def page(inside: str, **files: bytes) -> Spoil:
    def spoil(office: Office) -> None:
        office.configure(message={"html": '"body.html"'})
        office.write("body.html", HTML % inside)
        for name, content in files.items():
            office.write(name.replace("_", "."), content)

    return spoil


def workbook(*rows: list[object], change: Callable[[Any], None] = lambda _: None) -> Spoil:
    def spoil(office: Office) -> None:
        book = openpyxl.Workbook()
        active: Any = book.active
        for row in rows:
            active.append(row)
        change(active)
        book.save(office.folder / XLSX)
        office.configure(recipients={"file": f'"{XLSX}"'})

    return spoil


def both(*spoils: Spoil) -> Spoil:
    def spoil(office: Office) -> None:
        for one in spoils:
            one(office)

    return spoil


def use(*names: str) -> Spoil:
    """Let the template use these columns, so that nothing is said of unused ones."""
    return body("Dear {{ name }},\n" + "".join(f"{{{{ {name} }}}}\n" for name in names))


ANN: list[object] = ["ann@x-firma.de", "Ann"]
BOB: list[object] = ["bob@x-firma.de", "Bob"]
HEAD: list[object] = ["email", "name"]


def formatted(cell: str, code: str) -> Callable[[Any], None]:
    def change(active: Any) -> None:
        active[cell].number_format = code

    return change


def merged(active: Any) -> None:
    active.merge_cells("B2:B3")


def hidden(active: Any) -> None:
    active.row_dimensions[3].hidden = True


def second_sheet(active: Any) -> None:
    active.title = "Guests"
    other = active.parent.create_sheet("Staff")
    for row in (HEAD, ANN):
        other.append(row)


SAME: tuple[tuple[str, str, str, Kind], ...] = (
    ("exact", "ann@x-firma.de", "duplicate", "error"),
    ("domain-case", "ann@X-Firma.DE", "duplicate", "error"),
    ("space", "ann@x-firma.de ", "duplicate", "error"),
    ("full-width", "ann＠x-firma。de", "duplicate", "error"),
    ("local-case", "Ann@x-firma.de", "duplicate-case", "warning"),
)

CASES = [
    Case("01-empty", sheet(b""), "file-empty", says="the file is empty"),
    Case("02-header-only", sheet("email,name\n"), "no-recipients", 1, says="no rows below"),
    Case(
        "04-utf-16",
        sheet(PEOPLE.replace("Ann", "Zoë").encode("utf-16")),
        "encoding-chosen",
        says='read as UTF-16, such as "Zoë"',
        kind="note",
    ),
    Case(
        "04-utf-32",
        sheet(PEOPLE.encode("utf-32")),
        "encoding-chosen",
        says="read as UTF-32",
        kind="note",
    ),
    Case(
        "05-gb18030",
        sheet("email,name\nann@x-firma.de,王小明\nbob@x-firma.de,李小红\n".encode("gb18030")),
        "encoding-chosen",
        says='read as GB18030, such as "王小明"',
        kind="warning",
    ),
    Case(
        "06-mixed-encodings",
        sheet(PEOPLE.replace("Ann", "Zoë").encode() + b"cy@x-firma.de,Ren\xe9e\n"),
        "encoding-mixed",
        4,
        says="line 4, byte",
    ),
    Case("07-nul", sheet(PEOPLE.replace("Bob", "B\0b")), "cell-not-text", 3, "name", "U+0000"),
    Case("09-no-header", sheet(PEOPLE.partition("\n")[2]), "no-header", 1, says="ann@x-firma.de"),
    Case("10-title", sheet("Guests of 2026\n" + PEOPLE), "title-row", 1, says="Guests of 2026"),
    Case(
        "11-semicolon",
        sheet(PEOPLE.replace(",", ";")),
        "delimiter-chosen",
        says="semicolon",
        kind="note",
    ),
    Case("11-tab", sheet(PEOPLE.replace(",", "\t")), "delimiter-chosen", says="tab", kind="note"),
    Case(
        "12-too-many-in-the-first-row",
        sheet(PEOPLE.replace("Ann", "Ann,Rome")),
        "row-too-long",
        2,
        says="3 cells, the header has 2",
    ),
    Case(
        "13-too-many-later", sheet(PEOPLE.replace("Bob", "Bob,Rome")), "row-too-long", 3, says="3"
    ),
    Case(
        "13-too-few",
        both(use("n"), sheet("email,name,n\nann@x-firma.de,Ann,1\nbob@x-firma.de,Bob\n")),
        "row-too-short",
        3,
        says="2 cells, the header has 3",
        kind="warning",
    ),
    Case("14-open-quote", sheet(PEOPLE.replace("Bob", '"Bob')), "quote-open", 3, says="not closed"),
    Case(
        "15-newline-in-an-address",
        address("bob@x-firma.de\nBcc: eve@x-firma.de"),
        "address-control",
        3,
        "email",
    ),
    Case(
        "15-newline-in-the-subject",
        sheet('email,name\nann@x-firma.de,Ann\nbob@x-firma.de,"Bob\nBcc: eve@x.de"\n'),
        "header-control",
        3,
        says="message.subject becomes 'Hello Bob\\nBcc",
        file=TOML,
    ),
    Case("17-twice", sheet("email,Email\na@x.de,b\n"), "column-twice", 1, "Email", "A and B"),
    Case(
        "18-spaces",
        sheet(PEOPLE.replace("email,name", " email ,\u00a0name")),
        "column-tidied",
        1,
        "email",
        "is read as 'email'",
        kind="note",
    ),
    Case(
        "19-two-words",
        body("Dear\n{{ first name }}\n"),
        "template-syntax",
        file="body.txt",
        says="",
    ),
    Case("20-self", sheet("email,self\na@x.de,b\n"), "column-reserved", 1, "self", "templates use"),
    Case(
        "22-required",
        both(
            sheet(PEOPLE.replace("Bob", " ")),
            lambda office: office.configure(recipients={"required": '["name"]'}),
        ),
        "cell-empty",
        3,
        "name",
    ),
    Case(
        "22-gap",
        sheet(PEOPLE.replace("Bob", "")),
        "empty-value",
        3,
        "name",
        "'Dear ,'",
        kind="warning",
        file="body.txt",
    ),
    Case(
        "25-lost-digits",
        both(use("id"), workbook([*HEAD, "id"], [*ANN, 9007199254740993])),
        "digits-lost",
        2,
        "id",
        "C2",
        kind="warning",
        file=XLSX,
    ),
    Case(
        "26-date",
        both(
            use("day"),
            workbook(
                [*HEAD, "day"],
                [*ANN, dt.date(2026, 1, 2)],
                change=formatted("C2", "mm-dd-yy"),
            ),
        ),
        "number-format",
        2,
        "day",
        "2026-01-02",
        kind="warning",
        file=XLSX,
    ),
    Case(
        "28-formula",
        both(use("sum"), workbook([*HEAD, "sum"], [*ANN, "=1+1"], [*BOB, 2])),
        "formula-not-calculated",
        2,
        "sum",
        "C2 is not calculated",
        file=XLSX,
    ),
    Case(
        "28-formula-error",
        sheet(PEOPLE.replace("Bob", "#N/A")),
        "formula-error",
        3,
        "name",
        'would show "#N/A"',
    ),
    *[
        Case(f"29-{name}", sheet(f"{PEOPLE}{cell},Ann\n"), code, 4, "email", "row 2", kind)
        for name, cell, code, kind in SAME
    ],
    Case(
        "29-idn",
        sheet("email,name\na@müller.de,Ann\na@xn--mller-kva.de,Bob\n"),
        "duplicate",
        3,
        "email",
        "row 2",
    ),
    Case(
        "30-merged",
        workbook(HEAD, ANN, ["bob@x-firma.de", None], change=merged),
        "cells-merged",
        2,
        "name",
        "B2:B3",
        file=XLSX,
    ),
    Case(
        "31-hidden-rows",
        workbook(HEAD, ANN, BOB, change=hidden),
        "rows-hidden",
        says="hidden rows are included: 1 (3)",
        kind="warning",
        file=XLSX,
    ),
    Case(
        "32-sheets",
        workbook(HEAD, ANN, change=second_sheet),
        "sheet-choice",
        says='"Guests", "Staff"',
        file=XLSX,
    ),
    Case(
        "33-password",
        sheet((DATA / "protected.xlsx").read_bytes(), XLSX),
        "file-protected",
        says="protected by a password",
        file=XLSX,
    ),
    Case("34-pdf", sheet(b"%PDF-1.7\n"), "format-unknown", says="a PDF document"),
    Case(
        "36-vanished",
        lambda office: (office.folder / CSV).unlink(),
        "no-file",
        says="there is no such file",
    ),
    Case(
        "37-bidi",
        sheet(PEOPLE.replace("Bob", "B\u202eob")),
        "cell-invisible",
        3,
        "name",
        "U+202E after 'B'",
        kind="warning",
    ),
    *[
        Case(f"38-{name}", address(cell), code, 3, "email")
        for name, cell, code in (
            ("empty", "", "address-empty"),
            ("no-at", "bob", "address-no-at"),
            ("two-at", "a@b@c.com", "address-two-at"),
            ("leading-dot", ".foo@x.de", "address-dots"),
            ("two-dots", "foo..bar@x.de", "address-dots"),
            ("long-local-part", "a" * 65 + "@x.de", "address-long"),
            ("long-domain", "a@" + "b." * 127 + "de", "address-long"),
            ("underscore", "a@b_c.de", "address-domain"),
            ("hyphen", "a@-b.de", "address-domain"),
            ("single-label", "foo@localhost", "address-single-label"),
            ("literal", "foo@[127.0.0.1]", "address-literal"),
            ("trailing-semicolon", "bob@x-firma.de;", "address-"),
            ("mailto", "mailto:bob@x-firma.de", "address-"),
            ("name", "Bob <bob@x-firma.de>", "address-name"),
            ("angles", "<bob@x-firma.de>", "address-"),
            ("two", "bob@x-firma.de, eve@x-firma.de", "address-"),
            ("smart-quotes", "“bob”@x-firma.de", "address-"),
        )
    ],
    Case(
        "39-local-part-in-utf-8",
        address("jürgen@x-firma.de"),
        "needs-smtputf8",
        3,
        "email",
        "jürgen@x-firma.de",
        kind="warning",
    ),
    Case(
        "41-reverse-path",
        message(reverse_path='"bounces"'),
        "reverse-path-address",
        column="message.reverse_path",
        says="bounces",
        file=TOML,
    ),
    Case(
        "41-reply-to",
        message(reply_to='"editor@"'),
        "reply-to-address",
        column="message.reply_to",
        says="editor@",
        file=TOML,
    ),
    Case(
        "42-undefined-on-one-row",
        body("Dear {{ name }},\n{% if name == 'Bob' %}\n{{ nmae }}\n{% endif %}\n"),
        "undefined-variable",
        3,
        says="the variable nmae is not defined",
        file="body.txt",
    ),
    Case(
        "43-filter-on-one-row",
        both(
            sheet(PEOPLE.replace("name", "name,n").replace("Ann", "Ann,1").replace("Bob", "Bob,")),
            body("Dear {{ name }},\n{{ 10 // n|int }}\n"),
        ),
        "template-failed",
        3,
        says="division",
        file="body.txt",
    ),
    Case("44-syntax", body("Dear\n{{ name }\n"), "template-syntax", file="body.txt"),
    Case(
        "45-endless",
        body("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"),
        "template-endless",
        2,
        says="does not end within 1,000,000 steps",
        file="body.txt",
    ),
    Case(
        "45-huge",
        body("{{ name * 99999999 }}"),
        "template-endless",
        2,
        says="10,000,000 characters",
        file="body.txt",
    ),
    Case(
        "46-empty-subject-on-one-row",
        both(
            message(subject="\"{% if name != 'Bob' %}Hello{% endif %}\""),
        ),
        "empty-subject",
        3,
        "message.subject",
        "the subject is empty",
        file=TOML,
    ),
    Case(
        "46-long-subject",
        sheet(PEOPLE.replace("Bob", "B" * 150)),
        "long-subject",
        3,
        "message.subject",
        "156 characters",
        kind="warning",
        file=TOML,
    ),
    Case(
        "46-subject-over-998-octets",
        sheet(PEOPLE.replace("Bob", "B" * 1200)),
        "long-subject",
        3,
        "message.subject",
        "1,206 octets",
        file=TOML,
    ),
    Case(
        "46-subject-of-many-words",
        sheet(PEOPLE.replace("Bob", "Bob " * 300)),
        "long-subject",
        3,
        "message.subject",
        "1,205 octets",
        file=TOML,
    ),
    Case("47-empty-body", body(" \n"), "empty-body", 2, says="empty", file="body.txt"),
    Case(
        "47-no-text-part",
        both(page(""), message(text="")),
        "no-text-part",
        column="message.text",
        kind="warning",
        file=TOML,
    ),
    Case("48-random", body("{{ [name]|random }}"), "template-syntax", file="body.txt"),
    Case(
        "48-now",
        body("Dear {{ name }},\n{{ now() }}"),
        "undefined-variable",
        2,
        says="now",
        file="body.txt",
    ),
    Case(
        "49-missing-include",
        body('Dear {{ name }},\n{% include "footer.txt" %}\n'),
        "template-missing",
        says="footer.txt",
        file="body.txt",
    ),
    Case(
        "49-circular-include",
        body('Dear {{ name }},\n{% include "body.txt" %}\n'),
        "template-endless",
        2,
        says="without an end",
        file="body.txt",
    ),
    Case(
        "52-missing-image",
        page('<img src="images/logo.png" alt="">'),
        "asset-missing",
        says="images/logo.png",
        file="body.html",
    ),
    Case(
        "52-empty-image",
        page('<img src="logo.png" alt="">', logo_png=b""),
        "asset-empty",
        says="logo.png",
        file="body.html",
    ),
    Case(
        "52-missing-attachment-on-one-row",
        both(
            message(attachments='["{{ name }}.pdf"]'),
            file("Ann.pdf", "%PDF-"),
        ),
        "asset-missing",
        3,
        "message.attachments",
        'the attachment "Bob.pdf"',
        file=TOML,
    ),
    Case(
        "52-missing-attachment-of-everybody",
        message(attachments='["terms.pdf"]'),
        "asset-missing",
        None,
        "message.attachments",
        'the attachment "terms.pdf"',
        file=TOML,
    ),
    Case(
        "52-attached-folder",
        both(
            message(attachments='["papers"]'),
            lambda office: (office.folder / "papers").mkdir(),
        ),
        "asset-not-a-file",
        None,
        "message.attachments",
        "papers",
        file=TOML,
    ),
    Case(
        "52-attachment-outside",
        both(
            message(attachments='["{{ name }}"]'),
            sheet(PEOPLE.replace("Ann", "../a")),
            file("Bob", "x"),
        ),
        "asset-outside",
        2,
        says="../a",
        file=TOML,
    ),
    Case(
        "62-unsubscribe-with-a-space",
        message(headers='{ List-Unsubscribe = "<https://x-firma.de/u/{{ name }} 1>" }'),
        "list-unsubscribe",
        2,
        "message.headers.List-Unsubscribe",
        "not a list of <URL>",
        file=TOML,
    ),
    Case(
        "62-unsubscribe-over-http",
        message(headers='{ List-Unsubscribe = "<http://x-firma.de/u/{{ name }}>" }'),
        "list-unsubscribe",
        2,
        "message.headers.List-Unsubscribe",
        "is not https",
        file=TOML,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_bad_input_is_told_with_its_place(office: Office, case: Case) -> None:
    case.spoil(office)
    found = told(office, case.kind)
    assert found.code.startswith(case.code)
    assert (found.file, found.column) == (case.file, case.column)
    assert case.says in found.message
    report = office.check()
    rows = [p.row for p in (*report.problems, *report.notes) if p.code == found.code]
    assert rows[0] == case.row
    assert office.server.connected == 0


def told(office: Office, kind: Kind) -> Problem:
    """The one thing that is told; an error must also keep the real send from connecting."""
    if kind == "error":
        return office.error()
    report = office.check()
    assert report.errors == 0
    if kind == "note":
        assert report.problems == ()
        assert report.passed(strict=True)
        return report.notes[0]
    (group,) = report.groups
    assert not report.passed(strict=True)
    return group.shared


FINE: dict[str, Spoil] = {
    "03-byte-order-mark": sheet(b"\xef\xbb\xbf" + PEOPLE.encode()),
    "08-cr-only": sheet(PEOPLE.replace("\n", "\r")),
    "15-newline-in-the-body": both(
        sheet('email,name,note\nann@x-firma.de,Ann,"a\nb"\n'), use("note")
    ),
    "16-blank-rows": sheet(PEOPLE.replace("\nbob", "\n\n,\n  ,\nbob") + ",\n\n"),
    "19-chinese-header": both(sheet(PEOPLE.replace("name", "姓名")), body("Dear {{ 姓名 }}"),
                              message(subject='"Hello"')),
    "20-items": both(sheet(PEOPLE.replace("name", "items")), body("Dear {{ row.items }}"),
                     message(subject='"Hello"')),
    "21-na": sheet(PEOPLE.replace("Ann", "NA").replace("Bob", "null")),
    "23-integers-with-blanks": both(
        sheet("email,name,n\na@x-firma.de,A,1\nb@x-firma.de,B,\n"), use("n")
    ),
    "24-leading-zeros": both(
        use("id"), workbook([*HEAD, "id"], [*ANN, 123], change=formatted("C2", "00000"))
    ),
    "27-booleans": both(use("ok"), workbook([*HEAD, "ok"], [*ANN, True])),
    "34-csv-called-xlsx": sheet(PEOPLE, XLSX),
    "38-full-width": address("bob＠x-firma。de"),
    "40-reserved-in-a-rehearsal": address("bob@example.org"),
    "50-long-lines-and-dots": body("Dear {{ name }},\n.\n..\n" + "x" * 5000 + "\r\rend\n"),
    "62-good-unsubscribe": message(
        headers='{ List-Unsubscribe = "<https://x-firma.de/u/{{ name }}>, <mailto:u@x-firma.de>" }'
    ),
}  # fmt: skip


@pytest.mark.parametrize("spoil", FINE.values(), ids=FINE.keys())
def test_what_is_only_unusual_is_no_problem(office: Office, spoil: Spoil) -> None:
    spoil(office)
    report = office.check()
    assert report.problems == ()
    assert report.recipients in {1, 2}
    assert office.server.connected == 0


def test_21_to_27_cells_reach_the_message_as_they_stand(office: Office) -> None:
    cells = ["NA", "007", "9007199254740993", "34.30", "True", "nan"]
    office.people("email,name\n" + "".join(f"p{n}@x-firma.de,{c}\n" for n, c in enumerate(cells)))
    assert office.check().subjects == ("Hello NA", "Hello 007", "Hello 9007199254740993")


def test_35_memory_is_bounded_whatever_is_wrong(office: Office) -> None:
    rows = "".join(f"not an address {n},{n}\n" for n in range(30_000))
    office.people("email,name\n" + rows)
    report = office.check()
    assert report.errors == 30_000
    assert len(report.groups) == 1
    assert len(report.problems) == 1_000


def test_36_a_file_that_changes_while_it_is_read(office: Office) -> None:
    office.people("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(40_000)))
    path = office.folder / CSV
    changed = threading.Event()

    def change(_: int) -> None:
        if not changed.is_set():
            path.write_text(path.read_text() + "late@x-firma.de,Late\n")
            changed.set()

    check = Check(office.campaign, CheckOptions(), change)
    (problem,) = [one for one in check.run().problems if one.severity == "error"]
    assert place(problem)[:2] == ("file-changed", CSV)


def test_36_a_pipe_is_read_once_and_known(office: Office) -> None:
    path = office.folder / CSV
    path.unlink()
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(PEOPLE,))
    writer.start()
    report = office.check()
    writer.join()
    assert (report.recipients, report.problems) == (2, ())


def test_40_reserved_domains_are_an_error_of_a_real_send(office: Office) -> None:
    office.people("email,name\nann@example.org,Ann\nbob@shop.test,Bob\n")
    problems = office.problems(for_real=True)
    assert [place(p) for p in problems] == [
        ("reserved-domain", CSV, 2, "email"),
        ("reserved-domain", CSV, 3, "email"),
    ]
    assert {p.severity for p in problems} == {"error"}


def test_41_a_sender_that_is_no_address(office: Office) -> None:
    office.configure(message={"from": '"News <news@localhost>"'})
    problem = office.problem()
    assert place(problem) == ("from-address", TOML, None, "message.from")
    assert "has no dot" in problem.message
    status, _, shown = office.run("send", "--yes")
    assert status == 3
    assert "has no dot" in shown
    assert office.server.connected == 0


def test_42_every_row_is_listed_and_every_template_looked_at(office: Office) -> None:
    office.configure(message={"subject": '"{{ a }}"', "html": '"body.html"'})
    office.write("body.html", HTML % "{{ b }}")
    office.write("body.txt", "{{ c }}")
    office.people("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(300)))
    groups = [group for group in office.refuse().groups if group.first.severity == "error"]
    assert {(g.first.file, g.first.message[-24:], g.count) for g in groups} == {
        (TOML, "variable a is not defined"[-24:], 300),
        ("body.html", "variable b is not defined"[-24:], 300),
        ("body.txt", "variable c is not defined"[-24:], 300),
    }


def test_51_half_a_character_is_refused_by_its_row(office: Office) -> None:
    office.write("recipients.jsonl", '{"email": "ann@x-firma.de", "name": "A\\ud83d"}\n')
    office.configure(recipients={"file": '"recipients.jsonl"'})
    problem = office.error()
    assert (problem.file, problem.column) == ("recipients.jsonl", "name")
    assert "U+D83D" in problem.message


def test_52_an_attachment_that_nobody_may_read(office: Office) -> None:
    if os.geteuid() == 0:
        (office.folder / "terms.pdf").symlink_to("terms.pdf")  # a link to itself
    else:
        office.write("terms.pdf", "x").chmod(0)
    office.configure(message={"attachments": '["terms.pdf"]'})
    assert place(office.error()) == ("asset-unreadable", TOML, None, "message.attachments")


def test_52_every_missing_file_is_named_at_once(office: Office) -> None:
    office.configure(message={"html": '"body.html"', "attachments": '["a.pdf", "{{ name }}.pdf"]'})
    images = '\n<img src="one.png" alt="">\n<img src="two.png" alt="">'
    office.write("body.html", HTML % images)
    problems = office.refuse().problems
    assert [(p.line, p.message) for p in problems if p.file == "body.html"] == [
        (2, "there is no file one.png in the campaign folder"),
        (3, "there is no file two.png in the campaign folder"),
    ]


def test_52_attachments_are_all_named_with_names_of_any_script(office: Office) -> None:
    office.configure(message={"attachments": '["合同.pdf", "a \\"b\\".pdf", "{{ name }}.pdf"]'})
    office.write("Ann.pdf", "x")
    messages = sorted(p.message for p in office.refuse().problems)
    assert [m.partition(": ")[0] for m in messages] == [
        'the attachment "Bob.pdf"',
        'the attachment "a "b".pdf"',
        'the attachment "合同.pdf"',
    ]


def test_53_a_message_larger_than_the_provider_takes(office: Office) -> None:
    office.configure(
        message={"attachments": '["big.bin"]', "from": '"news@gmail.com"'},
        smtp={"provider": '"gmail"', "username": '"news@gmail.com"', "host": "", "port": "",
              "security": ""},
    )  # fmt: skip
    office.write("big.bin", os.urandom(30_000_000))
    (group,) = [g for g in office.check().groups if g.first.severity == "error"]
    assert group.first.code == "too-large"
    assert group.count == 2
    assert "39." in group.first.message
    assert "takes 25.0 MB" in group.first.message


def test_54_the_sum_of_all_messages_is_told(office: Office) -> None:
    office.configure(message={"attachments": '["a.bin"]'})
    office.write("a.bin", os.urandom(2_000_000))
    report = office.check()
    assert 5_400_000 < report.octets < 5_600_000
    assert report.octets // 2 <= report.largest < report.octets
    _, _, shown = office.run("check")
    assert "5.2 MB in all, the largest message 2.6 MB" in shown


# -- the run and its surroundings -----------------------------------------------------------------


def test_55_a_port_that_speaks_something_else(office: Office) -> None:
    office.configure(smtp={"security": '"tls"'})
    status, _, shown = office.run("send", "--yes")
    assert status != 0
    assert str(office.port) in shown
    assert "TLS" in shown
    assert office.server.taken == 0


def test_55_a_well_known_port_with_the_wrong_security_is_a_warning(office: Office) -> None:
    office.configure(smtp={"host": '"mail.x-firma.de"', "port": "465", "security": '"starttls"'})
    problem = office.warned()
    assert place(problem) == ("port-security", TOML, None, "smtp.security")
    assert "port 465 speaks TLS" in problem.message


def test_56_a_certificate_that_nobody_vouches_for(
    office: Office, certificates: servers.Certificates
) -> None:
    with servers.postfix(servers.Settings(certificates=certificates)) as postfix:
        office.configure(smtp={"port": str(postfix.port), "security": '"starttls"'})
        status, _, shown = office.run("send", "--yes")
    assert status == 2
    assert "certificate" in shown


def test_57_a_wrong_password_stops_and_sends_nothing(
    office: Office, postfix: servers.Postfix, certificates: servers.Certificates
) -> None:
    office.write("ca.pem", certificates.ca_file.read_bytes())
    office.configure(
        smtp={"port": str(postfix.port), "security": '"starttls"', "ca_file": '"ca.pem"',
              "username": '"news"', "password_command": '"echo wrong"'},
    )  # fmt: skip
    status, _, shown = office.run("send", "--yes")
    assert status == 4
    assert "535" in shown
    _, out, _ = office.run("status", "--json")
    assert json.loads(out)["states"]["pending"] == 2


@pytest.mark.parametrize("year", [1970, 2024])
def test_58_a_clock_that_cannot_be_right(office: Office, year: int) -> None:
    then = dt.datetime(year, 1, 2, tzinfo=dt.UTC)
    (problem,) = Check(office.campaign, CheckOptions(), now=lambda: then).run().problems
    assert (problem.severity, problem.code) == ("warning", "clock")
    assert f"{year}-01-02" in problem.message


def test_58_a_clock_behind_the_campaigns_own_files(office: Office) -> None:
    later = dt.datetime.now(dt.UTC).timestamp() + 3 * 86_400
    os.utime(office.folder / CSV, (later, later))
    (problem,) = office.problems()
    assert problem.code == "clock"


def ledger_of(office: Office) -> Path:
    (path,) = (office.folder / ".mailmerge").glob("ledger*.sqlite")
    return path


def begun(office: Office) -> Path:
    """A campaign of which one message is sent."""
    status, _, _ = office.run("send", "--yes", "--limit", "1")
    assert status in {0, 5, 75}
    assert office.server.taken == 1
    return ledger_of(office)


@pytest.mark.parametrize("damage", ["corrupted", "newer"])
def test_59_a_ledger_that_cannot_be_used_is_left_alone(office: Office, damage: str) -> None:
    path = begun(office)
    if damage == "corrupted":
        for beside in path.parent.glob(f"{path.name}-*"):
            beside.unlink()
        path.write_bytes(b"not a database" * 1000)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 999")
        connection.close()
    before = path.read_bytes()
    status, _, shown = office.run("send", "--yes")
    assert status == 75
    assert path.name in shown or "ledger" in shown
    if damage == "corrupted":
        assert path.read_bytes() == before
    assert office.server.taken == 1


def test_60_other_content_is_noticed_before_it_goes_on(office: Office) -> None:
    begun(office)
    office.write("body.txt", "Dear {{ name }},\nsomething else\n")
    status, _, shown = office.run("send", "--yes")
    assert status == 2
    assert "not what was begun" in shown
    assert office.server.taken == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_61_a_terminal_that_is_not_utf_8(office: Office, encoding: str) -> None:
    office.people("email,name\n王小明,Ann\n")
    status, _, shown = office.run("check", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert status == 3
    assert "has no @ sign" in shown
    assert "unexpected" not in shown


def test_61_an_output_that_was_closed(office: Office) -> None:
    office.people("email,name\nbob,Bob\n")
    command = f'"{sys.executable}" -m mailmerge check --json "{office.folder}" >&-'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False, timeout=60)
    assert b"Traceback" not in done.stderr


def test_62_one_click_needs_its_exact_words(office: Office) -> None:
    office.configure(
        message={"headers": '{ List-Unsubscribe = "<https://x-firma.de/u>", '
                            'List-Unsubscribe-Post = "One-Click" }'},
    )  # fmt: skip
    assert place(office.error())[3] == "message.headers.List-Unsubscribe-Post"


def test_every_entry_of_the_catalogue_has_its_test() -> None:
    names = [case.id for case in CASES] + list(FINE) + [n for n in globals() if n[:5] == "test_"]
    numbers = {name.removeprefix("test_")[:2] for name in names}
    wanted = {f"{number:02}" for number in range(1, 63)}
    assert wanted - numbers == set()
