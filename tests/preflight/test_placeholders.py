"""Placeholders of other programs in templates and cells."""

from __future__ import annotations

import re
import time

import pytest

from mailmerge.preflight.placeholders import ColumnNames, find_placeholders
from tests.preflight.checked import Folder, place

NAMES = ColumnNames(("email", "Vorname", "First Name", "name"))
SHEET = "email,name,First Name\na@x-firma.de,A,B\n"

MARKS = [
    "{%s}",
    "{ %s }",
    "[[%s]]",
    "<<%s>>",
    "«%s»",
    "« %s »",
    "%%%s%%",
    "%%%%%s%%%%",
    "*|%s|*",
    "{{{%s}}}",
    "${%s}",
    "#{%s}",
    "{$%s}",
    "%%(%s)s",
    "{%s|there}",
    "{contact.%s}",
    "{ MERGEFIELD %s \\* MERGEFORMAT }",
    "｛%s｝",
    "<%%= %s %%>",
]


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("name", ["Vorname", "VORNAME", "vorname", "First Name", "First_Name"])
def test_marks_of_other_programs_name_the_column(marks: str, name: str) -> None:
    (found,) = find_placeholders(f"Hallo {marks % name}, ", NAMES)
    assert found.column == ("First Name" if "irst" in name else "Vorname")
    assert found.certain
    assert find_placeholders(marks % "x y z q, w", NAMES) == [] or "|" in marks


@pytest.mark.parametrize(
    "text",
    [
        'print(f"Hi {foo}")',
        "a { color: red }",
        '{"name": "x"}',
        "{name: 'x'}",
        "const {foo} = x;",
        "50% of it and 20% of that",
        "%Y-%m-%d",
        "%C3%A4%20name%20",
        "[link](https://x.de)",
        "[1]",
        "« Bonjour » «Le Monde» «слово»",
        "%APPDATA%",
        "`${foo}`",
        "if [[ -f x ]]; then",
        "cout << x << y;",
        "import {foo} from 'bar'",
        "function f() {return}",
        "[Name](https://x.de)",
        "{}",
        "{0}",
    ],
)
def test_code_and_quotations_are_no_placeholders(text: str) -> None:
    assert find_placeholders(text, NAMES) == []


@pytest.mark.parametrize(
    "text", ["{foo}", "[[foo]]", "*|LIST:ADDRESS|*", "%FNAME%", "«first_name_2»"]
)
def test_marks_around_other_words_count_without_column(text: str) -> None:
    assert [one.column for one in find_placeholders(f"Hi {text}", NAMES)] == [""]


@pytest.mark.parametrize(
    "text",
    ["Dear {title} {surname},", "Hi {first} [[last]]", "Liebe {anrede} {firma} und %ort%"],
)
def test_several_placeholders_of_a_line_are_no_code(text: str) -> None:
    found = [one.written for one in find_placeholders(text, NAMES)]
    assert len(found) == len(re.findall(r"[{%[]\w+", text))


def test_many_placeholders_in_one_line_take_linear_time() -> None:
    started = time.process_time()
    assert len(find_placeholders("so {x1} and " * 5_000, NAMES)) == 5_000
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("inside", "written"),
    [
        ("<p>{name}</p>", "{name}"),
        ("<p>{<b>na</b>me}</p>", "{name}"),
        ("<p>&laquo;name&raquo;</p>", "«name»"),
        ("<p>&lt;&lt;name&gt;&gt;</p>", "<<name>>"),
        ("<p><<name>></p>", "<<name>>"),
        ("<p>&#123;name}</p>", "{name}"),
        ('<img src="https://x-firma.de/{name}.png" alt="">', "{name}"),
        ('<a href="https://x-firma.de/?c=%7B%7B%20name%20%7D%7D">x</a>', "{{ name }}"),
        ('<a title="*|NAME|*" href="https://x-firma.de/">x</a>', "*|NAME|*"),
        ("<!--[if mso]><p>[[name]]</p><![endif]-->", "[[name]]"),
    ],
)
def test_placeholder_in_html_is_an_error_with_its_line(
    folder: Folder, inside: str, written: str
) -> None:
    folder.page(inside)
    problem = next(one for one in folder.problems() if one.code == "foreign-placeholder")
    assert (problem.severity, problem.file, problem.line) == ("error", "body.html", 3)
    assert problem.message == f"{written} is sent as it stands"
    assert problem.hint.endswith("write {{ name }}")


@pytest.mark.parametrize(
    "inside",
    [
        "<style>p {name} .x{color:red}</style>",
        "<script>let {name} = x</script>",
        "<table><tr><td>{</td><td>name}</td></tr></table>",
        "{% raw %}{name}{% endraw %}",
        "<!-- {name} -->",
        '{{ "{name}" }}',
    ],
)
def test_styles_scripts_and_quoted_text_are_not_searched(folder: Folder, inside: str) -> None:
    folder.page(inside)
    assert not [one for one in folder.problems() if "placeholder" in one.code]


