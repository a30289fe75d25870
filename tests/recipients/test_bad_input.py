"""Every kind of bad spreadsheet that is known, with its message, its place and its code."""

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
from tests.recipients.conftest import Folder, problems_of

DATA = Path(__file__).parents[1] / "data" / "recipients"


def place(problem: Problem) -> tuple[str, str, int | None, str]:
    return problem.code, problem.file, problem.row, problem.column


def workbook(folder: Folder, *rows: Sequence[object], name: str = "recipients.xlsx") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    path = folder.path / name
    book.save(path)
    return path


# -- files and encodings --------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b" \n\t\n", b",,\n,,\n"])
def test_an_empty_file_is_an_error(folder: Folder, content: bytes) -> None:
    folder.put(content)
    problem = folder.problem()
    assert place(problem) == ("file-empty", "recipients.csv", None, "")
    assert problem.message == "the file is empty"


@pytest.mark.parametrize("body", ["", "\n\n", ",\n ,\n"])
def test_a_header_without_rows_is_an_error(folder: Folder, body: str) -> None:
    folder.put("email,name\n" + body)
    problem = folder.problem()
    assert place(problem) == ("no-recipients", "recipients.csv", 1, "")
    assert str(problem) == (
        "recipients.csv, row 1: there are no rows below the header (add one row for each recipient)"
    )


def test_a_byte_order_mark_is_not_part_of_the_header(folder: Folder) -> None:
    folder.put(b"\xef\xbb\xbfemail,name\na@x.org,Ann\n")
    assert folder.open().columns == ("email", "name")
    assert folder.recipients()[0].cells == {"email": "a@x.org", "name": "Ann"}


