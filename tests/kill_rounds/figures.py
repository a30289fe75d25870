"""The results of many rounds -> a table by mode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.kill_rounds.rounds import Result
from tests.kill_rounds.scenario import MODES

_COLUMNS: tuple[str, ...] = (
    "mode", "rounds", "kills", "SIGKILL", "early*", "edits", "looks", "with drops", "taken",
    "doubts", "twice**", "most doubts of connections x window", "breaches",
)  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """One line for each mode, and one for all."""
    by_mode = {mode.name: [one for one in results if one.scenario.mode == mode] for mode in MODES}
    rows = [_COLUMNS, *(_row(name, own) for name, own in {**by_mode, "all": results}.items())]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" * len(_COLUMNS) + "|")
    notes = ["* before the first message of a run", "** after doubt and a run that resends"]
    return "\n".join([*lines, "", *notes])


def _row(name: str, results: Sequence[Result]) -> tuple[str, ...]:
    def total(values: Iterable[int]) -> str:
        return str(sum(values))

    without_drops = [one.most_doubts for one in results if not one.scenario.drops]
    return (
        name,
        str(len(results)),
        total(one.kills for one in results),
        total(one.sigkills for one in results),
        total(one.early for one in results),
        total(one.edits for one in results),
        total(one.looks for one in results),
        total(one.scenario.drops for one in results),
        total(one.taken for one in results),
        total(one.doubts for one in results),
        total(one.twice for one in results),
        f"{100 * max(without_drops, default=0.0):.0f} %",
        total(len(one.breaches) for one in results),
    )
