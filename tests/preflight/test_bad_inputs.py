"""Bad inputs as real files: each is reported with its place, and nothing is sent.

An input that is accepted is here too: it must not become an error. What belongs to the run goes
through the real command.
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
from mailmerge.preflight.check import Check
from tests import servers
from tests.campaign_folder import SHEET
from tests.preflight.checked import Folder, place

DATA = Path(__file__).parents[1] / "data" / "recipients"
CSV = "recipients.csv"
XLSX = "recipients.xlsx"
TOML = "campaign.toml"
HTML = "<html><body><p>Dear {{ name }},</p>%s</body></html>"

Kind = Literal["error", "warning", "note"]
Spoil = Callable[[Folder], None]


@dataclass(frozen=True)
class Case:
    """One bad input: how it comes about, and what is reported."""

    id: str
    spoil: Spoil
    code: str
    row: int | None = None
    column: str = ""
    says: str = ""
    kind: Kind = "error"
    file: str = CSV


def sheet(content: str | bytes, name: str = CSV) -> Spoil:
    return lambda folder: folder.recipients(content, name)


def address(cell: str) -> Spoil:
    quoted = cell.replace('"', '""')
    return sheet(f'email,name\nann@x-firma.de,Ann\n"{quoted}",Bob\n')


def file(name: str, content: str | bytes) -> Spoil:
    def spoil(folder: Folder) -> None:
        folder.write(name, content)

    return spoil


def body(text: str) -> Spoil:
    return file("body.txt", text)


def message(**keys: str) -> Spoil:
    return lambda folder: folder.configure(message=keys)


def page(inside: str, **files: bytes) -> Spoil:
    def spoil(folder: Folder) -> None:
        folder.configure(message={"html": '"body.html"'})
        folder.write("body.html", HTML % inside)
        for name, content in files.items():
            folder.write(name.replace("_", "."), content)

    return spoil


def workbook(*rows: list[object], change: Callable[[Any], None] = lambda _: None) -> Spoil:
    def spoil(folder: Folder) -> None:
        book = openpyxl.Workbook()
        active: Any = book.active
        for row in rows:
            active.append(row)
        change(active)
        book.save(folder.path / XLSX)
        folder.configure(recipients={"file": f'"{XLSX}"'})

    return spoil


def in_english(folder: Folder) -> None:
    folder.configure(recipients={"locale": '"en-US"'})


def both(*spoils: Spoil) -> Spoil:
    def spoil(folder: Folder) -> None:
        for one in spoils:
            one(folder)

    return spoil


def use(*names: str) -> Spoil:
    """Let the template use these columns, so that none is reported as unused."""
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
    Case("empty", sheet(b""), "file-empty", says="the file is empty"),
    Case("header-only", sheet("email,name\n"), "no-recipients", 1, says="no rows below"),
    Case(
        "utf-16",
        sheet(SHEET.replace("Ann", "Zoë").encode("utf-16")),
        "encoding-chosen",
        says='read as UTF-16, such as "Zoë"',
        kind="note",
    ),
    Case(
        "utf-32",
        sheet(SHEET.encode("utf-32")),
        "encoding-chosen",
        says="read as UTF-32",
        kind="note",
    ),
    Case(
        "gb18030",
        sheet("email,name\nann@x-firma.de,王小明\nbob@x-firma.de,李小红\n".encode("gb18030")),
        "encoding-chosen",
        says='read as GB18030, such as "王小明"',
        kind="warning",
    ),
    Case(
        "mixed-encodings",
        sheet(SHEET.replace("Ann", "Zoë").encode() + b"cy@x-firma.de,Ren\xe9e\n"),
        "encoding-mixed",
        4,
        says="line 4, byte",
    ),
    Case("nul", sheet(SHEET.replace("Bob", "B\0b")), "cell-not-text", 3, "name", "U+0000"),
    Case("no-header", sheet(SHEET.partition("\n")[2]), "no-header", 1, says="ann@x-firma.de"),
    Case("title", sheet("Guests of 2026\n" + SHEET), "title-row", 1, says="Guests of 2026"),
    Case(
        "semicolon",
        sheet(SHEET.replace(",", ";")),
        "delimiter-chosen",
        says="semicolon",
        kind="note",
    ),
    Case("tab", sheet(SHEET.replace(",", "\t")), "delimiter-chosen", says="tab", kind="note"),
    Case(
        "too-many-in-the-first-row",
        sheet(SHEET.replace("Ann", "Ann,Rome")),
        "row-too-long",
        2,
        says="3 cells, the header has 2",
    ),
    Case(
        "too-many-later",
        sheet(SHEET.replace("Bob", "Bob,Rome")),
        "row-too-long",
        3,
        says="3",
    ),
    Case(
        "too-few",
        both(use("n"), sheet("email,name,n\nann@x-firma.de,Ann,1\nbob@x-firma.de,Bob\n")),
        "row-too-short",
        3,
        says="2 cells, the header has 3",
        kind="warning",
    ),
    Case(
        "open-quote",
        sheet(SHEET.replace("Bob", '"Bob')),
        "quote-open",
        3,
        says="not closed",
    ),
    Case(
        "newline-in-an-address",
        address("bob@x-firma.de\nBcc: eve@x-firma.de"),
        "address-control",
        3,
        "email",
    ),
    Case(
        "newline-in-the-subject",
        sheet('email,name\nann@x-firma.de,Ann\nbob@x-firma.de,"Bob\nBcc: eve@x.de"\n'),
        "header-control",
        3,
        says="message.subject becomes 'Hello Bob\\nBcc",
        file=TOML,
    ),
    Case("twice", sheet("email,Email\na@x.de,b\n"), "column-twice", 1, "Email", "A and B"),
    Case(
        "spaces",
        sheet(SHEET.replace("email,name", " email ,\u00a0name")),
        "column-tidied",
        1,
        "email",
        "is read as 'email'",
        kind="note",
    ),
    Case(
        "two-words",
        body("Dear\n{{ first name }}\n"),
        "template-syntax",
        file="body.txt",
        says="",
    ),
    Case("self", sheet("email,self\na@x.de,b\n"), "column-reserved", 1, "self", "templates use"),
    Case(
        "required",
        both(
            sheet(SHEET.replace("Bob", " ")),
            lambda folder: folder.configure(recipients={"required": '["name"]'}),
        ),
        "cell-empty",
        3,
        "name",
    ),
    Case(
        "gap",
        sheet(SHEET.replace("Bob", "")),
        "empty-value",
        3,
        "name",
        "'Dear ,'",
        kind="warning",
        file="body.txt",
    ),
    Case(
        "lost-digits",
        both(use("id"), workbook([*HEAD, "id"], [*ANN, 9007199254740993])),
        "digits-lost",
        2,
        "id",
        "C2",
        kind="warning",
        file=XLSX,
    ),
    Case(
        "date",
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
        "formula",
        both(use("sum"), workbook([*HEAD, "sum"], [*ANN, "=1+1"], [*BOB, 2])),
        "formula-not-calculated",
        2,
        "sum",
        "C2 is not calculated",
        file=XLSX,
    ),
    Case(
        "formula-error",
        sheet(SHEET.replace("Bob", "#N/A")),
        "formula-error",
        3,
        "name",
        'would show "#N/A"',
    ),
    *[
        Case(f"same-address-{name}", sheet(f"{SHEET}{cell},Ann\n"), code, 4, "email", "row 2", kind)
        for name, cell, code, kind in SAME
    ],
    Case(
        "idn",
        sheet("email,name\na@müller.de,Ann\na@xn--mller-kva.de,Bob\n"),
        "duplicate",
        3,
        "email",
        "row 2",
    ),
    Case(
        "merged",
        workbook(HEAD, ANN, ["bob@x-firma.de", None], change=merged),
        "cells-merged",
        2,
        "name",
        "B2:B3",
        file=XLSX,
    ),
    Case(
        "hidden-rows",
        workbook(HEAD, ANN, BOB, change=hidden),
        "rows-hidden",
        says="hidden rows are included: 1 (3)",
        kind="warning",
        file=XLSX,
    ),
    Case(
        "sheets",
        workbook(HEAD, ANN, change=second_sheet),
        "sheet-choice",
        says='"Guests", "Staff"',
        file=XLSX,
    ),
    Case(
        "password",
        sheet((DATA / "protected.xlsx").read_bytes(), XLSX),
        "file-protected",
        says="protected by a password",
        file=XLSX,
    ),
    Case("pdf", sheet(b"%PDF-1.7\n"), "format-unknown", says="a PDF document"),
    Case(
        "vanished",
        lambda folder: (folder.path / CSV).unlink(),
        "no-file",
        says="there is no such file",
    ),
    Case(
        "bidi",
        sheet(SHEET.replace("Bob", "B\u202eob")),
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
        "local-part-in-utf-8",
        address("jürgen@x-firma.de"),
        "needs-smtputf8",
        3,
        "email",
        "jürgen@x-firma.de",
        kind="warning",
    ),
    Case(
        "reverse-path",
        message(reverse_path='"bounces"'),
        "reverse-path-address",
        column="message.reverse_path",
        says="bounces",
        file=TOML,
    ),
    Case(
        "reply-to",
        message(reply_to='"editor@"'),
        "reply-to-address",
        column="message.reply_to",
        says="editor@",
        file=TOML,
    ),
    Case(
        "undefined-on-one-row",
        body("Dear {{ name }},\n{% if name == 'Bob' %}\n{{ nmae }}\n{% endif %}\n"),
        "undefined-variable",
        3,
        says="the variable nmae is not defined",
        file="body.txt",
    ),
    Case(
        "filter-on-one-row",
        both(
            sheet(SHEET.replace("name", "name,n").replace("Ann", "Ann,1").replace("Bob", "Bob,")),
            body("Dear {{ name }},\n{{ 10 // n|int(0) }}\n"),
        ),
        "template-failed",
        3,
        says="division",
        file="body.txt",
    ),
    Case("syntax", body("Dear\n{{ name }\n"), "template-syntax", file="body.txt"),
    Case(
        "endless",
        body("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"),
        "template-endless",
        2,
        says="does not end within 1,000,000 steps",
        file="body.txt",
    ),
    Case(
        "huge",
        body("{{ name * 99999999 }}"),
        "template-endless",
        2,
        says="10,000,000 characters",
        file="body.txt",
    ),
    Case(
        "empty-subject-on-one-row",
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
        "long-subject",
        sheet(SHEET.replace("Bob", "B" * 150)),
        "long-subject",
        3,
        "message.subject",
        "156 characters",
        kind="warning",
        file=TOML,
    ),
    Case(
        "subject-over-998-bytes",
        sheet(SHEET.replace("Bob", "B" * 1200)),
        "long-subject",
        3,
        "message.subject",
        "1,206 bytes",
        file=TOML,
    ),
    Case(
        "subject-of-many-words",
        sheet(SHEET.replace("Bob", "Bob " * 300)),
        "long-subject",
        3,
        "message.subject",
        "1,205 bytes",
        file=TOML,
    ),
    Case("empty-body", body(" \n"), "empty-body", 2, says="empty", file="body.txt"),
    Case(
        "no-text-part",
        both(page(""), message(text="")),
        "no-text-part",
        column="message.text",
        kind="warning",
        file=TOML,
    ),
    Case("random", body("{{ [name]|random }}"), "template-syntax", file="body.txt"),
    Case(
        "now",
        body("Dear {{ name }},\n{{ now() }}"),
        "undefined-variable",
        2,
        says="now",
        file="body.txt",
    ),
    Case(
        "missing-include",
        body('Dear {{ name }},\n{% include "footer.txt" %}\n'),
        "template-missing",
        says="footer.txt",
        file="body.txt",
    ),
    Case(
        "circular-include",
        body('Dear {{ name }},\n{% include "body.txt" %}\n'),
        "template-endless",
        2,
        says="endlessly",
        file="body.txt",
    ),
    Case(
        "missing-image",
        page('<img src="images/logo.png" alt="">'),
        "asset-missing",
        says="images/logo.png",
        file="body.html",
    ),
    Case(
        "empty-image",
        page('<img src="logo.png" alt="">', logo_png=b""),
        "asset-empty",
        says="logo.png",
        file="body.html",
    ),
    Case(
        "missing-attachment-on-one-row",
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
        "missing-attachment-of-all",
        message(attachments='["terms.pdf"]'),
        "asset-missing",
        None,
        "message.attachments",
        'the attachment "terms.pdf"',
        file=TOML,
    ),
    Case(
        "attached-folder",
        both(
            message(attachments='["papers"]'),
            lambda folder: (folder.path / "papers").mkdir(),
        ),
        "asset-not-a-file",
        None,
        "message.attachments",
        "papers",
        file=TOML,
    ),
    Case(
        "attachment-outside",
        both(
            message(attachments='["{{ name }}"]'),
            sheet(SHEET.replace("Ann", "../a")),
            file("Bob", "x"),
        ),
        "asset-outside",
        2,
        "name",
        says="../a",
    ),
    Case(
        "unsubscribe-with-a-space",
        message(headers='{ List-Unsubscribe = "<https://x-firma.de/u/{{ name }} 1>" }'),
        "list-unsubscribe",
        2,
        "message.headers.List-Unsubscribe",
        "not a list of <URL>",
        file=TOML,
    ),
    Case(
        "unsubscribe-over-http",
        message(headers='{ List-Unsubscribe = "<http://x-firma.de/u/{{ name }}>" }'),
        "list-unsubscribe",
        2,
        "message.headers.List-Unsubscribe",
        "is not https",
        file=TOML,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_bad_input_is_reported_with_its_place(folder: Folder, case: Case) -> None:
    case.spoil(folder)
    found = reported(folder, case.kind)
    assert found.code.startswith(case.code)
    assert (found.file, found.column) == (case.file, case.column)
    assert case.says in found.message
    report = folder.check()
    rows = [p.row for p in (*report.problems, *report.notes) if p.code == found.code]
    assert rows[0] == case.row
    assert folder.server.connected == 0


def reported(folder: Folder, kind: Kind) -> Problem:
    """The one problem of this kind; an error must also keep the real send from connecting."""
    if kind == "error":
        return folder.error()
    report = folder.check()
    assert report.errors == 0
    if kind == "note":
        assert report.problems == ()
        assert report.passed(strict=True)
        return report.notes[0]
    (group,) = report.groups
    assert not report.passed(strict=True)
    return group.shared


FINE: dict[str, Spoil] = {
    "byte-order-mark": sheet(b"\xef\xbb\xbf" + SHEET.encode()),
    "cr-only": sheet(SHEET.replace("\n", "\r")),
    "newline-in-the-body": both(
        sheet('email,name,note\nann@x-firma.de,Ann,"a\nb"\n'), use("note")
    ),
    "blank-rows": sheet(SHEET.replace("\nbob", "\n\n,\n  ,\nbob") + ",\n\n"),
    "chinese-header": both(sheet(SHEET.replace("name", "姓名")), body("Dear {{ 姓名 }}"),
                              message(subject='"Hello"')),
    "items": both(sheet(SHEET.replace("name", "items")), body("Dear {{ row.items }}"),
                     message(subject='"Hello"')),
    "na": sheet(SHEET.replace("Ann", "NA").replace("Bob", "null")),
    "integers-with-blanks": both(
        sheet("email,name,n\na@x-firma.de,A,1\nb@x-firma.de,B,\n"), use("n")
    ),
    "leading-zeros": both(
        use("id"), workbook([*HEAD, "id"], [*ANN, 123], change=formatted("C2", "00000"))
    ),
    "booleans": both(
        use("ok"), workbook([*HEAD, "ok"], [*ANN, True]), in_english
    ),
    "csv-called-xlsx": sheet(SHEET, XLSX),
    "full-width": address("bob＠x-firma。de"),
    "reserved-in-a-check": address("bob@example.org"),
    "long-lines-and-dots": body("Dear {{ name }},\n.\n..\n" + "x" * 5000 + "\r\rend\n"),
    "good-unsubscribe": message(
        headers='{ List-Unsubscribe = "<https://x-firma.de/u/{{ name }}>, <mailto:u@x-firma.de>" }'
    ),
}  # fmt: skip


@pytest.mark.parametrize("spoil", FINE.values(), ids=FINE.keys())
def test_an_unusual_input_is_no_problem(folder: Folder, spoil: Spoil) -> None:
    spoil(folder)
    report = folder.check()
    assert report.problems == ()
    assert report.recipients in {1, 2}
    assert folder.server.connected == 0


def test_cells_reach_the_message_unchanged(folder: Folder) -> None:
    cells = ["NA", "007", "9007199254740993", "34.30", "True", "nan"]
    folder.recipients(
        "email,name\n" + "".join(f"p{n}@x-firma.de,{c}\n" for n, c in enumerate(cells))
    )
    assert folder.check().subjects == ("Hello NA", "Hello 007", "Hello 9007199254740993")


def test_memory_is_bounded_for_any_number_of_problems(folder: Folder) -> None:
    rows = "".join(f"not an address {n},{n}\n" for n in range(30_000))
    folder.recipients("email,name\n" + rows)
    report = folder.check()
    assert report.errors == 30_000
    assert len(report.groups) == 1
    assert len(report.problems) == 1_000


def test_a_file_that_changes_during_the_check_is_an_error(folder: Folder) -> None:
    folder.recipients("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(40_000)))
    path = folder.path / CSV
    changed = threading.Event()

    def change(_: int) -> None:
        if not changed.is_set():
            path.write_text(path.read_text() + "late@x-firma.de,Late\n")
            changed.set()

    check = Check(folder.campaign, progress=change)
    (problem,) = [one for one in check.run().problems if one.severity == "error"]
    assert place(problem)[:2] == ("file-changed", CSV)


def test_a_named_pipe_is_read_once(folder: Folder) -> None:
    path = folder.path / CSV
    path.unlink()
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(SHEET,))
    writer.start()
    report = folder.check()
    writer.join()
    assert (report.recipients, report.problems) == (2, ())


def test_reserved_domains_are_errors_of_a_real_send(folder: Folder) -> None:
    folder.recipients("email,name\nann@example.org,Ann\nbob@shop.test,Bob\n")
    problems = folder.problems(for_real=True)
    assert [place(p) for p in problems] == [
        ("reserved-domain", CSV, 2, "email"),
        ("reserved-domain", CSV, 3, "email"),
    ]
    assert {p.severity for p in problems} == {"error"}


def test_send_refuses_a_sender_that_is_no_address(folder: Folder) -> None:
    folder.configure(message={"from": '"News <news@localhost>"'})
    problem = folder.problem()
    assert place(problem) == ("from-address", TOML, None, "message.from")
    assert "has no dot" in problem.message
    status, _, shown = folder.run("send", "--yes")
    assert status == 3
    assert "has no dot" in shown
    assert folder.server.connected == 0


def test_every_row_is_counted_for_every_template(folder: Folder) -> None:
    folder.configure(message={"subject": '"{{ a }}"', "html": '"body.html"'})
    folder.write("body.html", HTML % "{{ b }}")
    folder.write("body.txt", "{{ c }}")
    folder.recipients("email,name\n" + "".join(f"p{n}@x-firma.de,P\n" for n in range(300)))
    groups = [group for group in folder.refuse().groups if group.first.severity == "error"]
    assert {(g.first.file, g.first.message[-24:], g.count) for g in groups} == {
        (TOML, "variable a is not defined"[-24:], 300),
        ("body.html", "variable b is not defined"[-24:], 300),
        ("body.txt", "variable c is not defined"[-24:], 300),
    }


def test_half_a_character_is_an_error_of_its_row(folder: Folder) -> None:
    folder.write("recipients.jsonl", '{"email": "ann@x-firma.de", "name": "A\\ud83d"}\n')
    folder.configure(recipients={"file": '"recipients.jsonl"'})
    problem = folder.error()
    assert (problem.file, problem.column) == ("recipients.jsonl", "name")
    assert "U+D83D" in problem.message


def test_an_unreadable_attachment_is_an_error(folder: Folder) -> None:
    if os.geteuid() == 0:
        (folder.path / "terms.pdf").symlink_to("terms.pdf")  # a link to itself
    else:
        folder.write("terms.pdf", "x").chmod(0)
    folder.configure(message={"attachments": '["terms.pdf"]'})
    assert place(folder.error()) == ("asset-unreadable", TOML, None, "message.attachments")


def test_every_missing_file_is_named(folder: Folder) -> None:
    folder.configure(message={"html": '"body.html"', "attachments": '["a.pdf", "{{ name }}.pdf"]'})
    images = '\n<img src="one.png" alt="">\n<img src="two.png" alt="">'
    folder.write("body.html", HTML % images)
    problems = folder.refuse().problems
    assert [(p.line, p.message) for p in problems if p.file == "body.html"] == [
        (2, "there is no file one.png in the campaign folder"),
        (3, "there is no file two.png in the campaign folder"),
    ]


def test_missing_attachments_of_any_script_are_named(folder: Folder) -> None:
    folder.configure(message={"attachments": '["合同.pdf", "a \\"b\\".pdf", "{{ name }}.pdf"]'})
    folder.write("Ann.pdf", "x")
    messages = sorted(p.message for p in folder.refuse().problems)
    assert [m.partition(": ")[0] for m in messages] == [
        'the attachment "Bob.pdf"',
        'the attachment "a "b".pdf"',
        'the attachment "合同.pdf"',
    ]


def test_a_message_over_the_limit_of_the_provider_is_an_error(folder: Folder) -> None:
    folder.configure(
        message={"attachments": '["big.bin"]', "from": '"news@gmail.com"'},
        smtp={"provider": '"gmail"', "username": '"news@gmail.com"', "host": "", "port": "",
              "security": ""},
    )  # fmt: skip
    folder.write("big.bin", os.urandom(30_000_000))
    (group,) = [g for g in folder.check().groups if g.first.severity == "error"]
    assert group.first.code == "too-large"
    assert group.count == 2
    assert "39." in group.first.message
    assert "takes 25.0 MB" in group.first.message


def test_the_sizes_of_the_messages_are_shown(folder: Folder) -> None:
    folder.configure(message={"attachments": '["a.bin"]'})
    folder.write("a.bin", os.urandom(2_000_000))
    report = folder.check()
    assert 5_400_000 < report.sizes.total < 5_600_000
    assert report.sizes.total // 2 <= report.sizes.largest < report.sizes.total
    _, _, shown = folder.run("check")
    assert "5.2 MB in all, the largest message 2.6 MB" in shown


# -- the run and its surroundings -----------------------------------------------------------------


def test_a_port_without_tls_ends_the_send(folder: Folder) -> None:
    folder.configure(smtp={"security": '"tls"'})
    status, _, shown = folder.run("send", "--yes")
    assert status != 0
    assert str(folder.port) in shown
    assert "TLS" in shown
    assert folder.server.taken == 0


def test_an_unknown_certificate_ends_the_send(
    folder: Folder, certificates: servers.Certificates
) -> None:
    with servers.postfix(servers.Settings(certificates=certificates)) as postfix:
        folder.configure(smtp={"port": str(postfix.port), "security": '"starttls"'})
        status, _, shown = folder.run("send", "--yes")
    assert status == 2
    assert "certificate" in shown


def test_a_wrong_password_ends_the_send(
    folder: Folder, postfix: servers.Postfix, certificates: servers.Certificates
) -> None:
    folder.write("ca.pem", certificates.ca_file.read_bytes())
    folder.configure(
        smtp={"port": str(postfix.port), "security": '"starttls"', "ca_file": '"ca.pem"',
              "username": '"news"', "password_command": '"echo wrong"'},
    )  # fmt: skip
    status, _, shown = folder.run("send", "--yes")
    assert status == 4
    assert "535" in shown
    _, out, _ = folder.run("status", "--json")
    assert json.loads(out)["states"]["pending"] == 2


def ledger_of(folder: Folder) -> Path:
    (path,) = (folder.path / ".mailmerge").glob("ledger*.sqlite")
    return path


def begun(folder: Folder) -> Path:
    """A campaign of which one message is sent."""
    status, _, _ = folder.run("send", "--yes", "--limit", "1")
    assert status in {0, 5, 75}
    assert folder.server.taken == 1
    return ledger_of(folder)


@pytest.mark.parametrize("damage", ["corrupted", "newer"])
def test_an_unusable_ledger_is_not_touched(folder: Folder, damage: str) -> None:
    path = begun(folder)
    if damage == "corrupted":
        for other in path.parent.glob(f"{path.name}-*"):
            other.unlink()
        path.write_bytes(b"not a database" * 1000)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("INSERT INTO migration VALUES ('from the future', 0.0)")
        connection.close()
    before = path.read_bytes()
    status, _, shown = folder.run("send", "--yes")
    assert status == 75
    assert path.name in shown
    if damage == "corrupted":
        assert path.read_bytes() == before
    assert folder.server.taken == 1


def test_changed_content_needs_a_confirmation(folder: Folder) -> None:
    begun(folder)
    folder.write("body.txt", "Dear {{ name }},\nsomething else\n")
    status, _, shown = folder.run("send", "--yes")
    assert status == 2
    assert "changed since the first run" in shown
    assert folder.server.taken == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_utf_8_is_no_error(folder: Folder, encoding: str) -> None:
    folder.recipients("email,name\n王小明,Ann\n")
    status, _, shown = folder.run("check", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert status == 3
    assert "has no @ sign" in shown
    assert "unexpected" not in shown


def test_a_closed_standard_output_is_no_traceback(folder: Folder) -> None:
    folder.recipients("email,name\nbob,Bob\n")
    command = f'"{sys.executable}" -m mailmerge check --json "{folder.path}" >&-'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False, timeout=60)
    assert b"Traceback" not in done.stderr
