"""How many rows a second are read and validated, and in how much memory.

Makes a CSV file of people (8 columns, every hundredth name quoted, 20,000 domains) and reads it
whole: encoding, delimiter, field counts, every address, every duplicate. Each measurement is a
process of its own; memory is the most that was ever resident, imports included.

    python benchmarks/recipients.py [--rows 1000000]
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLUMNS = ("email", "first name", "name", "company", "city", "country", "customer", "joined")
CAMPAIGN = """[recipients]
file = "{file}"
[message]
from = "news@example.org"
subject = "Hello"
text = "body.txt"
"""
GOAL_ROWS_A_SECOND = 60_000
GOAL_MEGABYTES = 250
GOAL_GROWTH = 1.2


def write_people(path: Path, rows: int) -> None:
    """Write a spreadsheet of `rows` different people."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for n in range(rows):
            name = f"Müller, {n}" if n % 100 == 0 else f"Name{n}"
            mailbox = f"person.{n}@mail{n % 20_000}.example.org"
            writer.writerow(
                (mailbox, f"First{n % 997}", name, f"Company {n % 5003} Ltd", f"City{n % 307}",
                 ("FR", "DE", "CN")[n % 3], f"{n:08d}", f"2026-{n % 12 + 1:02d}-01")
            )  # fmt: skip


def measure(folder: Path) -> dict[str, float]:
    """Read the campaign's people in this process."""
    from mailmerge.recipients.audience import Recipient, open_audience
    from mailmerge.recipients.spreadsheet import open_spreadsheet
    from mailmerge.settings import load_settings

    campaign = load_settings(folder)
    begun, used = time.perf_counter(), time.process_time()
    rows = sum(1 for _ in open_spreadsheet(campaign).rows())
    read, read_used = time.perf_counter() - begun, time.process_time() - used
    begun, used = time.perf_counter(), time.process_time()
    audience = open_audience(campaign)
    people = sum(isinstance(item, Recipient) for item in audience)
    validated, validated_used = time.perf_counter() - begun, time.process_time() - used
    if people != rows:
        raise SystemExit(f"{rows} rows, and only {people} of them are people")
    return {
        "rows": rows,
        "read": rows / read,
        "read_used": rows / read_used,
        "validated": rows / validated,
        "validated_used": rows / validated_used,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure_apart(folder: Path) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def compare(rows: int) -> bool:
    """Print the figures for a tenth of the rows and for all of them; whether the goals are met."""
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for size in (rows // 10, rows):
            file = f"{size}.csv"
            write_people(Path(folder, file), size)
            Path(folder, "campaign.toml").write_text(CAMPAIGN.format(file=file), encoding="utf-8")
            figures.append(measure_apart(Path(folder)))
    for measured in figures:
        print(
            f"{measured['rows']:>9,.0f} rows: read {measured['read']:,.0f}/s "
            f"({measured['read_used']:,.0f}/s of processor time), read and validated "
            f"{measured['validated']:,.0f}/s ({measured['validated_used']:,.0f}/s of processor "
            f"time), {measured['megabytes']:.0f} MB"
        )
    small, large = figures
    growth = large["megabytes"] / small["megabytes"]
    print(f"memory: {growth:.2f} times as much for ten times the rows")
    return (
        large["validated_used"] >= GOAL_ROWS_A_SECOND
        and large["megabytes"] < GOAL_MEGABYTES
        and growth <= GOAL_GROWTH
    )


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    print("all goals met" if compare(arguments.rows) else "NOT all goals met")


if __name__ == "__main__":
    main()
