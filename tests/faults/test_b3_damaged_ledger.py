"""Bytes of a ledger change after its run was killed, and recipients get a second mail."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailmerge.cli import app
from mailmerge.errors import LedgerError
from mailmerge.ledger.journal_file import HEADER_BYTES
from tests.engine.driver import Job, drive, make_campaign, make_recipients, send
from tests.forked import CONTEXT
from tests.ledger.damage import laboratory, run_rounds, taken_since
from tests.ledgers import open_store
from tests.scripted_server import Script, ServerProcess, Settings, server_process

RECIPIENTS = 40
LINES = 60


@dataclass(frozen=True)
class Killed:
    """A run that was killed when its journal had 60 lines, none of them in the database.

    `taken` is what the server accepted before, and `since` the number of its messages when the test
    began: the other tests have copies of the same run and use the same server.
    """

    folder: Path
    server: ServerProcess
    taken: Counter[str]
    since: int

    @property
    def journal(self) -> Path:
        [path] = self.folder.glob(".mailmerge/*.journal")
        return path

    def change(self, change: Callable[[bytearray], object]) -> None:
        """Change the bytes of the journal."""
        content = bytearray(self.journal.read_bytes())
        change(content)
        self.journal.write_bytes(content)

    def send_again(self) -> Counter[str]:
        """Send again; return how often the server accepted each recipient's message."""
        send(Job(self.folder, self.server.port, RECIPIENTS))
        return self.accepted()

    def accepted(self) -> Counter[str]:
        """How often the server accepted each recipient's message."""
        return self.taken + taken_since(self.server, self.since)

    def status(self) -> str:
        return CliRunner().invoke(app, ["status", str(self.folder)]).output


Original = tuple[Path, ServerProcess, Counter[str]]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Original]:
    """The folder of a run that was killed, its server, and what that had accepted."""
    place = tmp_path_factory.mktemp("killed")
    with server_process(Script(Settings(fsync=False, keep=False)), place) as server:
        folder = make_campaign(place / "campaign").folder
        job = Job(
            folder,
            server.port,
            RECIPIENTS,
            crash_at=2 * LINES,
            crash_near="journal line",
            state_home=str(place / "state-home"),
            clock_stands=True,
        )
        process = CONTEXT.Process(target=drive, args=(job,), daemon=True)
        process.start()
        process.join(60)
        assert process.exitcode == 9
        server.wait_until_idle()
        yield folder, server, taken_since(server, 0)


@pytest.fixture
def killed(tmp_path: Path, original: Original) -> Killed:
    """A copy of the run that was killed."""
    folder, server, taken = original
    server.wait_until_idle()
    shutil.copytree(folder, tmp_path / "campaign")
    return Killed(tmp_path / "campaign", server, taken, len(server.messages))


def lines(content: bytearray) -> list[int]:
    """Return where the lines begin."""
    written = content.rstrip(b"\0")
    ends = [found.end() for found in re.finditer(rb"\n", written[HEADER_BYTES:])]
    return [HEADER_BYTES + place for place in (0, *ends[:-1])]


def flip_a_bit(content: bytearray) -> None:
    content[lines(content)[10] + 30] ^= 4


def cut_in_a_line(content: bytearray) -> None:
    del content[lines(content)[-10] + 20 :]


def cut_at_a_line(content: bytearray) -> None:
    del content[lines(content)[-10] :]


def zeros_from_a_line(content: bytearray) -> None:
    start = lines(content)[-10]
    content[start:] = bytes(len(content) - start)


def zeros_from_the_middle_of_a_line(content: bytearray) -> None:
    start = lines(content)[-10] + 20
    content[start:] = bytes(len(content) - start)


def remove_a_line(content: bytearray) -> None:
    first, second, *_ = lines(content)[20:]
    del content[first:second]


def repeat_a_line(content: bytearray) -> None:
    first, second, *_ = lines(content)[20:]
    content[second:second] = content[first:second]


def exchange_two_lines(content: bytearray) -> None:
    first, second, third, *_ = lines(content)[20:]
    content[first:third] = content[second:third] + content[first:second]


def garbage_behind_the_lines(content: bytearray) -> None:
    end = len(content.rstrip(b"\0"))
    content[end + 100 : end + 120] = b"x" * 20


def damage_the_header(content: bytearray) -> None:
    content[3] ^= 1


@pytest.mark.parametrize(
    "change",
    [
        flip_a_bit, cut_in_a_line, cut_at_a_line, zeros_from_a_line,
        zeros_from_the_middle_of_a_line, remove_a_line, repeat_a_line, exchange_two_lines,
        garbage_behind_the_lines, damage_the_header, bytearray.clear,
    ],
)  # fmt: skip
def test_a_damaged_journal_means_doubt_and_is_said(
    killed: Killed, change: Callable[[bytearray], object]
) -> None:
    killed.change(change)
    told = " ".join(killed.status().split())
    assert "Attention: ledger-00000001.journal is" in told
    assert re.search(r"[1-9]\d* recipients? in doubt, since", told)
    assert "--in-doubt resend" in told
    taken = killed.send_again()
    assert max(taken.values()) == 1
    shown = re.findall(r"^ *(\d+) +(\w+)", killed.status(), re.MULTILINE)
    states = {state: int(count) for count, state in shown}
    assert states["in_doubt"] > 0
    assert sum(states.values()) == 2 * states["total"] == 2 * RECIPIENTS


