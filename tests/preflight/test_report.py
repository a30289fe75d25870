"""Problems are kept in bounded memory, grouped, and told worst first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import Problem
from mailmerge.preflight.report import LISTED_PER_GROUP, Findings

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
    for row in range(LISTED_PER_GROUP + 5):
        findings.add(Problem("error", "a", "wrong", row=row + 2))
    (group,) = findings.groups()
    assert group.count == LISTED_PER_GROUP + 5
    assert len(findings.problems()) == LISTED_PER_GROUP


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
    findings.add(Problem("error", "a", "wrong", "p.csv", 4, "email", "mend it"))
    (group,) = findings.groups()
    assert list(group.lines()) == ["p.csv, row 4, column email: wrong (mend it)"]


def test_several_problems_without_rows_are_counted() -> None:
    findings = Findings()
    findings.extend([Problem("warning", "a", "odd")] * 2)
    (group,) = findings.groups()
    assert list(group.lines()) == ["odd", "    2 times"]
