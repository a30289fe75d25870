"""Problems -> report: collected in bounded memory, grouped, worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from mailmerge.errors import Problem

LISTED_PER_GROUP = 1_000
"""How many problems of a kind are kept one by one; a million rows may be wrong."""

EXAMPLES_PER_GROUP = 3
"""How many rows a group names to a person."""


@dataclass(frozen=True, slots=True)
class Group:
    """Problems of the same kind: the first of them in full, and how many there are."""

    first: Problem
    count: int
    examples: tuple[Problem, ...]

    def lines(self) -> Iterator[str]:
        """The group as a person reads it: one line, and one more where there are several rows."""
        if self.count == 1:
            yield str(self.first)
            return
        yield str(replace(self.first, row=None))
        named = [f"row {one.row}" for one in self.examples if one.row is not None]
        more = self.count - len(named)
        tail = f" and {more} more" if more and named else ""
        yield (
            f"    {self.count} times: {', '.join(named)}{tail}"
            if named
            else (f"    {self.count} times")
        )


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What the check found. `problems` lists at most LISTED_PER_GROUP of a kind, errors first."""

    recipients: int
    problems: tuple[Problem, ...]
    groups: tuple[Group, ...]
    errors: int
    warnings: int
    seconds: float = 0.0
    suppressed: int = 0
    left_out: int = 0
    subjects: tuple[str, ...] = ()
    slow_because: str = ""
    largest: int = 0

    def passed(self, *, strict: bool = False) -> bool:
        """Whether nothing stands against sending; with `strict` a warning does too."""
        return self.errors == 0 and not (strict and self.warnings)

    def to_json(self) -> dict[str, object]:
        """The document of `check --json`."""
        return {
            "recipients": self.recipients,
            "errors": self.errors,
            "warnings": self.warnings,
            "suppressed": self.suppressed,
            "seconds": round(self.seconds, 3),
            "problems": [problem_to_json(problem) for problem in self.problems],
        }


def problem_to_json(problem: Problem) -> dict[str, object]:
    """One problem with the keys that programs rely on."""
    return {
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message,
        "file": problem.file,
        "row": problem.row,
        "column": problem.column,
        "line": problem.line,
        "hint": problem.hint,
    }


@dataclass(slots=True)
class _Kind:
    listed: list[Problem] = field(default_factory=list)
    count: int = 0


@dataclass(slots=True)
class Findings:
    """Collects problems as they are found; memory is bounded by the number of kinds."""

    _kinds: dict[tuple[object, ...], _Kind] = field(default_factory=dict)

    def add(self, problem: Problem) -> None:
        """Keep one problem with the others of its kind."""
        kind = self._kinds.setdefault(_kind_of(problem), _Kind())
        kind.count += 1
        if len(kind.listed) < LISTED_PER_GROUP:
            kind.listed.append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Keep several problems."""
        for problem in problems:
            self.add(problem)

    def count(self, severity: str) -> int:
        """How many errors, or warnings, were found in all."""
        return sum(k.count for k in self._kinds.values() if k.listed[0].severity == severity)

    def groups(self) -> tuple[Group, ...]:
        """The kinds, errors before warnings, the most frequent first."""
        kinds = sorted(self._kinds.values(), key=_weight)
        return tuple(
            Group(kind.listed[0], kind.count, tuple(kind.listed[:EXAMPLES_PER_GROUP]))
            for kind in kinds
        )

    def problems(self) -> tuple[Problem, ...]:
        """All that were listed, in the order of the groups."""
        kinds = sorted(self._kinds.values(), key=_weight)
        return tuple(problem for kind in kinds for problem in kind.listed)


def _weight(kind: _Kind) -> tuple[bool, bool, int]:
    first = kind.listed[0]
    return (first.severity != "error", first.row is not None, -kind.count)


def _kind_of(problem: Problem) -> tuple[object, ...]:
    """What makes two problems one kind: all but the row and the cells that are quoted."""
    return (problem.severity, problem.code, problem.file, problem.column, problem.line)
