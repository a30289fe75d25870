"""Problems are kept in bounded memory, grouped, and listed worst first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import Problem
from mailmerge.preflight.findings import Findings

problems = st.lists(
    st.builds(
        Problem,
        severity=st.sampled_from(["error", "warning"]),
        code=st.sampled_from(["a", "b", "c"]),
        message=st.text(max_size=5),
        row=st.none() | st.integers(1, 9),
    ),
    max_size=50,
)


@given(problems)
def test_nothing_is_lost_and_errors_come_first(found: list[Problem]) -> None:
    findings = Findings()
    findings.extend(found)
    assert sorted(map(str, findings.problems())) == sorted(map(str, found))
    severities = [problem.severity for problem in findings.problems()]
    assert severities == sorted(severities)
    assert sum(group.count for group in findings.groups()) == len(found)
    assert findings.count("error") == severities.count("error")


def test_a_kind_is_counted_beyond_what_is_listed() -> None:
    findings = Findings()
    for row in range(1_005):
        findings.add(Problem("error", "a", "wrong", row=row + 2))
    (group,) = findings.groups()
    assert group.count == 1_005
    assert len(findings.problems()) == 1_000


def test_a_group_is_one_line_with_examples() -> None:
    findings = Findings()
    findings.extend(Problem("error", "a", "wrong", "p.csv", row, "email") for row in range(2, 302))
    (group,) = findings.groups()
    assert list(group.lines()) == [
        "p.csv, column email: wrong",
        "    300 times: row 2, row 3, row 4 and 297 more",
    ]


def test_a_single_problem_keeps_its_row() -> None:
    findings = Findings()
    findings.add(Problem("error", "a", "wrong", "p.csv", 4, "email", "fix it"))
    (group,) = findings.groups()
    assert list(group.lines()) == ["p.csv, row 4, column email: wrong (fix it)"]


def test_problems_that_quote_other_cells_are_one_kind() -> None:
    findings = Findings()
    findings.extend(Problem("error", "a", f'"{n}" is no number', "p.csv", n) for n in range(2, 7))
    (group,) = findings.groups()
    assert list(group.lines()) == [
        'p.csv: "2" is no number',
        '    5 times: row 2 "2", row 3 "3", row 4 "4" and 2 more',
    ]


def test_other_messages_of_one_code_are_other_kinds() -> None:
    findings = Findings()
    findings.extend(Problem("error", "a", f"{word} is missing", row=2) for word in ("x", "y"))
    assert len(findings.groups()) == 2


def test_problems_without_rows_are_named_by_their_quotations() -> None:
    findings = Findings()
    findings.extend(Problem("error", "a", f"no '{name}'") for name in ("x", "y"))
    (group,) = findings.groups()
    assert group.occurrences() == "2 times: 'x', 'y'"


def test_the_number_of_kinds_is_bounded() -> None:
    findings = Findings()
    words = [chr(0x4E00 + n) for n in range(1_000)]
    findings.extend(Problem("error", "a", word, row=2) for word in words)
    assert len(findings.groups()) == 51
    assert sum(group.count for group in findings.groups()) == 1_000


def test_the_number_of_listed_problems_is_bounded() -> None:
    findings = Findings()
    kinds = 25
    for code in range(kinds):
        findings.extend(Problem("error", f"c{code}", "no", row=n) for n in range(1_000))
    listed = len(findings.problems())
    assert listed == 20_000 + 5 * 3
    assert findings.count("error") == kinds * 1_000


def test_several_problems_without_rows_are_counted() -> None:
    findings = Findings()
    findings.extend([Problem("warning", "a", "odd")] * 2)
    (group,) = findings.groups()
    assert list(group.lines()) == ["odd", "    2 times"]


def test_messages_of_a_code_are_listed_once_a_kind() -> None:
    findings = Findings()
    findings.extend(Problem("error", "a", f"{word} is missing", row=2) for word in ("x", "x", "y"))
    findings.add(Problem("error", "b", "other"))
    assert findings.messages("a") == ["x is missing", "y is missing"]
    assert findings.messages("c") == []
