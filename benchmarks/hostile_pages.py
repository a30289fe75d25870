"""The seconds that a hostile page takes: from its template to a message, and to all findings.

Each page costs more than it seems (tests/rendering/hostile_pages.py). The aim is 5 seconds, with a
message, an error or a finding.

    python benchmarks/hostile_pages.py [NAME ...]
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import mailmerge
from tests.rendering.hostile_pages import PAGES

_LIMIT = 5.0
_GIVEN_UP = 40.0
_CAMPAIGN = """
[campaign]
name = "hostile"
[recipients]
file = "people.csv"
[message]
from = "news@example.org"
subject = "Hello"
html = "body.html"
[smtp]
host = "localhost"
"""


def main(names: list[str]) -> int:
    """Measure each page, and return 1 if one takes longer than the limit."""
    print(f"{'page':32} {'KB':>6} {'seconds':>8}  findings")
    slow = 0
    chosen = [name for name in PAGES if not names or name in names]
    for name in chosen:
        with multiprocessing.get_context("fork").Pool(1) as pool:
            pending = pool.apply_async(_measured, (name,))
            try:
                size, seconds, codes = pending.get(_GIVEN_UP)
            except multiprocessing.TimeoutError:
                size, seconds, codes = 0, _GIVEN_UP, ["given up"]
        slow += seconds > _LIMIT
        shown = ", ".join(codes)
        print(f"{name:32} {size // 1024:6} {seconds:8.2f}  {shown}", flush=True)
    print(f"longer than {_LIMIT:.0f} seconds: {slow} of {len(chosen)}")
    return int(slow > 0)


def _measured(name: str) -> tuple[int, float, list[str]]:
    """The size of a page, the seconds that it took, and the codes of its problems."""
    page = PAGES[name]()
    started = time.process_time()
    codes = {problem.code for problem in _checked(page)}
    return len(page), time.process_time() - started, sorted(codes)


def _checked(page: str) -> tuple[mailmerge.Problem, ...]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "campaign.toml").write_text(_CAMPAIGN, "utf-8")
        (path / "body.html").write_text(page, "utf-8")
        (path / "people.csv").write_text("email,name\nann@example.org,Ann\n", "utf-8")
        campaign = mailmerge.Campaign.load(path)
        return tuple(
            mailmerge.check(campaign, mailmerge.read_recipients(path / "people.csv")).problems
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
