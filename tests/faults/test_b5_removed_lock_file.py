"""A second sender starts while the first is sending, and no lock of the system keeps it away."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.senders import (
    RECIPIENTS,
    Running,
    Sender,
    addresses,
    assert_nobody_got_two,
    ended,
    make_folder,
    wait_for,
)
from tests.scripted_server import ScriptedServer

STOPPED = 75
INTERRUPTED = 130
SECOND_MACHINE = ("unshare", "--uts", "sh", "-c", 'hostname second && exec "$@"', "sh")


@pytest.fixture
def sender(server: ScriptedServer, tmp_path: Path, state_home: Path) -> Sender:
    """A campaign that takes longer than the tests need, however slow this machine is."""
    make_folder(tmp_path / "spring", server.port, rate="5/second")
    return Sender(tmp_path / "spring", state_home)


def finish(first: Running, sender: Sender, server: ScriptedServer) -> None:
    """Interrupt the first sender, which still sends, and let the next one send the rest."""
    first.send_signal(signal.SIGINT)
    status, output = ended(first)
    assert status == INTERRUPTED, output
    status, output = sender.run("--rate", "9999/second")
    assert status == 0, output
    assert len(addresses(server)) == RECIPIENTS
    assert_nobody_got_two(server)


def remove_lock(state: Path) -> None:
    (state / "ledger.lock").unlink()


def replace_lock(state: Path) -> None:
    (state / "other.lock").write_text("")
    (state / "other.lock").replace(state / "ledger.lock")


@pytest.mark.parametrize(
    ("fault", "state_homes"),
    [
        (remove_lock, 1),
        (replace_lock, 2),
        pytest.param(remove_lock, 2, marks=pytest.mark.long),
        pytest.param(replace_lock, 1, marks=pytest.mark.long),
    ],
)
def test_a_second_sender_is_refused_without_a_lock_file(
    sender: Sender, server: ScriptedServer, tmp_path: Path, fault: object, state_homes: int
) -> None:
    assert callable(fault)
    first = sender.start()
    wait_for(server, 8)
    fault(sender.state)
    second = Sender(sender.folder, tmp_path / "second" if state_homes == 2 else sender.state_home)
    status, output = second.run()
    assert status == STOPPED, output
    assert f"is being sent by process {first.pid}" in output
    finish(first, sender, server)


@pytest.mark.long
@pytest.mark.parametrize("state_homes", [1, 2])
def test_a_second_sender_is_refused_where_every_lock_succeeds(
    sender: Sender, server: ScriptedServer, tmp_path: Path, state_homes: int
) -> None:
    """The locks of a network disk may not reach the other machine."""
    (tmp_path / "no-locks").mkdir()
    (tmp_path / "no-locks" / "sitecustomize.py").write_text(
        "import fcntl\nfcntl.flock = lambda *_: None\n"
    )
    without = {"PYTHONPATH": str(tmp_path / "no-locks")}
    first = replace(sender, environment=without).start()
    wait_for(server, 8)
    home = tmp_path / "second" if state_homes == 2 else sender.state_home
    status, output = replace(sender, state_home=home, environment=without).run()
    assert status == STOPPED, output
    assert f"is being sent by process {first.pid}" in output
    finish(first, sender, server)


@pytest.mark.long
def test_many_second_senders_do_not_stop_the_first(sender: Sender, server: ScriptedServer) -> None:
    first = sender.start()
    wait_for(server, 8)
    others = []
    for _ in range(4):
        (sender.state / "ledger.lock").unlink(missing_ok=True)
        others.append(sender.start())
    assert {ended(one)[0] for one in others} == {STOPPED}
    finish(first, sender, server)


def test_a_killed_sender_without_a_lock_file_resumes_at_once(
    sender: Sender, server: ScriptedServer
) -> None:
    first = sender.start()
    wait_for(server, 8)
    remove_lock(sender.state)
    first.kill()
    ended(first)
    status, output = sender.run("--rate", "9999/second")
    assert status in {0, 5}, output
    assert len(addresses(server)) >= RECIPIENTS - 1
    assert_nobody_got_two(server)


@pytest.mark.long
def test_status_knows_the_sender_without_a_lock_file(
    sender: Sender, server: ScriptedServer
) -> None:
    first = sender.start()
    wait_for(server, 8)
    remove_lock(sender.state)
    output = sender.run(command="status")[1]
    assert f"A send is running: process {first.pid}" in output
    assert "in_doubt" not in output
    finish(first, sender, server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a process another host name")
def test_another_machine_without_locks_is_refused(
    sender: Sender, server: ScriptedServer, tmp_path: Path
) -> None:
    first = sender.start()
    wait_for(server, 8)
    remove_lock(sender.state)
    status, output = Sender(sender.folder, tmp_path / "second", SECOND_MACHINE).run()
    assert status == STOPPED, output
    assert "is being sent by process" in output
    finish(first, Sender(sender.folder, tmp_path / "second", SECOND_MACHINE), server)


def test_a_copied_folder_is_refused_while_the_first_is_sent(
    server: ScriptedServer, sender: Sender, tmp_path: Path
) -> None:
    sender.run("--limit", "1")
    shutil.copytree(sender.folder, tmp_path / "copy")
    first = sender.start()
    wait_for(server, 8)
    status, output = Sender(tmp_path / "copy", sender.state_home).run()
    assert status == STOPPED, output
    assert f"is being sent by process {first.pid}" in output
    assert str(sender.folder) in output
    finish(first, sender, server)


@pytest.mark.long
def test_a_folder_moved_while_it_is_sent_stops_and_resumes(
    sender: Sender, server: ScriptedServer, tmp_path: Path
) -> None:
    first = sender.start()
    wait_for(server, 8)
    moved = Sender(sender.folder.rename(tmp_path / "moved"), sender.state_home)
    second = moved.start()
    status, output = ended(first)
    assert status == STOPPED, output
    assert "was moved, replaced or removed while it was being sent" in output
    second.send_signal(signal.SIGINT)
    # 0: the first had stopped early enough for the second to send the rest.
    assert ended(second)[0] in {0, INTERRUPTED, STOPPED, -signal.SIGINT}
    assert moved.run("--rate", "9999/second")[0] == 0
    assert len(addresses(server)) == RECIPIENTS
    assert_nobody_got_two(server)


@pytest.mark.long
def test_a_ledger_deleted_while_it_is_sent_stops_both(
    sender: Sender, server: ScriptedServer
) -> None:
    first = sender.start()
    wait_for(server, 8)
    shutil.rmtree(sender.state)
    status, output = sender.run()
    assert status in {2, STOPPED}, output
    status, output = ended(first)
    assert status == STOPPED, output
    status, output = sender.run()
    assert status == 2, output
    assert "the record of it is gone" in output
    assert_nobody_got_two(server)


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a process another host name")
def test_a_dead_sender_on_another_machine_is_waited_for(
    sender: Sender, server: ScriptedServer, tmp_path: Path
) -> None:
    """Nobody can tell from here whether it has ended, so its last renewal counts."""
    first = Sender(sender.folder, tmp_path / "first", SECOND_MACHINE).start()
    wait_for(server, 8)
    first.kill()
    ended(first)
    status, output = sender.run()
    assert status == STOPPED, output
    assert "on second" in output
    assert_nobody_got_two(server)
