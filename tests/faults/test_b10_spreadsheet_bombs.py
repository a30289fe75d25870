"""A spreadsheet of at most 10 MB ends the process, or takes gigabytes or minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.hostile_sheets import (
    HEADER,
    KINDS,
    SLOW,
    TABLE,
    dense,
    ods,
    ods_cell,
    ods_row,
    one_row,
    rows,
    text_cell,
    xls_circle,
    xlsx,
)

ROOT = Path(__file__).parents[2]
READER = Path(__file__).with_name("limited_reader.py")
MEGABYTES, SECONDS = 200, 10
MOST_BYTES = 10 << 20


def read_limited(path: Path, seconds: int = SECONDS) -> dict[str, object]:
    """Read a file in a process with limits, and see that it stays within them."""
    assert path.stat().st_size <= MOST_BYTES
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        # The limit is on addresses, and these libraries reserve far more than they use.
        "MALLOC_ARENA_MAX": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }
    command = [sys.executable, str(READER), str(MEGABYTES), str(seconds), str(path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 2, f"the process ended: {done.stderr[-500:]}"
    found: dict[str, object] = lines[0]
    assert done.stderr == ""
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.long if kind in SLOW else ()) for kind in KINDS],
)
def test_a_hostile_file_costs_little(kind: str, tmp_path: Path) -> None:
    make, expected = KINDS[kind]
    path = tmp_path / "recipients.bin"
    make(path)
    found = read_limited(path)
    if isinstance(expected, str):
        assert (found["code"], "recipients.bin" in str(found["said"])) == (expected, True)
        assert "\n" not in str(found["said"])
    else:
        assert (found["rows"], found["code"]) == (expected, "")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
def test_a_dense_list_of_10_mb_is_read_within_the_same_limits(tmp_path: Path) -> None:
    path = tmp_path / "recipients.xlsx"
    dense(path)
    assert path.stat().st_size > 9_000_000
    # Twice the time: the tests of other modules run beside it.
    assert read_limited(path, 2 * SECONDS)["rows"] == 130_000


CAMPAIGN = """[recipients]
file = "guests.xlsx"
[message]
from = "news@example.org"
subject = "Hello"
text = "body.txt"
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    (tmp_path / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    (tmp_path / "body.txt").write_text("Hello {{ n }}", encoding="utf-8")
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mailmerge", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


COMMANDS = (["check", "."], ["send", ".", "--sandbox", "--yes"], ["render", "."])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_command_says_file_sheet_row_and_fix_in_one_line(
    campaign: Path, command: list[str]
) -> None:
    far = f'<row r="4000000000">{text_cell("A4000000000", "x")}</row>'
    xlsx(campaign / "guests.xlsx", rows(TABLE, far))
    done = run(campaign, *command)
    assert done.returncode == 3
    said = " ".join((done.stdout + done.stderr).split())
    assert 'guests.xlsx, sheet S1, row 3: "row 4000000000" is not a place in a sheet' in said
    assert "save it again" in said
    assert "Traceback" not in said
    assert "unexpected" not in said


def test_the_check_names_the_row_and_column_of_a_number(campaign: Path) -> None:
    xlsx(campaign / "guests.xlsx", rows(one_row('<c r="B2"><v>1e999999999</v></c>')))
    done = run(campaign, "check", ".")
    assert done.returncode == 3
    said = " ".join((done.stdout + done.stderr).split())
    assert 'B2 has the number "1e999999999", which no sheet can hold' in said
    assert "row 2" in said


def test_a_panic_of_a_compiled_reader_prints_nothing_of_its_own(campaign: Path) -> None:
    xls_circle(campaign / "guests.xlsx")
    done = run(campaign, "check", ".")
    assert done.returncode == 3
    assert "the file is damaged: its sectors form a circle" in done.stdout + done.stderr
    assert "panicked" not in done.stdout + done.stderr


def test_stray_spaces_far_out_change_no_recipient(campaign: Path) -> None:
    stray = f'<row r="1048576">{text_cell("AZ1048576", " ")}</row>'
    xlsx(campaign / "guests.xlsx", rows(TABLE, stray))
    done = run(campaign, "check", ".")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 recipient" in done.stdout + done.stderr


def test_a_text_in_a_column_without_a_name_is_named_by_its_cell(campaign: Path) -> None:
    stray = f'<row r="60000">{text_cell("BZZ60000", "x")}</row>'
    xlsx(campaign / "guests.xlsx", rows(TABLE, stray))
    done = run(campaign, "check", ".")
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 3
    assert "column BZZ has no name, but BZZ60000 has text" in said


def test_rows_below_a_repeated_row_keep_their_numbers(campaign: Path) -> None:
    table = ods_row(ods_cell("email"), ods_cell("n")), ods_row(ods_cell("a@x.org"), ods_cell("5"))
    last = ods_row(ods_cell("no address"), ods_cell("6"))
    ods(campaign / "guests.xlsx", *table, ods_row(times=20_000), last)
    done = run(campaign, "check", ".")
    said = " ".join((done.stdout + done.stderr).split())
    assert "row 20003" in said.replace(",", "")


def test_the_header_alone_is_no_list(campaign: Path) -> None:
    xlsx(campaign / "guests.xlsx", rows(HEADER, '<row r="1048576" hidden="1"/>'))
    done = run(campaign, "check", ".")
    assert "there are no rows below the header" in " ".join((done.stdout + done.stderr).split())