def test_a_removed_journal_means_doubt_and_is_said(killed: Killed) -> None:
    killed.journal.unlink()
    assert "ledger-00000001.journal is missing" in " ".join(killed.status().split())
    assert max(killed.send_again().values()) == 1


def test_an_incomplete_last_line_is_no_damage(killed: Killed) -> None:
    def cut(content: bytearray) -> None:
        start = lines(content)[-1]
        content[start + 20 :] = bytes(len(content) - start - 20)
        # The process ended before it knew that the line was written.
        words = memoryview(content)[64:80].cast("Q")
        difference = words[0] ^ words[1]
        words[0], words[1] = start, start ^ difference
        words.release()

    killed.change(cut)
    assert "Attention" not in killed.status()
    taken = killed.send_again()
    assert max(taken.values()) == 1


# --- the database


def test_a_lost_log_is_restored_by_the_journal(killed: Killed) -> None:
    """SQLite ignores a damaged write-ahead log silently: the claims are gone."""
    log = killed.folder / ".mailmerge" / "ledger.sqlite-wal"
    log.write_bytes(log.read_bytes()[:1000])
    taken = killed.send_again()
    assert max(taken.values()) == 1
    assert len(taken) >= RECIPIENTS - 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE delivery SET state = 'pending' WHERE state = 'sent'",
        "UPDATE delivery SET state = 'sgnt' WHERE id = 7",
        "UPDATE delivery SET key = 'v5@example.org' WHERE id = 7",
        "UPDATE delivery SET changed_at = 'x' WHERE id = 7",
        "UPDATE delivery SET message_id = '<other>' WHERE id = 7",
        "UPDATE delivery SET cells = '{' WHERE id = 7",
        "DELETE FROM delivery WHERE id = 7",
        "DELETE FROM journal",
        'UPDATE journal SET "offset" = "offset" + 4000',
        "UPDATE campaign SET secret = 'x'",
    ],
)
def test_a_changed_row_stops_everything_with_one_line(killed: Killed, change: str) -> None:
    killed.send_again()
    database = sqlite3.connect(killed.folder / ".mailmerge" / "ledger.sqlite")
    assert database.execute(change).rowcount
    database.commit()
    database.close()
    with pytest.raises(LedgerError, match=r"is damaged: .*mailmerge doctor --ledger"):
        killed.send_again()
    assert max(killed.accepted().values()) == 1
    output = killed.status()
    assert output.count("ledger.sqlite: is damaged") == 1
    assert "unexpected" not in output


@pytest.mark.parametrize(
    "command",
    [
        ["status"], ["status", "--json"], ["status", "--export", "{folder}/x.csv"],
        ["send", "--yes"], ["send", "--dry-run"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(5000), b""])
def test_a_file_that_is_no_database_is_one_error(
    killed: Killed, command: list[str], content: bytes
) -> None:
    with (killed.folder / "campaign.toml").open("a") as file:
        file.write(f"[smtp]\nhost = '127.0.0.1'\nport = {killed.server.port}\nsecurity = 'none'\n")
    (killed.folder / "recipients.csv").write_text("email,name\nu0@example.org,Ann\n")
    (killed.folder / ".mailmerge" / "ledger.sqlite").write_bytes(content)
    folder = str(killed.folder)
    name, *options = (one.format(folder=folder) for one in command)
    result = CliRunner().invoke(app, [name, folder, *options])
    assert result.output.count("ledger.sqlite: ") == 1
    assert "is damaged" in result.output
    assert "unexpected" not in result.output
    assert result.exit_code == 75


# --- anything


def test_random_damage_doubles_and_loses_nothing(tmp_path: Path) -> None:
    with laboratory(8, 20261126, tmp_path) as place:
        found = run_rounds(range(30), 20261126, place)
    assert not found.wrong
    assert found.rounds == 30
    assert len(found.endings) > 1


@pytest.mark.long
def test_more_random_damage_doubles_and_loses_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    with laboratory(20, seed, tmp_path) as place:
        found = run_rounds(range(500), seed, place)
    assert not found.wrong, seed


def test_each_flip_in_the_schema_is_one_clear_error_or_nothing(tmp_path: Path) -> None:
    """SQLite quotes the damaged schema in its errors, also if it is no text any more."""
    campaign = make_campaign(tmp_path / "spring")
    with open_store(campaign) as store:
        store.enrol(make_recipients(3), "fingerprint")
    path = campaign.state_folder / "ledger.sqlite"
    whole = path.read_bytes()
    for place in range(1500, 4096, 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :])
        result = CliRunner().invoke(app, ["status", str(campaign.folder)])
        assert result.exit_code in {0, 75}, (place, result.output)
        assert "unexpected" not in result.output
