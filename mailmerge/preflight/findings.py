"""Problems -> kinds: collected in bounded memory, however many rows are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from mailmerge.errors import Problem
from mailmerge.language import tr

_LISTED_PER_GROUP = 1_000
"""Problems of one kind that are kept; a million rows may be wrong."""

_LISTED_IN_ALL = 20_000
"""Problems of all kinds that are kept; beyond that a kind keeps its examples only."""

_KINDS_PER_CODE = 50
"""Kinds of one code that are distinguished; all further ones are one kind."""

_EXAMPLES_PER_GROUP = 3
"""Rows that a group names to the user."""

_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_VARYING = re.compile(rf"""{_QUOTED.pattern}|\d[\d,.]*""")


@dataclass(frozen=True, slots=True)
class Group:
    """Problems of the same kind: the first of them in full, and how many there are."""

    first: Problem
    count: int
    examples: tuple[Problem, ...]

    @property
    def shared(self) -> Problem:
        """The first problem, without its row if the group has several."""
        return (
            self.first if self.count == 1 else replace(self.first, row=None, recipient="", sheet="")
        )

    def occurrences(self) -> str:
        """The places of several problems: `300 times: row 2, row 3 and 298 more`; else ""."""
        named = list(self._named())
        if self.count == 1 or not named:
            return "" if self.count == 1 else tr("{count:,} times", count=self.count)
        more, listed = self.count - len(named), tr(", ").join(named)
        if not more:
            return tr("{count:,} times: {named}", count=self.count, named=listed)
        return tr(
            "{count:,} times: {named} and {more:,} more",
            count=self.count,
            named=listed,
            more=more,
        )

    def lines(self) -> Iterator[str]:
        """The group as plain text: one line, and a second one if it has several problems."""
        yield str(self.shared)
        if self.count > 1:
            yield f"    {self.occurrences()}"

    def _named(self) -> Iterator[str]:
        differ = len({one.message for one in self.examples}) > 1
        for one in self.examples:
            quoted = _QUOTED.search(one.message) if differ else None
            shown = quoted[0] if quoted else ""
            if one.row is not None:
                yield f"{_row(one)} {shown}".rstrip()
            elif shown:
                yield shown


def _row(problem: Problem) -> str:
    if not problem.recipient:
        return tr("row {row}", row=problem.row)
    return tr("row {row} ({recipient})", row=problem.row, recipient=problem.recipient)


@dataclass(slots=True)
class _Kind:
    listed: list[Problem] = field(default_factory=list)
    count: int = 0


@dataclass(slots=True)
class Findings:
    """Collects problems as they are found; memory is bounded by the number of codes."""

    _kinds: dict[tuple[object, ...], _Kind] = field(default_factory=dict)
    _kinds_of_code: dict[str, int] = field(default_factory=dict)
    _listed: int = 0

    def add(self, problem: Problem) -> None:
        """Keep one problem with the others of its kind."""
        kind = self._kind(problem)
        kind.count += 1
        most = _LISTED_PER_GROUP if self._listed < _LISTED_IN_ALL else _EXAMPLES_PER_GROUP
        if len(kind.listed) < most:
            kind.listed.append(problem)
            self._listed += 1

    def extend(self, problems: Iterable[Problem]) -> None:
        """Keep several problems."""
        for problem in problems:
            self.add(problem)

    def count(self, severity: str) -> int:
        """How many errors, or warnings, were found in all."""
        return sum(k.count for k in self._kinds.values() if k.listed[0].severity == severity)

    def messages(self, code: str) -> list[str]:
        """The messages of one code, one of each kind."""
        firsts = (kind.listed[0] for kind in self._kinds.values())
        return [first.message for first in firsts if first.code == code]

    def groups(self) -> tuple[Group, ...]:
        """The kinds, errors before warnings, the most frequent first."""
        kinds = sorted(self._kinds.values(), key=_weight)
        return tuple(
            Group(kind.listed[0], kind.count, tuple(kind.listed[:_EXAMPLES_PER_GROUP]))
            for kind in kinds
        )

    def problems(self) -> tuple[Problem, ...]:
        """All that were listed, in the order of the groups."""
        kinds = sorted(self._kinds.values(), key=_weight)
        return tuple(problem for kind in kinds for problem in kind.listed)

    def _kind(self, problem: Problem) -> _Kind:
        """The kind of a problem: all but its row, and the quotations and numbers in its message."""
        skeleton = _VARYING.sub("", problem.message)
        coarse = (problem.severity, problem.code)
        fine = (*coarse, problem.file, problem.column, problem.line, skeleton)
        kind = self._kinds.get(fine)
        if kind is not None:
            return kind
        known = self._kinds_of_code.get(problem.code, 0)
        if known >= _KINDS_PER_CODE:
            return self._kinds.setdefault(coarse, _Kind())
        self._kinds_of_code[problem.code] = known + 1
        return self._kinds.setdefault(fine, _Kind())


def _weight(kind: _Kind) -> tuple[bool, bool, int]:
    """The sort key: errors first; then problems of all recipients; then the most frequent."""
    first = kind.listed[0]
    return (first.severity != "error", first.row is not None, -kind.count)
