"""How long the preview of a large spreadsheet takes to start, to show a message and to search.

It starts `mailmerge preview` and asks it over HTTP, as the page does. The searches run twice: while
the review set is being chosen and the check runs, and after both have ended.

    python benchmarks/preview.py [--rows 100000]
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

CAMPAIGN = """[campaign]
name = "preview-benchmark"
[recipients]
file = "recipients.csv"
[message]
from = "News <news@example.org>"
subject = "{{ name }}, your invoice {{ invoice }}"
html = "body.html"
"""
SEARCHES = ("name77", "family12 de", "zzz", "9")
ROUNDS = 12


def write_campaign(folder: Path, rows: int) -> None:
    """A campaign with a template of 40 paragraphs and 110 rules of CSS, about 6 KB."""
    (folder / "campaign.toml").write_text(CAMPAIGN)
    css = "\n".join(
        f".c{at} {{ color: #{at:06x}; padding: {at}px; margin: 0 {at}px }}" for at in range(110)
    )
    body = "".join(
        f'<p class="c{at}">Dear {{{{ name }}}}, number {{{{ invoice }}}}</p>' for at in range(40)
    )
    (folder / "body.html").write_text(
        f"<html><head><title>x</title><style>{css}</style></head><body>{body}</body></html>"
    )
    with (folder / "recipients.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("email", "name", "country", "invoice", "notes"))
        writer.writerows(
            (f"p{at}@example{at % 997}.org", f"Name{at} Family{at % 5003}",
             ("DE", "FR", "GB", "IT")[at % 4], 1000 + at, f"note {at % 13}")
            for at in range(rows)
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Preview:
    """A running preview at a base address."""

    address: str

    def get(self, path: str) -> Any:
        """The JSON document at a path."""
        with urlopen(self.address + path) as response:
            return json.loads(response.read())

    def first_message(self) -> None:
        """Load what the page loads for its first message: the campaign, the list, the message."""
        while True:
            try:
                self.get("api/campaign")
                break
            except OSError:
                time.sleep(0.01)
        key = quote(self.get("api/recipients")["recipients"][0]["key"])
        self.get(f"api/message?recipient={key}")
        urlopen(f"{self.address}frame?recipient={key}").close()

    def searches(self) -> tuple[float, float]:
        """The median and the largest time of a search, in seconds."""
        taken = []
        for search in SEARCHES * ROUNDS:
            begun = time.perf_counter()
            self.get(f"api/recipients?search={quote(search)}")
            taken.append(time.perf_counter() - begun)
        return statistics.median(taken), max(taken)

    def wait_for_the_check(self) -> None:
        """Wait until the review set is chosen and everything is checked."""
        while not self.get("api/campaign")["problems"]["done"]:
            time.sleep(0.5)


def measure(folder: Path) -> None:
    """Start the preview of a campaign, measure and print."""
    command = [sys.executable, "-m", "mailmerge", "preview", str(folder), "--no-open"]
    begun = time.perf_counter()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline(), process.stderr.readline()]
        found = re.search(r"http://\S+", lines[1])
        assert found is not None, lines
        print(f"start and read the spreadsheet  {time.perf_counter() - begun:6.2f} s")
        preview = Preview(found[0])
        try:
            begun = time.perf_counter()
            preview.first_message()
            print(f"first message                   {time.perf_counter() - begun:6.2f} s")
            for name in ("during the check", "after the check"):
                median, most = preview.searches()
                print(f"search {name:18}       {median * 1000:6.0f} ms, most {most * 1000:.0f} ms")
                preview.wait_for_the_check()
        finally:
            process.send_signal(signal.SIGINT)


def main() -> None:
    """Measure with the number of rows that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        write_campaign(Path(name), rows)
        print(f"{rows:,} rows")
        measure(Path(name))


if __name__ == "__main__":
    main()
