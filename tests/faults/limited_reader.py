"""Reads spreadsheets in processes with limits on memory and time; prints JSON, a line for each.

    python limited_reader.py MEGABYTES

Each line of standard input has the seconds and a file, until it ends. The limits come on top of
what the interpreter takes with all libraries imported.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.spreadsheet import read_spreadsheet
from mailmerge.settings import RecipientsSection


def imported() -> None:
    """Load what is loaded on first use, such as the C code of pandas."""
    pd.DataFrame({"a": ["b"]}).to_json()
    pa.table({"a": ["b"]}).to_pandas(types_mapper=pd.ArrowDtype)["a"].tolist()


def read(path: Path) -> dict[str, object]:
    """What becomes of one file."""
    section = RecipientsSection(fill_merged=True)
    found: dict[str, object] = {"rows": 0, "code": "", "said": ""}
    rows = 0
    try:
        for record in read_spreadsheet(path, section).records():
            if not isinstance(record, Problem):
                rows += 1
            elif record.severity == "error" and not found["code"]:
                found |= {"code": record.code, "said": str(record)}
    except SpreadsheetError as error:
        found |= {"code": error.problem.code, "said": str(error)}
    return found | {"rows": rows}


def limited(path: Path, megabytes: int, seconds: int) -> None:
    """Read one file within the limits, in a child of this process."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    used = int(sum(os.times()[:2]))
    most = size + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, used + seconds))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = sum(os.times()[:4])
    found = read(path)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["megabytes"] = (after - before) >> 10
    found["seconds"] = round(sum(os.times()[:4]) - begun, 2)
    print(json.dumps(found), flush=True)


def main() -> None:
    megabytes = int(sys.argv[1])
    imported()
    for line in sys.stdin:
        limit, _, name = line.rstrip("\n").partition(" ")
        seconds = int(limit)
        child = os.fork()
        if not child:
            try:
                limited(Path(name), megabytes, seconds)
            except BaseException as error:  # noqa: BLE001 - even a panic is reported
                said = f"{type(error).__name__}: {error}"[:300]
                print(json.dumps({"code": "crash", "said": said, "rows": 0}), flush=True)
            os._exit(0)
        for _ in range(seconds * 6_000):  # the limit is on processor time, not on the clock
            if os.waitpid(child, os.WNOHANG)[0]:
                break
            time.sleep(0.01)
        else:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        print(json.dumps({"end": name}), flush=True)


if __name__ == "__main__":
    main()
