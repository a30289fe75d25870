"""The text of the report of the check: for a terminal, for a file, in any width and script."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mailmerge.cli.report_text import plain_lines, report_lines, summary_line
from mailmerge.errors import Problem
from mailmerge.preflight.findings import Findings
from mailmerge.preflight.report import CheckReport, Sizes

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def report(*problems: Problem, notes: tuple[Problem, ...] = (), recipients: int = 3) -> CheckReport:
    findings = Findings()
    findings.extend(problems)
    return replace(CheckReport.of(findings, recipients), notes=notes)


WRONG = [
    Problem("error", "a", f'"{name}" has no @ sign', "p.csv", row, "email", "write one")
    for row, name in enumerate(("ann", "bob", "cy", "di"), 2)
]


def test_a_file_gets_one_line_for_each_group_and_one_for_its_rows() -> None:
    note = Problem("warning", "delimiter-chosen", "a semicolon", "p.csv")
    assert list(plain_lines(report(*WRONG, notes=(note,)))) == [
        'error: p.csv, column email: "ann" has no @ sign (write one)',
        '    4 times: row 2 "ann", row 3 "bob", row 4 "cy" and 1 more',
        "note: p.csv: a semicolon",
        "Checked 3 recipients in 0.0 s: 4 errors.",
    ]


def test_a_terminal_gets_a_paragraph_for_each_group() -> None:
    lines = [ESCAPE.sub("", line).rstrip() for line in report_lines(report(*WRONG), 60)]
    assert lines == [
        "",
        "error    p.csv, column email",
        '         "ann" has no @ sign',
        '         4 times: row 2 "ann", row 3 "bob", row 4 "cy" and 1',
        "         more",
        lines[5],
        "",
        "Checked 3 recipients in 0.0 s: 4 errors.",
    ]
    assert lines[5].endswith("write one")


def test_a_problem_without_a_place_is_its_own_heading() -> None:
    note = Problem("warning", "delimiter-chosen", "a semicolon")
    lines = list(report_lines(report(Problem("warning", "b", "odd"), notes=(note,)), 60))
    assert [ESCAPE.sub("", line).rstrip() for line in lines] == [
        "",
        "warning  odd",
        "",
        "note     a semicolon",
        "",
        "Checked 3 recipients in 0.0 s: no errors, 1 warning.",
    ]


def test_a_note_with_a_file_begins_with_it() -> None:
    note = Problem("warning", "delimiter-chosen", "a semicolon", "p.csv")
    lines = [ESCAPE.sub("", line).rstrip() for line in report_lines(report(notes=(note,)), 60)]
    assert lines[1] == "note     p.csv: a semicolon"


def test_a_terminal_marks_the_place_in_a_line() -> None:
    wrong = Problem(
        "error", "x", "} is missing", "body.txt", line=3, character=4, excerpt="Hi {{ name }"
    )
    lines = [ESCAPE.sub("", line).rstrip() for line in report_lines(report(wrong), 40)]
    assert lines[3:5] == ["         Hi {{ name }", "            ^"]


@pytest.mark.parametrize(("encoding", "arrow"), [("ascii", "->"), ("utf-8", "→"), ("none", "->")])
def test_the_arrow_is_one_that_the_terminal_has(
    encoding: str, arrow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stream:
        pass

    stream = Stream()
    stream.encoding = encoding  # type: ignore[attr-defined]
    monkeypatch.setattr("sys.stderr", stream)
    lines = [ESCAPE.sub("", line).strip() for line in report_lines(report(WRONG[0]), 60)]
    assert f"{arrow} write one" in lines


def test_control_characters_of_a_cell_never_reach_the_terminal() -> None:
    evil = Problem("error", "a", 'the cell "\x1b[2J\u202e" is odd', "p.csv\x1b]0;x\x07")
    for lines in (plain_lines(report(evil)), report_lines(report(evil), 80)):
        shown = ESCAPE.sub("", "".join(lines))
        assert shown.isprintable()


@pytest.mark.parametrize(
    ("made", "line"),
    [
        (CheckReport(1, (), (), 0, 0), "Checked 1 recipient in 0.0 s: no errors."),
        (
            CheckReport(9, (), (), 0, 2, suppressed=3, left_out=4),
            "Checked 9 recipients, 3 suppressed, 4 not selected in 0.0 s: no errors, 2 warnings.",
        ),
        (
            CheckReport(3, (), (), 0, 0, sizes=Sizes(3_600_000, 4_000)),
            "Checked 3 recipients in 0.0 s: no errors. 3.4 MB in all, the largest message 3.9 KB.",
        ),
        (
            CheckReport(1, (), (), 0, 0, sizes=Sizes(900, 900)),
            "Checked 1 recipient in 0.0 s: no errors. The largest message 900 bytes.",
        ),
        (
            CheckReport(2, (), (), 1, 0, sizes=Sizes(4 * 10**9, 2 * 10**9)),
            "Checked 2 recipients in 0.0 s: 1 error.",
        ),
    ],
)
def test_the_summary_counts_and_measures(made: CheckReport, line: str) -> None:
    assert summary_line(made) == line
