"""The differences that are known today, by template and kind: expected.json, with their reasons.

The file shows where the product does not keep the law yet. It may only become shorter: a template
that newly differs fails, and so does a count that is higher than the truth. Write it, and the table
in docs/html.md, with `python -m tests.html_law --write` after an improvement, and look at the diff.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .corpus import Result
from .difference import count_kinds

_FILE = Path(__file__).parent / "expected.json"
_DOCS = Path(__file__).parents[2] / "docs" / "html.md"
_BEGIN, _END = "<!-- differences: begin -->\n", "<!-- differences: end -->"

_REASONS: Final[tuple[tuple[str, str], ...]] = ()
"""A pattern that matches the beginning of a kind, and the reason; the first that matches holds."""


def expected() -> dict[str, dict[str, int]]:
    """Template -> kind of difference (`property | view | path pattern`) -> how many."""
    read: dict[str, dict[str, int]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return read


def reason(kind: str) -> str:
    """Why differences of this kind are not avoided; "" for an unknown kind."""
    return next((why for pattern, why in _REASONS if re.match(pattern, kind)), "")


def write_expected(results: Iterable[Result]) -> None:
    """Write the kinds that these results have; other templates keep theirs."""
    known = expected() if _FILE.exists() else {}
    for result in results:
        known[result.template] = dict(sorted(count_kinds(result.differences).items()))
    kept = {name: kinds for name, kinds in sorted(known.items()) if kinds}
    _FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    before, _, rest = _DOCS.read_text(encoding="utf-8").partition(_BEGIN)
    _DOCS.write_text(before + _BEGIN + table() + _END + rest.partition(_END)[2], encoding="utf-8")


def documented() -> str:
    """The table of differences that docs/html.md has."""
    return _DOCS.read_text(encoding="utf-8").partition(_BEGIN)[2].partition(_END)[0]


def table() -> str:
    """The known differences by their reasons, as a table in Markdown."""
    rows: dict[str, tuple[set[str], set[str], int]] = {}
    for template, kinds in expected().items():
        for kind, count in kinds.items():
            where, properties, total = rows.get(reason(kind), (set(), set(), 0))
            name = kind.partition(" | ")[0]
            rows[reason(kind)] = (where | {template}, properties | {name}, total + count)
    if not rows:
        return "No difference is known.\n"
    lines = ["| why | what differs | templates | differences |", "|---|---|---|---|"]
    for why, (where, properties, total) in sorted(rows.items(), key=lambda row: -row[1][2]):
        shown = ", ".join(f"`{name}`" for name in sorted(properties)[:6])
        more = ", ..." if len(properties) > 6 else ""
        lines.append(f"| {why} | {shown}{more} | {len(where)} | {total} |")
    return "\n".join(lines) + "\n"
