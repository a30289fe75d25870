"""A second sender starts while the first is sending, and no lock of the system keeps it away."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.senders import (
    RECIPIENTS,
    Sender,
    addresses,
    assert_nobody_got_two,
    ended,
    make_folder,
    wait_for,
)
from tests.scripted_server import ScriptedServer, serve

STOPPED = 75
SECOND_MACHINE = ("unshare", "--uts", "sh", "-c", 'hostname second && exec "$@"', "sh")


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serve() as running:
        yield running


@pytest.fixture
def sender(server: ScriptedServer, tmp_path: Path, state_home: Path) -> Sender:
    """A campaign that takes some three seconds."""
    make_folder(tmp_path / "spring", server.port, rate="100/second")
    return Sender(tmp_path / "spring", state_home)


def remove_lock(state: Path) -> None:
    (state / "ledger.lock").unlink()


def replace_lock(state: Path) -> None:
    (state / "other.lock").write_text("")
    (state / "other.lock").replace(state / "ledger.lock")


@pytest.mark.parametrize("fault", [remove_lock, replace_lock])
@pytest.mark.parametrize("state_homes", [1, 2])
def test_a_second_sender_is_refused_without_a_lock_file(
    sender: Sender, server: ScriptedServer, tmp_path: Path, fault: object, state_homes: int
) -> None:
    assert callable(fault)
    first = sender.start()
    wait_for(server, 30)
    fault(sender.state)
    second = Sender(sender.folder, tmp_path / "second" if state_homes == 2 else sender.state_home)
    status, output = second.run()
    assert status == STOPPED, output
    assert f"is being sent by process {first.pid}" in output
    status, output = ended(first)
    assert status == 0, output
    assert len(addresses(server)) == RECIPIENTS
    assert_nobody_got_two(server)


def test_many_second_senders_do_not_stop_the_first(sender: Sender, server: ScriptedServer) -> None:
    first = sender.start()
    wait_for(server, 20)
    others = []
    for _ in range(4):
        (sender.state / "ledger.lock").unlink(missing_ok=True)
        others.append(sender.start())
    refused = {ended(one)[0] for one in others}
    assert STOPPED in refused
    assert refused <= {0, STOPPED}, "0: the first had ended, and nothing was left"
    assert ended(first)[0] == 0
    assert len(addresses(server)) == RECIPIENTS
    assert_nobody_got_two(server)


def test_a_killed_sender_without_a_lock_file_resumes_at_once(
    sender: Sender, server: ScriptedServer
) -> None:
    first = sender.start()
    wait_for(server, 30)
    remove_lock(sender.state)
    first.kill()
    ended(first)
    status, output = sender.run("--in-doubt", "hold")
    assert status in {0, 5}, output
    assert len(addresses(server)) >= RECIPIENTS - 1
    assert_nobody_got_two(server)


def test_status_knows_the_sender_without_a_lock_file(
    sender: Sender, server: ScriptedServer
) -> None:
    first = sender.start()
    wait_for(server, 30)
    remove_lock(sender.state)
    output = sender.run(command="status")[1]
    assert f"A send is running: process {first.pid}" in output
    assert "in_doubt" not in output
    assert ended(first)[0] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a process another host name")
def test_another_machine_without_locks_is_refused(
    sender: Sender, server: ScriptedServer, tmp_path: Path
) -> None:
    first = sender.start()
    wait_for(server, 30)
    remove_lock(sender.state)
    status, output = Sender(sender.folder, tmp_path / "second", SECOND_MACHINE).run()
    assert status == STOPPED, output
    assert "is being sent by process" in output
    assert ended(first)[0] == 0
    assert_nobody_got_two(server)
    assert Sender(sender.folder, tmp_path / "second", SECOND_MACHINE).run()[0] == 0
    assert len(addresses(server)) == RECIPIENTS


def test_a_copied_folder_is_refused_while_the_first_is_sent(
    server: ScriptedServer, sender: Sender, tmp_path: Path
) -> None:
    assert sender.run("--limit", "1")[0] in {0, 5, STOPPED}
    shutil.copytree(sender.folder, tmp_path / "copy")
    first = sender.start()
    wait_for(server, 30)
    status, output = Sender(tmp_path / "copy", sender.state_home).run()
    assert status == STOPPED, output
    assert f"is being sent by process {first.pid}" in output
    assert str(sender.folder) in output
    assert ended(first)[0] == 0
    assert len(addresses(server)) == RECIPIENTS
    assert_nobody_got_two(server)


def test_a_folder_moved_while_it_is_sent_stops_and_resumes(
    sender: Sender, server: ScriptedServer, tmp_path: Path
) -> None:
    first = sender.start()
    wait_for(server, 30)
    moved = Sender(sender.folder.rename(tmp_path / "moved"), sender.state_home)
    second = moved.start()
    status, output = ended(first)
    assert status == STOPPED, output
    assert "was moved, replaced or removed while it was being sent" in output
    assert ended(second)[0] in {0, STOPPED}
    assert moved.run()[0] == 0
    assert len(addresses(server)) == RECIPIENTS
    assert_nobody_got_two(server)


def test_a_ledger_deleted_while_it_is_sent_stops_both(
    sender: Sender, server: ScriptedServer
) -> None:
    first = sender.start()
    wait_for(server, 30)
    shutil.rmtree(sender.state)
    status, output = sender.run()
    assert status in {2, STOPPED}, output
    status, output = ended(first)
    assert status == STOPPED, output
    status, output = sender.run()
    assert status == 2, output
    assert "the record of it is gone" in output
    assert_nobody_got_two(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a process another host name")
def test_a_dead_sender_on_another_machine_is_waited_for(
    sender: Sender, server: ScriptedServer, tmp_path: Path
) -> None:
    """Nobody can tell from here whether it has ended, so its last renewal counts."""
    first = Sender(sender.folder, tmp_path / "first", SECOND_MACHINE).start()
    wait_for(server, 30)
    first.kill()
    ended(first)
    status, output = sender.run()
    assert status == STOPPED, output
    assert "on second" in output
    assert_nobody_got_two(server)
