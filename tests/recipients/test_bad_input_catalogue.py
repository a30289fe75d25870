"""Every kind of bad spreadsheet that is known, each with its message, its place and its code.

The numbers are those of the catalogue from which the checks were made.
"""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import numbers

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.audience import Recipient
from tests.recipients.conftest import Desk, problems_of

DATA = Path(__file__).parents[1] / "data" / "recipients"


def place(problem: Problem) -> tuple[str, str, int | None, str]:
    return problem.code, problem.file, problem.row, problem.column


def workbook(desk: Desk, *rows: Sequence[object], name: str = "recipients.xlsx") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    path = desk.folder / name
    book.save(path)
    return path


# -- files and encodings --------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b" \n\t\n", b",,\n,,\n"])
def test_01_an_empty_file(desk: Desk, content: bytes) -> None:
    desk.put(content)
    problem = desk.problem()
    assert place(problem) == ("file-empty", "recipients.csv", None, "")
    assert problem.message == "the file is empty"


@pytest.mark.parametrize("body", ["", "\n\n", ",\n ,\n"])
def test_02_a_header_and_nobody(desk: Desk, body: str) -> None:
    desk.put("email,name\n" + body)
    problem = desk.problem()
    assert place(problem) == ("no-recipients", "recipients.csv", 1, "")
    assert str(problem) == (
        "recipients.csv, row 1: there is nobody below the header (add one row for each recipient)"
    )


def test_03_a_byte_order_mark_is_no_part_of_the_first_header(desk: Desk) -> None:
    desk.put(b"\xef\xbb\xbfemail,name\na@x.org,Ann\n")
    assert desk.open().columns == ("email", "name")
    assert desk.people()[0].cells == {"email": "a@x.org", "name": "Ann"}


