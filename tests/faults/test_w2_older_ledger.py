"""An older ledger is put back, a folder is copied and both are sent, or `.mailmerge` is deleted."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

import mailmerge as mm
from mailmerge.errors import LedgerOlder
from mailmerge.ledger.marks import Mark, Marks
from tests.faults.senders import (
    Sender,
    addresses,
    assert_nobody_got_two,
    make_folder,
)
from tests.scripted_server import ScriptedServer

NUMBER = 40
REFUSED = 2
ACCEPT = "--accept-older-ledger"


@pytest.fixture
def sender(server: ScriptedServer, tmp_path: Path, state_home: Path) -> Sender:
    """A campaign of which the first half is sent."""
    make_folder(tmp_path / "spring", server.port, recipients=NUMBER)
    made = Sender(tmp_path / "spring", state_home)
    made.run("--limit", str(NUMBER // 2))
    assert len(addresses(server)) == NUMBER // 2
    return made


def put_back(sender: Sender, copy: Path) -> None:
    shutil.rmtree(sender.state)
    shutil.copytree(copy, sender.state)


def test_an_older_ledger_is_refused(sender: Sender, server: ScriptedServer, tmp_path: Path) -> None:
    shutil.copytree(sender.state, tmp_path / "backup")
    assert sender.run()[0] == 0
    put_back(sender, tmp_path / "backup")
    for _ in range(2):
        status, output = sender.run()
        assert status == REFUSED, output
        assert "ledger.sqlite: is older than the last record of this campaign" in output
        assert "it has 20 sent recipients" in output
        assert f"sent to {NUMBER} recipients" in output
        assert ACCEPT in output
    assert_nobody_got_two(server)


@pytest.mark.long
def test_an_accepted_older_ledger_is_sent_and_accepted_for_good(
    sender: Sender, server: ScriptedServer, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(sender.state, tmp_path / "backup")
    assert sender.run()[0] == 0
    shutil.copytree(sender.state, newer)
    put_back(sender, tmp_path / "backup")
    sender.run("--limit", "5", ACCEPT)
    assert len(server.taken) == NUMBER + 5
    put_back(sender, newer)
    assert sender.run()[0] == REFUSED, "it does not know of the five"


@pytest.mark.long
def test_a_ledger_put_back_before_anything_was_sent_is_no_loss(
    sender: Sender, server: ScriptedServer, tmp_path: Path
) -> None:
    shutil.copytree(sender.state, tmp_path / "backup")
    sender.run("--limit", "0")
    put_back(sender, tmp_path / "backup")
    assert sender.run()[0] == 0
    assert len(addresses(server)) == NUMBER
    assert_nobody_got_two(server)


def test_the_second_of_two_copies_is_refused(
    sender: Sender, server: ScriptedServer, tmp_path: Path
) -> None:
    copy = Sender(tmp_path / "copy", sender.state_home)
    shutil.copytree(sender.folder, copy.folder)
    assert sender.run()[0] == 0
    status, output = copy.run()
    assert status == REFUSED, output
    assert str(sender.folder) in output, "where the newer one is"
    assert_nobody_got_two(server)


def test_a_renamed_folder_goes_on(sender: Sender, server: ScriptedServer, tmp_path: Path) -> None:
    moved = Sender(sender.folder.rename(tmp_path / "moved"), sender.state_home)
    assert moved.run()[0] == 0
    assert len(addresses(server)) == NUMBER
    assert_nobody_got_two(server)


@pytest.mark.long
def test_a_killed_run_goes_on(sender: Sender, server: ScriptedServer) -> None:
    """The mark is never ahead of the ledger."""
    for _ in range(4):
        running = sender.start("--rate", "20/second")
        time.sleep(1.2)
        running.kill()
        running.communicate()
    assert sender.run()[0] in {0, 5}
    assert len(addresses(server)) >= NUMBER - 4
    assert_nobody_got_two(server)


@pytest.mark.parametrize(
    "what", [".mailmerge", pytest.param("ledger.sqlite", marks=pytest.mark.long)]
)
def test_a_deleted_ledger_is_noticed(sender: Sender, server: ScriptedServer, what: str) -> None:
    if what == ".mailmerge":
        shutil.rmtree(sender.state)
    else:
        for path in sender.state.glob("ledger*"):
            path.unlink()
    for _ in range(2):
        status, output = sender.run()
        assert status == REFUSED, output
        assert "sent to 20 recipients from here before" in output
        assert "the record of it is gone" in output
        assert ACCEPT in output
    assert_nobody_got_two(server)
    assert sender.run(ACCEPT)[0] == 0
    assert len(server.taken) == NUMBER + NUMBER // 2


@pytest.mark.long
def test_a_killed_first_run_whose_ledger_is_deleted_is_noticed(
    server: ScriptedServer, tmp_path: Path, state_home: Path
) -> None:
    make_folder(tmp_path / "new", server.port, recipients=NUMBER, rate="20/second")
    sender = Sender(tmp_path / "new", state_home)
    running = sender.start()
    while len(server.taken) < NUMBER // 2:
        time.sleep(0.05)
    running.kill()
    running.communicate()
    shutil.rmtree(sender.state)
    assert sender.run()[0] == REFUSED
    assert_nobody_got_two(server)


def test_a_new_campaign_at_an_old_path_is_sent(sender: Sender, server: ScriptedServer) -> None:
    """Other recipients, or a folder in which every file is new: nothing was lost."""
    shutil.rmtree(sender.state)
    rows = "".join(f"v{number}@example.org,V{number}\n" for number in range(NUMBER))
    (sender.folder / "recipients.csv").write_text("email,name\n" + rows)
    assert sender.run()[0] == 0
    shutil.rmtree(sender.folder)
    time.sleep(0.02)
    make_folder(sender.folder, server.port, recipients=NUMBER)
    assert sender.run()[0] == 0


@pytest.mark.parametrize("options", [["--dry-run"], ["--sandbox"], ["--test-to", "me@example.org"]])
def test_runs_without_the_ledger_do_not_care(
    sender: Sender, tmp_path: Path, options: list[str]
) -> None:
    shutil.rmtree(sender.state)
    status, output = sender.run(*options)
    assert status == 0, output


def test_another_state_folder_knows_nothing(sender: Sender, tmp_path: Path) -> None:
    shutil.rmtree(sender.state)
    assert Sender(sender.folder, tmp_path / "elsewhere").run()[0] == 0


def test_a_state_folder_that_cannot_be_written_is_said_once(
    server: ScriptedServer, tmp_path: Path
) -> None:
    """Its part for ledgers is a file here, so no folder can be made."""
    make_folder(tmp_path / "spring", server.port, recipients=3)
    home = tmp_path / "home"
    home.mkdir()
    (home / "ledgers").write_text("in the way")
    status, output = Sender(tmp_path / "spring", home).run()
    assert status == 0, output
    assert output.count("the state folder cannot be written") == 1


def test_the_api_refuses_an_older_and_a_deleted_ledger(
    server: ScriptedServer, tmp_path: Path
) -> None:
    campaign = mm.Campaign(
        name="spring", sender="news@example.org", subject="Hello", text="Dear {{ name }}"
    )
    rows = [{"email": f"u{number}@example.org", "name": "U"} for number in range(NUMBER)]
    people = mm.read_recipients(rows, address="email")
    path = tmp_path / "spring.db"
    url = f"sqlite:///{path}"
    over = mm.Server("127.0.0.1", port=server.port, security="none")

    def send(limit: int | None, **options: bool) -> None:
        with mm.Ledger.open(url, **options) as ledger:  # type: ignore[arg-type]  # the keyword of the test
            mm.Job(campaign, people, over, ledger, limit=limit).run_all()

    send(10)
    shutil.copyfile(path, tmp_path / "backup.db")
    send(None)
    shutil.copyfile(tmp_path / "backup.db", path)
    with pytest.raises(LedgerOlder, match="is older than the last record"):
        send(None)
    for left in tmp_path.glob("spring*"):
        left.unlink()
    with pytest.raises(LedgerOlder, match="the record of it is gone") as error:
        send(None)
    assert error.value.problem.code == "ledger-older"
    assert_nobody_got_two(server)
    send(1, accept_older=True)
    assert len(server.taken) == NUMBER + 1


def test_the_state_folder_stays_small(server: ScriptedServer, tmp_path: Path) -> None:
    folder = tmp_path / "marks"
    real = tmp_path / "real.db"
    real.touch()
    marks = Marks(folder)
    for number in range(700):
        at = real if number == 0 else tmp_path / f"gone-{number}.db"
        file = marks.open(f"{number:032x}")
        file.write(Mark(f"{number:032x}", str(at)))
        file.close()
        marks.remember(at, f"{number:032x}")
        if number == 0:
            os.utime(folder / f"{0:032x}.mark", (1, 1))
    files = list(folder.iterdir())
    assert len(files) <= 2 * 513
    assert (folder / f"{0:032x}.mark").exists(), "the oldest, but its ledger is there"
