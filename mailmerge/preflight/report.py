"""The report of a check: a frozen value for the terminal, for programs, and for the next run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailmerge.errors import CheckFailed, Problem
from mailmerge.language import tr, trn
from mailmerge.preflight.findings import Findings, Group
from mailmerge.wording import counted

_SLOW = 1000.0
"""Messages per second; below this rate the check and the plan name the cause."""

_NOTICEABLE = 2.0
"""Seconds of a check; the rate of a shorter check is not meaningful."""

_CERTAIN = frozenset({"delimiter-chosen", "column-tidied"})


def is_note(problem: Problem) -> bool:
    """Whether this only reports a decision that is certain, and is no warning.

    With a wrong delimiter or a wrong UTF encoding, there would be no column of addresses.
    """
    if problem.code == "encoding-chosen":
        before, utf, _ = tr("the file is read as {name}", name="UTF-").partition("UTF-")
        return problem.message.startswith(before + utf)
    return problem.code in _CERTAIN


@dataclass(frozen=True, slots=True)
class Sizes:
    """The bytes of all messages together, and of the largest one."""

    total: int = 0
    largest: int = 0


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of a check.

    Attributes:
        recipients: how many recipients were checked.
        problems: errors first, then warnings; at most a thousand of a kind.
        groups: the problems by kind, with the number of each; they count them all.
        errors: how many errors there are, including those that are not listed.
        warnings: how many warnings there are, in the same way.
        seconds: how long the check took.
        suppressed: how many rows the suppression list skipped.
        left_out: how many rows a condition skipped.
        sent_before: how many rows were skipped because they were sent the campaigns of `not_in`, by
            the name of the campaign.
        subjects: those of the first messages, at most three.
        slow_because: why each message is rendered separately; "" if messages share work.
        sizes: of the messages, in bytes.
        notes: decisions that are certain; they count neither as errors nor as warnings.
        invalid: the rows with errors, by number; for each, the first error in words.
        invalid_recipients: how many of these rows are among the recipients.
        general_errors: how many errors are of no row: of the templates, campaign.toml or the file.
        copies: how many addresses get a copy, over all messages.
    """

    recipients: int
    problems: tuple[Problem, ...]
    groups: tuple[Group, ...]
    errors: int
    warnings: int
    seconds: float = 0.0
    suppressed: int = 0
    left_out: int = 0
    sent_before: Mapping[str, int] = field(default_factory=dict)
    subjects: tuple[str, ...] = ()
    slow_because: str = ""
    sizes: Sizes = Sizes()
    notes: tuple[Problem, ...] = ()
    invalid: Mapping[int, str] = field(default_factory=dict)
    invalid_recipients: int = 0
    general_errors: int = 0
    copies: int = 0

    @classmethod
    def of(cls, findings: Findings, recipients: int = 0) -> CheckReport:
        """The report of these findings."""
        return cls(
            recipients,
            findings.problems(),
            findings.groups(),
            findings.count("error"),
            findings.count("warning"),
        )

    @property
    def passed_before(self) -> bool:
        """Whether the same check was passed earlier and not repeated; then the report is empty."""
        return False

    def passed(self, *, strict: bool = False) -> bool:
        """Whether there is no error and, with `strict`, no warning either."""
        return self.errors == 0 and not (strict and self.warnings)

    @property
    def valid_rows_left(self) -> bool:
        """Whether all errors are of single rows, and some recipients have none."""
        return not self.general_errors and self.recipients > self.invalid_recipients

    def raise_for_errors(self) -> None:
        """Do nothing if there is no error.

        Raises:
            CheckFailed: there are errors; `problems` lists them.
        """
        if self.errors:
            raise CheckFailed(
                tr(
                    "the check found {errors}; nothing was sent",
                    errors=counted(self.errors, "error"),
                ),
                hint=self._fix(),
            )

    def _fix(self) -> str:
        fix = trn("fix it and send again", "fix them and send again", self.errors)
        if not self.valid_rows_left:
            return fix
        rows = counted(len(self.invalid), "row")
        return tr("{fix}; or use --skip-invalid to leave out {rows}", fix=fix, rows=rows)

    @property
    def per_second(self) -> float:
        """Messages that the check made per second; 0 if it took no measurable time."""
        return self.recipients / self.seconds if self.seconds else 0.0

    @property
    def slow(self) -> bool:
        """Whether messages are rendered separately, and so slowly that the user notices."""
        return bool(self.slow_because) and self.seconds >= _NOTICEABLE and self.per_second < _SLOW

    def to_json(self) -> dict[str, object]:
        """The document of `check --json`; it always has every key but `copies`."""
        return {
            "recipients": self.recipients,
            "errors": self.errors,
            "warnings": self.warnings,
            "suppressed": self.suppressed,
            "left_out": self.left_out,
            "sent_before": dict(self.sent_before),
            "octets": self.sizes.total,
            "largest": self.sizes.largest,
            "seconds": round(self.seconds, 3),
            **({"copies": self.copies} if self.copies else {}),
            "problems": [problem_to_json(problem) for problem in self.problems],
            "groups": [_group_to_json(group) for group in self.groups],
            "notes": [problem_to_json(note) for note in self.notes],
        }


@dataclass(frozen=True, slots=True)
class EarlierReport(CheckReport):
    """The report of a check that was passed earlier, and not repeated."""

    recipients: int = 0
    problems: tuple[Problem, ...] = ()
    groups: tuple[Group, ...] = ()
    errors: int = 0
    warnings: int = 0

    @property
    def passed_before(self) -> bool:
        """Always true."""
        return True


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
        "character": problem.character,
        "excerpt": problem.excerpt,
        "hint": problem.hint,
    }


def _group_to_json(group: Group) -> dict[str, object]:
    return {
        **problem_to_json(group.shared),
        "count": group.count,
        "rows": [one.row for one in group.examples if one.row is not None],
    }