@pytest.mark.parametrize("codec", ["utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_04_utf_16_and_utf_32_are_read_and_said(desk: Desk, codec: str) -> None:
    desk.put("email,name\na@x.org,Zoë\n".encode(codec))
    assert desk.open().columns == ("email", "name")
    problem = desk.problem()
    assert place(problem) == ("encoding-chosen", "recipients.csv", None, "")
    assert problem.severity == "warning"
    assert problem.message == f'the file is read as {codec[:6].upper()}, such as "Zoë"'


@pytest.mark.parametrize(
    ("file", "said", "cell"),
    [
        ("gb18030.csv", 'GB18030, such as "姓名"', "王小明"),
        ("big5.csv", 'Big5, such as "姓名"', "陳美玲"),
        ("shift-jis.csv", 'Shift-JIS, such as "名前"', "田中さくら"),
        ("windows-1252.csv", 'Windows-1252, such as "Müller"', "Müller"),
        ("windows-1251.csv", 'Windows-1251, such as "Иван"', "Иван"),
    ],
)
def test_05_national_encodings_are_read_and_said(
    desk: Desk, file: str, said: str, cell: str
) -> None:
    desk.put((DATA / file).read_bytes())
    notices = [notice for notice in desk.open().notices if notice.code == "encoding-chosen"]
    assert [notice.message for notice in notices] == [f"the file is read as {said}"]
    assert "encoding = " in notices[0].hint
    first = next(iter(desk.audience()))
    assert isinstance(first, Recipient)
    assert cell in first.cells.values()


def test_06_one_line_in_another_encoding_is_named(desk: Desk) -> None:
    desk.put("email,name\na@x.org,Zoë\n".encode() + b"b@x.org,Ren\xe9e\nc@x.org,Ann\n")
    problem = desk.problem()
    assert place(problem) == ("encoding-mixed", "recipients.csv", 3, "")
    assert "line 3, byte 35 (hex E9) is not UTF-8" in problem.message
    assert "save the file as UTF-8" in problem.hint


def test_06_a_lost_letter_is_pointed_out(desk: Desk) -> None:
    desk.put("email,name\na@x.org,Ren\N{REPLACEMENT CHARACTER}e\n")
    assert place(desk.problem()) == ("cell-damaged", "recipients.csv", 2, "name")


def test_07_a_nul_refuses_its_row_only(desk: Desk) -> None:
    desk.put(b"email,name\na@x.org,A\0nn\nb@x.org,Bob\n")
    problem = desk.problem()
    assert place(problem) == ("cell-not-text", "recipients.csv", 2, "name")
    assert [p.row for p in desk.audience() if isinstance(p, Recipient)] == [3]


def test_08_lines_that_end_with_cr_alone(desk: Desk) -> None:
    desk.put("email,name\ra@x.org,Ann\rb@x.org,Bob\r")
    assert [(p.row, p.cells["name"]) for p in desk.people()] == [(2, "Ann"), (3, "Bob")]


def test_09_no_header_row(desk: Desk) -> None:
    desk.put("a@x.org,Ann\nb@x.org,Bob\n")
    problem = desk.problem()
    assert place(problem) == ("no-header", "recipients.csv", 1, "")
    assert problem.message == 'the first row is a person already: "a@x.org"'
    assert "names of the columns above it" in problem.hint


@pytest.mark.parametrize(
    "above", ["Guests of 2026\n", "# exported on Monday\n", "Guests,,\n", "Guests, all\n\n"]
)
def test_10_a_title_above_the_header(desk: Desk, above: str) -> None:
    desk.put(above + "email,name,city\na@x.org,Ann,Rome\n")
    skip = above.count("\n")
    problem = desk.problem()
    assert place(problem) == ("title-row", "recipients.csv", 1, "")
    assert f"skip_rows = {skip}" in problem.hint
    assert [p.row for p in desk.people(skip_rows=skip)] == [skip + 2]


@pytest.mark.parametrize(
    ("sign", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")]
)
def test_11_other_delimiters_are_found_and_said(desk: Desk, sign: str, name: str) -> None:
    desk.put(f'email{sign}name\na@x.org{sign}"Doe, Ann"\n')
    problem = desk.problem()
    assert place(problem) == ("delimiter-chosen", "recipients.csv", None, "")
    assert problem.severity == "warning"
    assert problem.message == f"the cells are separated by a {name}"
    assert desk.people(delimiter=sign)[0].cells["name"] == "Doe, Ann"
    assert desk.problems(delimiter=sign) == []


def test_11_the_first_line_with_which_excel_names_the_delimiter(desk: Desk) -> None:
    desk.put("sep=;\r\nemail;name\r\na@x.org;Doe, Ann\r\n")
    (person,) = desk.people()
    assert (person.row, person.cells["name"]) == (3, "Doe, Ann")
    assert desk.problems() == []


@pytest.mark.parametrize("row", [2, 3])
def test_12_and_13_one_field_too_many_in_any_row(desk: Desk, row: int) -> None:
    lines = ["email,name", "a@x.org,Ann", "b@x.org,Bob", "c@x.org,Cy"]
    lines[row - 1] += ",EXTRA"
    desk.put("\n".join(lines))
    problem = desk.problem()
    assert place(problem) == ("row-too-long", "recipients.csv", row, "")
    assert problem.severity == "error"
    assert problem.message == "the row has 3 cells, the header has 2"
    names = {p.cells["name"] for p in desk.audience() if isinstance(p, Recipient)}
    assert names == {"Ann", "Bob", "Cy"} - {lines[row - 1].split(",")[1]}


def test_13_one_field_too_few_is_a_warning(desk: Desk) -> None:
    desk.put('email,name,city\na@x.org,"A\nnn"\nb@x.org,Bob,Rome\n')
    problem = desk.problem()
    assert place(problem) == ("row-too-short", "recipients.csv", 2, "")
    assert problem.severity == "warning"
    people = [p for p in desk.audience() if isinstance(p, Recipient)]
    assert [p.cells["city"] for p in people] == ["", "Rome"]
    assert people[0].cells["name"] == "A\nnn"


def test_14_a_quotation_mark_that_is_never_closed(desk: Desk) -> None:
    desk.put('email,name\na@x.org,Ann\nb@x.org,"Bob\nc@x.org,Cy\n' + "d@x.org,Di\n" * 3)
    problem = desk.problem()
    assert place(problem) == ("quote-open", "recipients.csv", 3, "")
    assert "is not closed" in problem.message


def test_14_a_quotation_mark_that_swallows_hundreds_of_rows(desk: Desk) -> None:
    rows = "".join(f"p{n}@x.org,P\n" for n in range(600))
    desk.put(f'email,name\na@x.org,"Ann\n{rows}z@x.org,"\ny@x.org,Yan\n')
    problem = desk.problem()
    assert place(problem) == ("quote-open", "recipients.csv", 2, "")


def test_14_a_quotation_mark_inside_a_quoted_cell(desk: Desk) -> None:
    desk.put('email,name\na@x.org,Ann\nb@x.org,"the "great" Bob"\n')
    problem = desk.problem()
    assert place(problem) == ("quote-stray", "recipients.csv", 3, "")
    assert '""' in problem.hint
    assert [p.row for p in desk.audience() if isinstance(p, Recipient)] == [2]


def test_15_a_newline_in_a_cell_is_text_but_no_address(desk: Desk) -> None:
    desk.put('email,note\na@x.org,"one\r\ntwo"\n"b@x.org\nBcc: c@x.org",x\nd@x.org,y\n')
    problem = desk.problem()
    assert place(problem) == ("address-control", "recipients.csv", 4, "email")
    people = [p for p in desk.audience() if isinstance(p, Recipient)]
    assert [(p.row, p.cells["note"]) for p in people] == [(2, "one\r\ntwo"), (6, "y")]


def test_16_blank_rows_are_passed_over_and_counted(desk: Desk) -> None:
    desk.put("email,name\n\na@x.org,Ann\n,,,\n   \n,\nb@x.org,Bob\n , \n\t,\n")
    assert desk.problems() == []
    spreadsheet = desk.open()
    assert [row.number for row in spreadsheet.rows()] == [3, 7]
    assert spreadsheet.blank_rows == 6


@pytest.mark.parametrize("second", ["email", " email ", "EMAIL"])
def test_17_two_columns_of_one_name(desk: Desk, second: str) -> None:
    desk.put(f"email,{second}\na@x.org,b@x.org\n")
    problem = desk.problem()
    assert place(problem) == ("column-twice", "recipients.csv", 1, second.strip())
    assert "columns A and B are both called" in problem.message


def test_18_headers_are_tidied_and_it_is_said(desk: Desk) -> None:
    desk.put(
        "\u00a0Email ,first \u00a0 name,n\ufeffame,Stra\u00dfe,cafe\u0301\na@x.org,Ann,A,S,C\n"
    )
    assert desk.open().columns == ("Email", "first name", "name", "Straße", "café")
    problems = desk.problems()
    assert {place(problem) for problem in problems} == {
        ("column-tidied", "recipients.csv", 1, name)
        for name in ("Email", "first name", "name", "café")
    }
    assert {problem.severity for problem in problems} == {"warning"}


def test_19_columns_may_be_called_anything(desk: Desk) -> None:
    desk.put("email,姓名,first name,2nd,a-b,items\na@x.org,王小明,Xiaoming,2,c,i\n")
    (person,) = desk.people(where="姓名 == '王小明' and row['first name'] and row['a-b'] == 'c'")
    assert person.cells["items"] == "i"


@pytest.mark.parametrize("name", ["self", "row", "campaign", "loop", "range", "none", "True"])
def test_20_names_that_templates_use_are_refused(desk: Desk, name: str) -> None:
    desk.put(f"email,{name}\na@x.org,x\n")
    problem = desk.problem()
    assert place(problem) == ("column-reserved", "recipients.csv", 1, name)
    assert problem.message == f'column B cannot be called "{name}": templates use that name'
    assert problem.hint == f'call it "{name}_"'


def test_20_a_column_without_a_name(desk: Desk) -> None:
    desk.put("email,,name\na@x.org,x,y\n")
    problem = desk.problem()
    assert place(problem) == ("column-unnamed", "recipients.csv", 1, "")
    assert problem.message == "column B has no name"


def test_a_column_that_is_not_there_is_named_with_the_nearest(desk: Desk) -> None:
    desk.put("E-Mail,name\na@x.org,Ann\n".replace("a@x.org", "a"))
    problem = desk.problem()
    assert place(problem) == ("no-column", "recipients.csv", 1, "")
    assert problem.hint == 'did you mean address = "E-Mail"?'
    desk.put("email,nom\na@x.org,Ann\n")
    assert (
        desk.problem(key="zip").hint == 'its columns are "email", "nom"; set key under [recipients]'
    )
    assert 'did you mean required = "nom"?' in str(desk.problem(required=["name"]))


def test_21_to_25_and_27_text_stays_as_it_stands(desk: Desk) -> None:
    cells = [
        "NA",
        "None",
        "null",
        "nan",
        "N/A",
        "",
        "1",
        "007",
        "9007199254740993",
        "True",
        "34.30",
    ]
    cells += ["2026-01-02", "1e5", " x ", "-inf", "0x1F", "1,5"]
    lines = "".join(f'p{n}@x.org,"{cell}"\n' for n, cell in enumerate(cells))
    desk.put("email,cell\n" + lines)
    assert [person.cells["cell"] for person in desk.people()] == cells


def test_22_an_empty_cell_of_a_required_column(desk: Desk) -> None:
    desk.put("email,name\na@x.org,Ann\nb@x.org, \n")
    problem = desk.problem(required=["name"])
    assert place(problem) == ("cell-empty", "recipients.csv", 3, "name")
    assert problem.hint == "fill it in, or delete the row"


def test_24_to_27_a_workbook_shows_numbers_as_excel_does(desk: Desk) -> None:
    path = workbook(
        desk,
        ["email", "id", "price", "share", "ok", "long"],
        ["a@x.org", 123, 34.3, 0.125, True, 9007199254740993],
        ["b@x.org", None, 1234.5, 1, False, 5],
    )
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    for column, code in {"B": "00000", "C": "#,##0.00", "D": "0.0%"}.items():
        for row in (2, 3):
            sheet[f"{column}{row}"].number_format = code
    book.save(path)
    file = "recipients.xlsx"
    people = [p for p in desk.audience(file=file) if isinstance(p, Recipient)]
    assert [tuple(p.cells.values())[1:5] for p in people] == [
        ("00123", "34.30", "12.5%", "TRUE"),
        ("", "1,234.50", "100.0%", "FALSE"),
    ]
    problem = desk.problem(file=file)
    assert place(problem) == ("digits-lost", file, 2, "long")
    assert "F2" in problem.message


def test_26_a_date_that_every_country_sees_otherwise_is_iso_and_said(desk: Desk) -> None:
    import datetime as dt

    path = workbook(desk, ["email", "day"], ["a@x.org", dt.date(2026, 1, 2)])
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet["B2"].number_format = numbers.BUILTIN_FORMATS[14]
    book.save(path)
    problem = desk.problem(file="recipients.xlsx")
    assert place(problem) == ("number-format", "recipients.xlsx", 2, "day")
    assert problem.message == 'B2 is read as "2026-01-02", and may look otherwise in the sheet'


def test_28_a_formula_that_was_never_calculated(desk: Desk) -> None:
    workbook(desk, ["email", "sum"], ["a@x.org", "=1+1"], ["b@x.org", 2])
    problem = desk.problem(file="recipients.xlsx")
    assert place(problem) == ("formula-not-calculated", "recipients.xlsx", 2, "sum")
    assert problem.message == "the formula in B2 is not calculated"
    assert "save it" in problem.hint
    assert [p.row for p in desk.audience(file="recipients.xlsx") if isinstance(p, Recipient)] == [3]


@pytest.mark.parametrize(
    ("again", "code", "severity"),
    [
        ("bob@example.org", "duplicate", "error"),
        ("bob@EXAMPLE.org", "duplicate", "error"),
        ("bob@example.org ", "duplicate", "error"),
        ("bob＠example。org", "duplicate", "error"),
        ("b\u200bob@example.org", "duplicate", "error"),
        ("BOB@example.org", "duplicate-case", "warning"),
    ],
)
def test_29_the_same_person_twice(desk: Desk, again: str, code: str, severity: str) -> None:
    desk.put(f"email\nann@example.org\nbob@example.org\n{again}\n")
    audience = desk.audience()
    found = list(audience)
    problem = list(problems_of(desk.audience()))[-1]
    assert place(problem) == (code, "recipients.csv", 4, "email")
    assert problem.severity == severity
    assert "is already in row 3" in problem.message
    assert [p.row for p in found if isinstance(p, Recipient)] == [2, 3]
    assert audience.duplicates == 1


def test_29_an_idn_in_both_spellings_is_one_person(desk: Desk) -> None:
    desk.put("email\nx@müller.de\nx@xn--mller-kva.de\n")
    assert place(desk.problem()) == ("duplicate", "recipients.csv", 3, "email")


def test_29_tags_and_dots_are_other_people_unless_asked(desk: Desk) -> None:
    desk.put("email\nb.ob@gmail.com\nbob+news@googlemail.com\n")
    assert len(desk.people()) == 2
    assert place(desk.problem(dedupe="loose")) == ("duplicate", "recipients.csv", 3, "email")


def test_30_merged_cells(desk: Desk) -> None:
    path = workbook(desk, ["email", "city"], ["a@x.org", "Rome"], ["b@x.org", None])
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet.merge_cells("B2:B3")
    book.save(path)
    problem = desk.problem(file="recipients.xlsx")
    assert place(problem) == ("cells-merged", "recipients.xlsx", 2, "city")
    assert "the cells B2:B3 are merged" in problem.message
    assert "fill_merged = true" in problem.hint
    people = desk.people(file="recipients.xlsx", fill_merged=True)
    assert [p.cells["city"] for p in people] == ["Rome", "Rome"]


def test_31_hidden_rows(desk: Desk) -> None:
    path = workbook(desk, ["email"], *([f"{name}@x.org"] for name in "abcd"))
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet.row_dimensions[3].hidden = sheet.row_dimensions[4].hidden = True
    book.save(path)
    problem = desk.problem(file="recipients.xlsx")
    assert place(problem) == ("rows-hidden", "recipients.xlsx", None, "")
    assert problem.message == "hidden rows are included: 2 (3, 4)"
    rows = [p.row for p in desk.audience(file="recipients.xlsx", hidden_rows=False)]
    assert rows == [2, 5]


def sheets(desk: Desk) -> None:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "Guests"
    for row in (["email"], ["a@x.org"], ["nobody"]):
        first.append(row)
    staff = book.create_sheet("Staff")
    for row in (["email"], ["b@x.org"]):
        staff.append(row)
    book.create_sheet("Empty")
    book.save(desk.folder / "recipients.xlsx")


def test_32_several_sheets(desk: Desk) -> None:
    sheets(desk)
    problem = desk.problem(file="recipients.xlsx")
    assert place(problem) == ("sheet-choice", "recipients.xlsx", None, "")
    assert problem.message == 'there are several sheets: "Guests", "Staff"'
    assert [p.row for p in desk.people(file="recipients.xlsx", sheet="staff")] == [2]
    problem = desk.problem(file="recipients.xlsx", sheet="Guests")
    assert place(problem) == ("address-no-at", "recipients.xlsx, sheet Guests", 3, "email")
    assert 'there is no sheet "X"' in str(desk.problem(file="recipients.xlsx", sheet="X"))


def test_31_hidden_sheets_are_said(desk: Desk) -> None:
    sheets(desk)
    book = openpyxl.load_workbook(desk.folder / "recipients.xlsx")
    book["Guests"].sheet_state = "hidden"
    book.save(desk.folder / "recipients.xlsx")
    problem = desk.problem(file="recipients.xlsx")
    assert place(problem)[:1] == ("sheet-hidden",)
    assert problem.message == "hidden sheets are not read: Guests"


def test_33_a_protected_workbook(desk: Desk) -> None:
    desk.put((DATA / "protected.xlsx").read_bytes(), "recipients.xlsx")
    problem = desk.problem(file="recipients.xlsx")
    assert place(problem) == ("file-protected", "recipients.xlsx", None, "")
    assert problem.message == "the file is protected by a password"


def test_34_content_decides_not_the_name(desk: Desk) -> None:
    desk.put("email\na@x.org\n", "recipients.xlsx")
    assert desk.people(file="recipients.xlsx")[0].row == 2
    workbook(desk, ["email"], ["b@x.org"], name="recipients.csv")
    assert desk.people()[0].mailbox.address == "b@x.org"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x1f\x8b\x08\0", "a packed file (gzip)"),
        (b"<html><table><tr>", "a web page or XML"),
        (b'<?xml version="1.0"?><Workbook/>', "a web page or XML"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
    ],
)
def test_34_what_is_no_spreadsheet_is_called_by_its_name(
    desk: Desk, content: bytes, what: str
) -> None:
    desk.put(content)
    problem = desk.problem()
    assert place(problem) == ("format-unknown", "recipients.csv", None, "")
    assert what in problem.message


def test_36_a_file_that_is_not_there(desk: Desk) -> None:
    problem = desk.problem(file="guests.csv")
    assert place(problem) == ("no-file", "guests.csv", None, "")
    assert str(problem).startswith("guests.csv: there is no such file")
    (desk.folder / "folder").mkdir()
    assert place(desk.problem(file="folder"))[0] == "unreadable"


def test_36_a_file_that_changes_while_it_is_read(desk: Desk) -> None:
    path = desk.put("email\na@x.org\n")
    spreadsheet = desk.open()
    rows = spreadsheet.rows()
    next(rows)
    path.write_text("email\na@x.org\nb@x.org\n")
    with pytest.raises(SpreadsheetError) as caught:
        list(rows)
    assert caught.value.problem.code == "file-changed"
    path.unlink()
    with pytest.raises(SpreadsheetError) as caught:
        list(spreadsheet.rows())
    assert caught.value.problem.code == "no-file"


def test_36_a_pipe_is_copied_first(desk: Desk) -> None:
    path = desk.folder / "recipients.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("email\na@x.org\n",))
    writer.start()
    spreadsheet = desk.open()
    writer.join()
    for _ in range(2):
        assert [row.cells["email"] for row in spreadsheet.rows()] == ["a@x.org"]


@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\x1b", "\x7f", "\u2066"])
def test_37_invisible_characters_are_pointed_out(desk: Desk, sign: str) -> None:
    desk.put(f"email,name\na@x.org,Ann{sign}e\n")
    problem = desk.problem()
    assert place(problem) == ("cell-invisible", "recipients.csv", 2, "name")
    assert problem.severity == "warning"
    assert f"U+{ord(sign):04X} after 'Ann'" in problem.message
    assert str(problem).isprintable()
    (person,) = (p for p in desk.audience() if isinstance(p, Recipient))
    assert person.cells["name"] == f"Ann{sign}e"


# -- addresses ------------------------------------------------------------------------------------


def test_38_a_bad_address_has_file_row_and_column(desk: Desk) -> None:
    desk.put("name,Mail\nAnn,a@x.org\n\nBob,bob\n")
    problem = desk.problem(address="Mail")
    assert place(problem) == ("address-no-at", "recipients.csv", 4, "Mail")
    assert str(problem) == (
        'recipients.csv, row 4, column Mail: "bob" has no @ sign (an address is name@domain)'
    )


def test_38_names_are_read_where_asked(desk: Desk) -> None:
    desk.put("email\nAnn <a@x.org>\n")
    assert place(desk.problem()) == ("address-name", "recipients.csv", 2, "email")
    (person,) = desk.people(parse_names=True)
    assert (person.mailbox.display_name, person.key) == ("Ann", "a@x.org")


def test_39_the_need_of_smtputf8_is_known_before_sending(desk: Desk) -> None:
    desk.put("email\njürgen@müller.de\njuergen@müller.de\n")
    assert [p.mailbox.needs_smtputf8 for p in desk.people()] == [True, False]


def test_40_reserved_domains_are_addresses_and_left_to_the_check(desk: Desk) -> None:
    desk.put("email\na@example.org\nb@x.test\nc@y.invalid\n")
    assert [p.mailbox.domain for p in desk.people()] == ["example.org", "x.test", "y.invalid"]


def test_41_the_address_of_the_sender_is_read_with_its_name() -> None:
    from mailmerge.errors import AddressError
    from mailmerge.recipients.address import parse_mailbox

    sender = parse_mailbox("Example News <news@example.org>", names=True)
    assert dataclasses.astuple(sender)[3] == "Example News"
    with pytest.raises(AddressError):
        parse_mailbox("Example News <news@example>", names=True)
