"""A spreadsheet of at most 10 MB ends the process, or takes gigabytes or minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import forked
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


@dataclass
class Reader:
    """A process that forks another one with limits for each file; `errors` is what they wrote."""

    process: subprocess.Popen[str]
    errors: Path

    def read(self, path: Path, seconds: int = SECONDS) -> dict[str, object]:
        """Read a file, and see that this stays within the limits."""
        assert path.stat().st_size <= MOST_BYTES
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        before = len(self.errors.read_text())
        self.process.stdin.write(f"{seconds} {path}\n")
        self.process.stdin.flush()
        lines: list[dict[str, object]] = []
        while not lines or "end" not in lines[-1]:
            lines.append(json.loads(self.process.stdout.readline()))
        said = self.errors.read_text()[before:]
        assert len(lines) == 2, f"the process ended: {said[-500:]}"
        assert said == ""
        return lines[0]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    errors = tmp_path_factory.mktemp("reader") / "errors.txt"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        # The limit is on addresses, and these libraries reserve far more than they use.
        "MALLOC_ARENA_MAX": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }
    command = [sys.executable, str(READER), str(MEGABYTES)]
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        yield Reader(process, errors)


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=pytest.mark.long if kind in SLOW else ()) for kind in KINDS],
)
def test_a_hostile_file_costs_little(kind: str, tmp_path: Path, reader: Reader) -> None:
    make, expected = KINDS[kind]
    path = tmp_path / "recipients.bin"
    make(path)
    found = reader.read(path)
    if isinstance(expected, str):
        assert (found["code"], "recipients.bin" in str(found["said"])) == (expected, True)
        assert "\n" not in str(found["said"])
    else:
        assert (found["rows"], found["code"]) == (expected, "")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
def test_a_dense_list_of_10_mb_is_read_within_the_same_limits(
    tmp_path: Path, reader: Reader
) -> None:
    path = tmp_path / "recipients.xlsx"
    dense(path)
    assert path.stat().st_size > 9_000_000
    # Twice the time: the tests of other modules run beside it.
    assert reader.read(path, 2 * SECONDS)["rows"] == 130_000


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


def run(folder: Path, *command: str) -> tuple[int, str]:
    """Run the command; return its exit status, and all that it wrote in one line."""
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    done = forked.run(*command, environment=environment, folder=folder)
    return done.returncode, " ".join((done.stdout + done.stderr).decode().split())


COMMANDS = (["check", "."], ["send", ".", "--sandbox", "--yes"], ["render", "."])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_command_says_file_sheet_row_and_fix_in_one_line(
    campaign: Path, command: list[str]
) -> None:
    far = f'<row r="4000000000">{text_cell("A4000000000", "x")}</row>'
    xlsx(campaign / "guests.xlsx", rows(TABLE, far))
    status, said = run(campaign, *command)
    assert status == 3
    assert 'guests.xlsx, sheet S1, row 3: "row 4000000000" is not a place in a sheet' in said
    assert "save it again" in said
    assert "Traceback" not in said
    assert "unexpected" not in said


def test_the_check_names_the_row_and_column_of_a_number(campaign: Path) -> None:
    xlsx(campaign / "guests.xlsx", rows(one_row('<c r="B2"><v>1e999999999</v></c>')))
    status, said = run(campaign, "check", ".")
    assert status == 3
    assert 'B2 has the number "1e999999999", which no sheet can hold' in said
    assert "row 2" in said


def test_a_panic_of_a_compiled_reader_prints_nothing_of_its_own(campaign: Path) -> None:
    xls_circle(campaign / "guests.xlsx")
    status, said = run(campaign, "check", ".")
    assert status == 3
    assert "the file is damaged: its sectors form a circle" in said
    assert "panicked" not in said


def test_stray_spaces_far_out_change_no_recipient(campaign: Path) -> None:
    stray = f'<row r="1048576">{text_cell("AZ1048576", " ")}</row>'
    xlsx(campaign / "guests.xlsx", rows(TABLE, stray))
    status, said = run(campaign, "check", ".")
    assert status == 0, said
    assert "1 recipient" in said


def test_a_text_in_a_column_without_a_name_is_named_by_its_cell(campaign: Path) -> None:
    stray = f'<row r="60000">{text_cell("BZZ60000", "x")}</row>'
    xlsx(campaign / "guests.xlsx", rows(TABLE, stray))
    status, said = run(campaign, "check", ".")
    assert status == 3
    assert "column BZZ has no name, but BZZ60000 has text" in said


def test_rows_below_a_repeated_row_keep_their_numbers(campaign: Path) -> None:
    table = ods_row(ods_cell("email"), ods_cell("n")), ods_row(ods_cell("a@x.org"), ods_cell("5"))
    last = ods_row(ods_cell("no address"), ods_cell("6"))
    ods(campaign / "guests.xlsx", *table, ods_row(times=20_000), last)
    said = run(campaign, "check", ".")[1]
    assert "row 20003" in said.replace(",", "")


def test_the_header_alone_is_no_list(campaign: Path) -> None:
    xlsx(campaign / "guests.xlsx", rows(HEADER, '<row r="1048576" hidden="1"/>'))
    assert "there are no rows below the header" in run(campaign, "check", ".")[1]