@pytest.mark.parametrize("codec", ["utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_utf_16_and_utf_32_are_read_with_a_notice(folder: Folder, codec: str) -> None:
    folder.put("email,name\na@x.org,Zoë\n".encode(codec))
    assert folder.open().columns == ("email", "name")
    problem = folder.problem()
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
def test_national_encodings_are_read_with_a_notice(
    folder: Folder, file: str, said: str, cell: str
) -> None:
    folder.put((DATA / file).read_bytes())
    notices = [notice for notice in folder.open().notices if notice.code == "encoding-chosen"]
    assert [notice.message for notice in notices] == [f"the file is read as {said}"]
    assert "encoding = " in notices[0].hint
    first = next(iter(folder.audience()))
    assert isinstance(first, Recipient)
    assert cell in first.cells.values()


def test_one_line_in_another_encoding_is_named(folder: Folder) -> None:
    folder.put("email,name\na@x.org,Zoë\n".encode() + b"b@x.org,Ren\xe9e\nc@x.org,Ann\n")
    problem = folder.problem()
    assert place(problem) == ("encoding-mixed", "recipients.csv", 3, "")
    assert "line 3, byte 35 (hex E9) is not UTF-8" in problem.message
    assert "save the file as UTF-8" in problem.hint


def test_a_lost_letter_is_pointed_out(folder: Folder) -> None:
    folder.put("email,name\na@x.org,Ren\N{REPLACEMENT CHARACTER}e\n")
    assert place(folder.problem()) == ("cell-damaged", "recipients.csv", 2, "name")


def test_a_nul_refuses_its_row_only(folder: Folder) -> None:
    folder.put(b"email,name\na@x.org,A\0nn\nb@x.org,Bob\n")
    problem = folder.problem()
    assert place(problem) == ("cell-not-text", "recipients.csv", 2, "name")
    assert [p.row for p in folder.audience() if isinstance(p, Recipient)] == [3]


def test_lines_may_end_with_cr_alone(folder: Folder) -> None:
    folder.put("email,name\ra@x.org,Ann\rb@x.org,Bob\r")
    assert [(p.row, p.cells["name"]) for p in folder.recipients()] == [(2, "Ann"), (3, "Bob")]


def test_a_missing_header_is_an_error(folder: Folder) -> None:
    folder.put("a@x.org,Ann\nb@x.org,Bob\n")
    problem = folder.problem()
    assert place(problem) == ("no-header", "recipients.csv", 1, "")
    assert problem.message == 'the first row is a recipient, not a header: "a@x.org"'
    assert "names of the columns above it" in problem.hint


@pytest.mark.parametrize(
    "above", ["Guests of 2026\n", "# exported on Monday\n", "Guests,,\n", "Guests, all\n\n"]
)
def test_a_title_above_the_header_is_an_error(folder: Folder, above: str) -> None:
    folder.put(above + "email,name,city\na@x.org,Ann,Rome\n")
    skip = above.count("\n")
    problem = folder.problem()
    assert place(problem) == ("title-row", "recipients.csv", 1, "")
    assert f"skip_rows = {skip}" in problem.hint
    assert [p.row for p in folder.recipients(skip_rows=skip)] == [skip + 2]


@pytest.mark.parametrize(
    ("sign", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")]
)
def test_other_delimiters_are_found_with_a_notice(folder: Folder, sign: str, name: str) -> None:
    folder.put(f'email{sign}name\na@x.org{sign}"Doe, Ann"\n')
    problem = folder.problem()
    assert place(problem) == ("delimiter-chosen", "recipients.csv", None, "")
    assert problem.severity == "warning"
    assert problem.message == f"the cells are separated by a {name}"
    assert folder.recipients(delimiter=sign)[0].cells["name"] == "Doe, Ann"
    assert folder.problems(delimiter=sign) == []


def test_a_first_line_of_excel_may_name_the_delimiter(folder: Folder) -> None:
    folder.put("sep=;\r\nemail;name\r\na@x.org;Doe, Ann\r\n")
    (recipient,) = folder.recipients()
    assert (recipient.row, recipient.cells["name"]) == (3, "Doe, Ann")
    assert folder.problems() == []


@pytest.mark.parametrize("row", [2, 3])
def test_one_field_too_many_is_an_error_in_any_row(folder: Folder, row: int) -> None:
    lines = ["email,name", "a@x.org,Ann", "b@x.org,Bob", "c@x.org,Cy"]
    lines[row - 1] += ",EXTRA"
    folder.put("\n".join(lines))
    problem = folder.problem()
    assert place(problem) == ("row-too-long", "recipients.csv", row, "")
    assert problem.severity == "error"
    assert problem.message == "the row has 3 cells, the header has 2"
    names = {p.cells["name"] for p in folder.audience() if isinstance(p, Recipient)}
    assert names == {"Ann", "Bob", "Cy"} - {lines[row - 1].split(",")[1]}


def test_one_field_too_few_is_a_warning(folder: Folder) -> None:
    folder.put('email,name,city\na@x.org,"A\nnn"\nb@x.org,Bob,Rome\n')
    problem = folder.problem()
    assert place(problem) == ("row-too-short", "recipients.csv", 2, "")
    assert problem.severity == "warning"
    recipients = [p for p in folder.audience() if isinstance(p, Recipient)]
    assert [p.cells["city"] for p in recipients] == ["", "Rome"]
    assert recipients[0].cells["name"] == "A\nnn"


def test_an_unclosed_quotation_mark_is_an_error(folder: Folder) -> None:
    folder.put('email,name\na@x.org,Ann\nb@x.org,"Bob\nc@x.org,Cy\n' + "d@x.org,Di\n" * 3)
    problem = folder.problem()
    assert place(problem) == ("quote-open", "recipients.csv", 3, "")
    assert "is not closed" in problem.message


def test_an_unclosed_quotation_mark_names_its_first_row(folder: Folder) -> None:
    rows = "".join(f"p{n}@x.org,P\n" for n in range(600))
    folder.put(f'email,name\na@x.org,"Ann\n{rows}z@x.org,"\ny@x.org,Yan\n')
    problem = folder.problem()
    assert place(problem) == ("quote-open", "recipients.csv", 2, "")


def test_a_stray_quotation_mark_is_an_error(folder: Folder) -> None:
    folder.put('email,name\na@x.org,Ann\nb@x.org,"the "great" Bob"\n')
    problem = folder.problem()
    assert place(problem) == ("quote-stray", "recipients.csv", 3, "")
    assert '""' in problem.hint
    assert [p.row for p in folder.audience() if isinstance(p, Recipient)] == [2]


def test_a_newline_in_a_cell_is_text_but_no_address(folder: Folder) -> None:
    folder.put('email,note\na@x.org,"one\r\ntwo"\n"b@x.org\nBcc: c@x.org",x\nd@x.org,y\n')
    problem = folder.problem()
    assert place(problem) == ("address-control", "recipients.csv", 4, "email")
    recipients = [p for p in folder.audience() if isinstance(p, Recipient)]
    assert [(p.row, p.cells["note"]) for p in recipients] == [(2, "one\r\ntwo"), (6, "y")]


def test_blank_rows_are_ignored_and_counted(folder: Folder) -> None:
    folder.put("email,name\n\na@x.org,Ann\n,,,\n   \n,\nb@x.org,Bob\n , \n\t,\n")
    assert folder.problems() == []
    spreadsheet = folder.open()
    assert [row.number for row in spreadsheet.rows()] == [3, 7]
    assert spreadsheet.blank_rows == 6


@pytest.mark.parametrize("second", ["email", " email ", "EMAIL"])
def test_a_repeated_column_name_is_an_error(folder: Folder, second: str) -> None:
    folder.put(f"email,{second}\na@x.org,b@x.org\n")
    problem = folder.problem()
    assert place(problem) == ("column-twice", "recipients.csv", 1, second.strip())
    assert "columns A and B are both called" in problem.message


def test_headers_are_tidied_with_a_notice(folder: Folder) -> None:
    folder.put(
        "\u00a0Email ,first \u00a0 name,n\ufeffame,Stra\u00dfe,cafe\u0301\na@x.org,Ann,A,S,C\n"
    )
    assert folder.open().columns == ("Email", "first name", "name", "Straße", "café")
    problems = folder.problems()
    assert {place(problem) for problem in problems} == {
        ("column-tidied", "recipients.csv", 1, name)
        for name in ("Email", "first name", "name", "café")
    }
    assert {problem.severity for problem in problems} == {"warning"}


def test_columns_may_have_any_name(folder: Folder) -> None:
    folder.put("email,姓名,first name,2nd,a-b,items\na@x.org,王小明,Xiaoming,2,c,i\n")
    (recipient,) = folder.recipients(
        where="姓名 == '王小明' and row['first name'] and row['a-b'] == 'c'"
    )
    assert recipient.cells["items"] == "i"


@pytest.mark.parametrize("name", ["self", "row", "campaign", "loop", "range", "none", "True"])
def test_names_that_templates_use_are_refused(folder: Folder, name: str) -> None:
    folder.put(f"email,{name}\na@x.org,x\n")
    problem = folder.problem()
    assert place(problem) == ("column-reserved", "recipients.csv", 1, name)
    assert problem.message == f'column B cannot be called "{name}": templates use that name'
    assert problem.hint == f'call it "{name}_"'


def test_a_column_without_a_name_is_an_error(folder: Folder) -> None:
    folder.put("email,,name\na@x.org,x,y\n")
    problem = folder.problem()
    assert place(problem) == ("column-unnamed", "recipients.csv", 1, "")
    assert problem.message == "column B has no name"


def test_a_missing_column_is_named_with_the_nearest(folder: Folder) -> None:
    folder.put("E-Mail,name\na@x.org,Ann\n".replace("a@x.org", "a"))
    problem = folder.problem()
    assert place(problem) == ("no-column", "recipients.csv", 1, "")
    assert problem.hint == 'did you mean address = "E-Mail"?'
    folder.put("email,nom\na@x.org,Ann\n")
    assert (
        folder.problem(key="zip").hint
        == 'its columns are "email", "nom"; set key under [recipients]'
    )
    assert 'did you mean required = "nom"?' in str(folder.problem(required=["name"]))


def test_text_stays_as_it_is(folder: Folder) -> None:
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
    folder.put("email,cell\n" + lines)
    assert [recipient.cells["cell"] for recipient in folder.recipients()] == cells


def test_an_empty_required_cell_is_an_error(folder: Folder) -> None:
    folder.put("email,name\na@x.org,Ann\nb@x.org, \n")
    problem = folder.problem(required=["name"])
    assert place(problem) == ("cell-empty", "recipients.csv", 3, "name")
    assert problem.hint == "fill it in, or delete the row"


def test_a_workbook_shows_numbers_as_excel_does(folder: Folder) -> None:
    path = workbook(
        folder,
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
    recipients = [p for p in folder.audience(file=file) if isinstance(p, Recipient)]
    assert [tuple(p.cells.values())[1:5] for p in recipients] == [
        ("00123", "34.30", "12.5%", "TRUE"),
        ("", "1,234.50", "100.0%", "FALSE"),
    ]
    problem = folder.problem(file=file, locale="en-US")
    assert place(problem) == ("digits-lost", file, 2, "long")
    assert "F2" in problem.message


def test_a_date_format_of_a_country_becomes_iso(folder: Folder) -> None:
    import datetime as dt

    path = workbook(folder, ["email", "day"], ["a@x.org", dt.date(2026, 1, 2)])
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet["B2"].number_format = numbers.BUILTIN_FORMATS[14]
    book.save(path)
    problem = folder.problem(file="recipients.xlsx")
    assert place(problem) == ("number-format", "recipients.xlsx", 2, "day")
    assert problem.message == 'B2 is read as "2026-01-02", and may look different in the sheet'


def test_an_uncalculated_formula_is_an_error(folder: Folder) -> None:
    workbook(folder, ["email", "sum"], ["a@x.org", "=1+1"], ["b@x.org", 2])
    problem = folder.problem(file="recipients.xlsx")
    assert place(problem) == ("formula-not-calculated", "recipients.xlsx", 2, "sum")
    assert problem.message == "the formula in B2 is not calculated"
    assert "save it" in problem.hint
    assert [p.row for p in folder.audience(file="recipients.xlsx") if isinstance(p, Recipient)] == [
        3
    ]


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
def test_a_repeated_recipient_is_an_error(
    folder: Folder, again: str, code: str, severity: str
) -> None:
    folder.put(f"email\nann@example.org\nbob@example.org\n{again}\n")
    audience = folder.audience()
    found = list(audience)
    problem = list(problems_of(folder.audience()))[-1]
    assert place(problem) == (code, "recipients.csv", 4, "email")
    assert problem.severity == severity
    assert "is already in row 3" in problem.message
    assert [p.row for p in found if isinstance(p, Recipient)] == [2, 3]
    assert audience.duplicates == 1


def test_an_idn_in_both_spellings_is_one_recipient(folder: Folder) -> None:
    folder.put("email\nx@müller.de\nx@xn--mller-kva.de\n")
    assert place(folder.problem()) == ("duplicate", "recipients.csv", 3, "email")


def test_tags_and_dots_matter_unless_loose(folder: Folder) -> None:
    folder.put("email\nb.ob@gmail.com\nbob+news@googlemail.com\n")
    assert len(folder.recipients()) == 2
    assert place(folder.problem(dedupe="loose")) == ("duplicate", "recipients.csv", 3, "email")


def test_merged_cells_are_an_error_unless_filled(folder: Folder) -> None:
    path = workbook(folder, ["email", "city"], ["a@x.org", "Rome"], ["b@x.org", None])
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet.merge_cells("B2:B3")
    book.save(path)
    problem = folder.problem(file="recipients.xlsx")
    assert place(problem) == ("cells-merged", "recipients.xlsx", 2, "city")
    assert "the cells B2:B3 are merged" in problem.message
    assert "fill_merged = true" in problem.hint
    recipients = folder.recipients(file="recipients.xlsx", fill_merged=True)
    assert [p.cells["city"] for p in recipients] == ["Rome", "Rome"]


def test_hidden_rows_are_included_or_skipped(folder: Folder) -> None:
    path = workbook(folder, ["email"], *([f"{name}@x.org"] for name in "abcd"))
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet.row_dimensions[3].hidden = sheet.row_dimensions[4].hidden = True
    book.save(path)
    problem = folder.problem(file="recipients.xlsx")
    assert place(problem) == ("rows-hidden", "recipients.xlsx", None, "")
    assert problem.message == "hidden rows are included: 2 (3, 4)"
    rows = [p.row for p in folder.audience(file="recipients.xlsx", hidden_rows=False)]
    assert rows == [2, 5]


def sheets(folder: Folder) -> None:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = "Guests"
    for row in (["email"], ["a@x.org"], ["bad"]):
        first.append(row)
    staff = book.create_sheet("Staff")
    for row in (["email"], ["b@x.org"]):
        staff.append(row)
    book.create_sheet("Empty")
    book.save(folder.path / "recipients.xlsx")


def test_one_of_several_sheets_must_be_chosen(folder: Folder) -> None:
    sheets(folder)
    problem = folder.problem(file="recipients.xlsx")
    assert place(problem) == ("sheet-choice", "recipients.xlsx", None, "")
    assert problem.message == 'there are several sheets: "Guests", "Staff"'
    assert [p.row for p in folder.recipients(file="recipients.xlsx", sheet="staff")] == [2]
    problem = folder.problem(file="recipients.xlsx", sheet="Guests")
    assert place(problem) == ("address-no-at", "recipients.xlsx, sheet Guests", 3, "email")
    assert 'there is no sheet "X"' in str(folder.problem(file="recipients.xlsx", sheet="X"))


def test_hidden_sheets_are_reported(folder: Folder) -> None:
    sheets(folder)
    book = openpyxl.load_workbook(folder.path / "recipients.xlsx")
    book["Guests"].sheet_state = "hidden"
    book.save(folder.path / "recipients.xlsx")
    problem = folder.problem(file="recipients.xlsx")
    assert place(problem)[:1] == ("sheet-hidden",)
    assert problem.message == "hidden sheets are not read: Guests"


def test_a_protected_workbook_is_an_error(folder: Folder) -> None:
    folder.put((DATA / "protected.xlsx").read_bytes(), "recipients.xlsx")
    problem = folder.problem(file="recipients.xlsx")
    assert place(problem) == ("file-protected", "recipients.xlsx", None, "")
    assert problem.message == "the file is protected by a password"


def test_content_decides_on_the_format(folder: Folder) -> None:
    folder.put("email\na@x.org\n", "recipients.xlsx")
    assert folder.recipients(file="recipients.xlsx")[0].row == 2
    workbook(folder, ["email"], ["b@x.org"], name="recipients.csv")
    assert folder.recipients()[0].mailbox.address == "b@x.org"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x1f\x8b\x08\0", "a compressed file (gzip)"),
        (b"<html><table><tr>", "a web page or XML"),
        (b'<?xml version="1.0"?><Workbook/>', "a web page or XML"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
    ],
)
def test_other_kinds_of_files_are_named(folder: Folder, content: bytes, what: str) -> None:
    folder.put(content)
    problem = folder.problem()
    assert place(problem) == ("format-unknown", "recipients.csv", None, "")
    assert what in problem.message


def test_a_missing_file_is_an_error(folder: Folder) -> None:
    problem = folder.problem(file="guests.csv")
    assert place(problem) == ("no-file", "guests.csv", None, "")
    assert str(problem).startswith("guests.csv: there is no such file")
    (folder.path / "folder").mkdir()
    assert place(folder.problem(file="folder"))[0] == "unreadable"


def test_a_file_that_changes_while_it_is_read(folder: Folder) -> None:
    path = folder.put("email\na@x.org\n")
    spreadsheet = folder.open()
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


def test_a_pipe_is_copied_first(folder: Folder) -> None:
    path = folder.path / "recipients.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("email\na@x.org\n",))
    writer.start()
    spreadsheet = folder.open()
    writer.join()
    for _ in range(2):
        assert [row.cells["email"] for row in spreadsheet.rows()] == ["a@x.org"]


@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\x1b", "\x7f", "\u2066"])
def test_invisible_characters_are_pointed_out(folder: Folder, sign: str) -> None:
    folder.put(f"email,name\na@x.org,Ann{sign}e\n")
    problem = folder.problem()
    assert place(problem) == ("cell-invisible", "recipients.csv", 2, "name")
    assert problem.severity == "warning"
    assert f"U+{ord(sign):04X} after 'Ann'" in problem.message
    assert str(problem).isprintable()
    (recipient,) = (p for p in folder.audience() if isinstance(p, Recipient))
    assert recipient.cells["name"] == f"Ann{sign}e"


# -- addresses ------------------------------------------------------------------------------------


def test_a_bad_address_has_file_row_and_column(folder: Folder) -> None:
    folder.put("name,Mail\nAnn,a@x.org\n\nBob,bob\n")
    problem = folder.problem(address="Mail")
    assert place(problem) == ("address-no-at", "recipients.csv", 4, "Mail")
    assert str(problem) == (
        'recipients.csv, row 4, column Mail: "bob" has no @ sign (an address is name@domain; '
        "to leave out such rows: where = \"'@' in Mail\" under [recipients])"
    )


def test_names_are_read_if_asked(folder: Folder) -> None:
    folder.put("email\nAnn <a@x.org>\n")
    assert place(folder.problem()) == ("address-name", "recipients.csv", 2, "email")
    (recipient,) = folder.recipients(parse_names=True)
    assert (recipient.mailbox.display_name, recipient.key) == ("Ann", "a@x.org")


def test_a_non_ascii_address_needs_smtputf8(folder: Folder) -> None:
    folder.put("email\njürgen@müller.de\njuergen@müller.de\n")
    assert [p.mailbox.needs_smtputf8 for p in folder.recipients()] == [True, False]


def test_reserved_domains_are_addresses(folder: Folder) -> None:
    folder.put("email\na@example.org\nb@x.test\nc@y.invalid\n")
    assert [p.mailbox.domain for p in folder.recipients()] == ["example.org", "x.test", "y.invalid"]


def test_the_address_of_the_sender_is_read_with_its_name() -> None:
    from mailmerge.errors import AddressError
    from mailmerge.recipients.address import parse_mailbox

    sender = parse_mailbox("Example News <news@example.org>", names=True)
    assert dataclasses.astuple(sender)[3] == "Example News"
    with pytest.raises(AddressError):
        parse_mailbox("Example News <news@example>", names=True)
