"""A campaign lies on a disk that cannot be written, and the user wants to know who got it."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.ledger.states import State
from mailmerge.settings import load_settings
from tests.engine.driver import make_recipients
from tests.faults.senders import Sender, make_folder, wait_for
from tests.ledger.steps import finish
from tests.ledgers import open_store, read_ledger
from tests.scripted_server import serve

STOPPED = 75
NUMBER = 40
CAMPAIGN = '[message]\nfrom = "news@example.org"\nsubject = "Hello"\ntext = "body.txt"\n'

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A campaign with two recipients, of which one got the message."""
    folder = tmp_path / "spring"
    folder.mkdir()
    (folder / "campaign.toml").write_text(CAMPAIGN)
    (folder / "recipients.csv").write_text("email\nu0@example.org\nu1@example.org\n")
    (folder / "body.txt").write_text("Hello\n")
    return folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """An empty disk; `freeze` makes it read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine cannot mount a disk")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def freeze(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


def send_one(folder: Path) -> None:
    with open_store(load_settings(folder)) as store:
        store.enrol(make_recipients(2), "fingerprint")
        [one] = store.claim("w", 1, 1_800_000_000.0)
        finish(store, one, State.SENT)


def check_status_and_export(folder: Path, state_home: Path, tmp_path: Path) -> Counter[str]:
    """Run `status`, and compare it with the exported states, which are returned."""
    sender = Sender(folder, state_home)
    status, output = sender.run(command="status")
    assert status == 0, output
    exported = tmp_path / "outcome.csv"
    assert sender.run("--export", str(exported), command="status")[0] == 0
    rows = list(csv.DictReader(exported.read_text(encoding="utf-8-sig").splitlines()))
    found = Counter(row["status"] for row in rows)
    assert all(f"{count} {state.replace('_', ' ')}" in output for state, count in found.items())
    return found


def test_a_finished_campaign_is_read(
    folder: Path, disk: Path, state_home: Path, tmp_path: Path
) -> None:
    send_one(folder)
    shutil.copytree(folder, disk / "spring")
    freeze(disk)
    found = check_status_and_export(disk / "spring", state_home, tmp_path)
    assert found == {"sent": 1, "pending": 1}
    assert {path.name for path in (disk / "spring" / ".mailmerge").iterdir()} >= {"ledger.sqlite"}


@pytest.mark.parametrize("files", ["log alone", "log and shared memory"])
def test_a_killed_campaign_is_read(
    folder: Path, disk: Path, state_home: Path, tmp_path: Path, files: str
) -> None:
    """The write-ahead log has the last commits, and the journal the last outcomes."""
    with serve() as server:
        make_folder(tmp_path / "killed", server.port, recipients=NUMBER, rate="20/second")
        running = Sender(tmp_path / "killed", state_home).start()
        wait_for(server, 10)
        running.kill()
        running.communicate()
    shutil.copytree(tmp_path / "killed", disk / "spring")
    log = disk / "spring" / ".mailmerge" / "ledger.sqlite-wal"
    assert log.stat().st_size > 0
    if files == "log alone":
        log.with_name("ledger.sqlite-shm").unlink()
    freeze(disk)
    found = check_status_and_export(disk / "spring", state_home, tmp_path)
    assert found["sent"] >= 9
    assert found["in_doubt"] <= 1
    assert found["pending"] == NUMBER - found["sent"] - found["in_doubt"]


def test_send_says_that_the_disk_is_read_only(folder: Path, disk: Path, state_home: Path) -> None:
    send_one(folder)
    shutil.copytree(folder, disk / "spring")
    freeze(disk)
    status, output = Sender(disk / "spring", state_home).run("--sandbox")
    assert status == STOPPED, output


def test_a_read_only_ledger_is_not_changed(folder: Path, disk: Path) -> None:
    send_one(folder)
    shutil.copytree(folder, disk / "spring")
    freeze(disk)
    reader = read_ledger(load_settings(disk / "spring"))
    assert reader.counts()[State.SENT] == 1
    assert reader.owner is None
