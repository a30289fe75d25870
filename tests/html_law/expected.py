"""The differences that are known today, by template and kind: expected.json.

The file shows where the product does not keep the law yet. It may only become shorter: a template
that newly differs fails, and so does a count that is higher than the truth. Write it with
`python -m tests.html_law --write` after an improvement, and look at the diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .corpus import Result
from .difference import count_kinds

_FILE = Path(__file__).parent / "expected.json"


def expected() -> dict[str, dict[str, int]]:
    """Template -> kind of difference (`property | view | path pattern`) -> how many."""
    read: dict[str, dict[str, int]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return read


def write_expected(results: Iterable[Result]) -> None:
    """Write the kinds that these results have; other templates keep theirs."""
    known = expected() if _FILE.exists() else {}
    for result in results:
        known[result.template] = dict(sorted(count_kinds(result.differences).items()))
    kept = {name: kinds for name, kinds in sorted(known.items()) if kinds}
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    _FILE.write_text(text + "\n", encoding="utf-8")