def test_fields_and_file_names_are_searched(folder: Folder) -> None:
    folder.configure(
        message={
            "subject": '"Hi {name} {{ name }}"',
            "attachments": '["{name}.pdf"]',
            "headers": '{ X-Id = "%name%" }',
        }
    )
    found = {place(one) for one in folder.problems() if one.code == "foreign-placeholder"}
    assert found == {
        ("foreign-placeholder", "campaign.toml", None, f"message.{key}")
        for key in ("subject", "attachments", "headers.X-Id")
    }


def test_a_column_of_several_words_is_written_with_row(folder: Folder) -> None:
    folder.recipients(SHEET)
    folder.write("body.txt", "Dear {{ name }}\n{First Name} {{ row['First Name'] }}\n")
    problem = folder.problem()
    assert (problem.line, problem.hint) == (2, 'write {{ row["First Name"] }}')


def test_other_words_are_one_warning_for_each_template(folder: Folder) -> None:
    folder.write("body.txt", "Dear {{ name }}\n*|A|* *|B|* {nmae} [[x1]] %efg% {gh}\n")
    problem = folder.problem()
    assert (problem.severity, problem.code, problem.line) == ("warning", "placeholder-like", 2)
    assert problem.message.startswith(
        "*|A|*, *|B|*, {nmae}, [[x1]] and 2 more are sent as they stand"
    )


def test_a_placeholder_of_an_included_file_names_it(folder: Folder) -> None:
    folder.write("foot.txt", "Bye\n{name}\n")
    folder.write("body.txt", "Dear {{ name }}\n{% include 'foot.txt' %}\n")
    problem = folder.problem()
    assert (problem.file, problem.line) == ("foot.txt", 2)


@pytest.mark.parametrize(
    ("cell", "code"),
    [("\\N", "cell-null"), ("(null)", "cell-null"), ("{name}", "placeholder-like")],
)
def test_a_cell_with_the_word_of_a_program_is_a_warning(
    folder: Folder, cell: str, code: str
) -> None:
    folder.recipients(f"email,name\na@x-firma.de,{cell}\n")
    assert place(folder.problem()) == (code, "recipients.csv", 2, "name")


@pytest.mark.parametrize(
    "marks",
    [
        "#%s#", "##%s##", "@@%s@@", "$%s$", "$$%s$$", "::%s::", "＜%s＞", "《%s》", "[%s]",
        "[%s,fallback=friend]", "【%s】", "‹%s›",
    ],
)  # fmt: skip
def test_rarer_marks_around_a_column_are_uncertain(marks: str) -> None:
    (found,) = find_placeholders(f"Hallo {marks % 'Vorname'}, ", NAMES)
    assert (found.column, found.certain) == ("Vorname", False)
    assert find_placeholders(marks % "xyz", NAMES) == []


def test_a_variable_of_php_is_uncertain() -> None:
    (found,) = find_placeholders("Hi $name, welcome", NAMES)
    assert (found.column, found.certain) == ("name", False)
    assert find_placeholders("it costs $5 or US$name or $name(", NAMES) == []


@pytest.mark.parametrize("text", ["Dear {{ name }}},", "Dear {{ name }} }, {{ name }}}"])
def test_a_brace_too_many_is_a_warning(folder: Folder, text: str) -> None:
    folder.write("body.txt", text)
    problem = folder.warning()
    assert problem.code == "extra-brace"
    assert "{{ name }}" in problem.hint


@pytest.mark.parametrize(
    "text", ["set {x, {{ name }}}", 'JSON: {"a": {{ name }}}', "{{ name }} } is a brace"]
)
def test_a_brace_that_closes_another_is_right(folder: Folder, text: str) -> None:
    folder.write("body.txt", text)
    assert [one.code for one in folder.problems() if one.code == "extra-brace"] == []


@pytest.mark.parametrize(
    "line",
    [
        'printf("%(name)s");', 'echo "Hi ${name}"', "const {name} = person;", "x = a[[name]]",
        'print(f"Hi {name}")', "\\\\{name\\\\}", 'if (x == "{name}") { return }',
    ],
)  # fmt: skip
def test_a_line_of_a_program_is_no_error(folder: Folder, line: str) -> None:
    folder.recipients(SHEET)
    folder.write("body.txt", f"Dear {{{{ name }}}},\n{line}\n")
    found = [one for one in folder.problems() if one.code == "foreign-placeholder"]
    assert [one.severity for one in found] in ([], ["warning"])


@pytest.mark.parametrize("line", ["Hallo {name} (bald),", "Ihr Termin: {name};", "Herr{name}!"])
def test_a_line_of_a_letter_stays_an_error(folder: Folder, line: str) -> None:
    folder.recipients(SHEET)
    folder.write("body.txt", f"Dear {{{{ name }}}},\n{line}\n")
    assert [one.severity for one in folder.problems() if one.code == "foreign-placeholder"] == [
        "error"
    ]
