"""Disks that fill up or fail during a run, on real file systems, checked by the server's log."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from mailmerge.errors import LedgerError
from mailmerge.ledger.states import State
from mailmerge.settings import load_settings
from tests.engine.driver import Job, compare, make_campaign, send
from tests.scripted_server import serve
from tests.servers import programs

ROOT = Path(__file__).parents[2]
SIZE = "16m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MiB."""
    programs.require_root("mounting a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        programs.unavailable(f"a small disk cannot be mounted: {mounted.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("room", [0, 200_000, 600_000])
def test_a_disk_that_fills_up_stops_the_run_and_loses_nothing(small_disk: Path, room: int) -> None:
    recipients = 2000
    folder = make_campaign(small_disk / "campaign").folder
    with serve() as server:
        job = Job(folder, server.port, recipients=recipients, stop_after=20)
        send(job)
        taken_first = len(server.taken)
        assert 20 <= taken_first < recipients
        fill(small_disk, room)
        stopped = ""
        try:
            stopped = str(send(Job(folder, server.port, recipients=recipients)).error)
        except LedgerError as error:
            stopped = str(error)
        assert "free some disk space" in stopped
        (small_disk / "filling").unlink()
        compare(load_settings(folder), server).check(recipients)
        assert send(Job(folder, server.port, recipients=recipients)).error is None
        found = compare(load_settings(folder), server)
        found.check(recipients)
        found.check_once()
        assert len(found.in_state(State.SENT)) == recipients
        assert not server.violations


def fill(disk: Path, room: int) -> None:
    """Fill the disk up to this many bytes."""
    free = os.statvfs(disk)
    with (disk / "filling").open("wb") as file:
        file.write(bytes(max(free.f_bavail * free.f_frsize - room, 0)))


@pytest.fixture(scope="module")
def failing_sync(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that lets fsync fail from the n-th call on."""
    compiler = programs.require("cc")
    library = tmp_path_factory.mktemp("sync") / "failing_sync.so"
    source = Path(__file__).with_name("failing_sync.c")
    programs.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"])
    return library


_DRIVE = """
import sys
from pathlib import Path
from tests.engine.driver import Job, drive
drive(Job(Path(sys.argv[1]), int(sys.argv[2]), recipients=int(sys.argv[3])))
"""


def drive_with(library: Path, folder: Path, port: int, recipients: int, fails_after: int) -> int:
    """Send in a process whose fsync fails from then on; its exit status."""
    environ = {"LD_PRELOAD": str(library), "FSYNC_FAILS_AFTER": str(fails_after)}
    done = subprocess.run(
        [sys.executable, "-c", _DRIVE, str(folder), str(port), str(recipients)],
        env={**os.environ, **environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode


@dataclass(frozen=True)
class Dying:
    """The progress of a run on a failing disk."""

    taken: int
    """How many messages the server had taken before the resume."""
    finished: bool
    """Whether it needed no more syncs than the disk gave."""


def fail_and_resume(folder: Path, library: Path, fails_after: int) -> Dying:
    """Send while the disk dies, then resume on a sound one."""
    recipients = 700
    make_campaign(folder)
    with serve() as server:
        drive_with(library, folder, server.port, recipients, fails_after)
        told = folder / "summary.txt"
        summary = told.read_text() if told.exists() else "LedgerError before the run"
        finished = summary.startswith("None\n")
        assert finished or "LedgerError" in summary
        found = compare(load_settings(folder), server)
        if found.deliveries:
            found.check(recipients)
        dying = Dying(len(server.taken), finished)
        assert len(found.in_state(State.IN_DOUBT)) <= 1
        send(Job(folder, server.port, recipients=recipients, later=3600.0))
        found = compare(load_settings(folder), server)
        found.check(recipients)
        found.check_once()
        assert found.in_state(State.SENT, State.IN_DOUBT) == set(found.deliveries)
    return dying


WHILE_SENDING = 20
"""Syncs that are done when the run has claimed its first recipients and sends."""


def test_a_disk_that_no_longer_syncs_stops_the_run_and_loses_nothing(
    tmp_path: Path, failing_sync: Path
) -> None:
    dying = fail_and_resume(tmp_path, failing_sync, WHILE_SENDING)
    assert dying.taken > 0
    assert not dying.finished


@pytest.mark.long
def test_failure_of_any_sync_loses_nothing(tmp_path: Path, failing_sync: Path) -> None:
    """Fail at each sync in turn until a run needs no more syncs; their number varies."""
    for fails_after in count():
        if fail_and_resume(tmp_path / f"after-{fails_after}", failing_sync, fails_after).finished:
            break
    assert fails_after > WHILE_SENDING
