"""A ledger is compared with its mark when it is opened and when recipients are enrolled."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from mailmerge.errors import LedgerOlder
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State
from mailmerge.settings import Settings, load_settings
from tests.engine.driver import make_recipients
from tests.forked import CONTEXT, KILLED, die
from tests.ledger.conftest import OpenAll
from tests.ledger.steps import NOW, claim, counts, finish
from tests.ledgers import store_of

FAR_AWAY = 4_000_000_000


def send(campaign: Settings, open_again: OpenAll, number: int, recipients: int = 100) -> None:
    """Enrol, and send to so many more recipients."""
    with open_again(campaign) as ledger:
        store = store_of(ledger, campaign)
        store.enrol(make_recipients(recipients), "fingerprint")
        for one in store.claim("w", number, NOW):
            finish(store, one, State.SENT)


def put_back_after(
    campaign: Settings, open_again: OpenAll, backup: Path, *, sent_since: int
) -> None:
    """Send to 10 recipients, copy the ledger, send to some more, and put the copy back."""
    send(campaign, open_again, 10)
    shutil.copytree(campaign.state_folder, backup)
    send(campaign, open_again, sent_since)
    shutil.rmtree(campaign.state_folder)
    shutil.copytree(backup, campaign.state_folder)


def test_an_older_ledger_is_refused_until_it_is_accepted(
    campaign: Settings, open_again: OpenAll, tmp_path: Path
) -> None:
    put_back_after(campaign, open_again, tmp_path / "backup", sent_since=30)
    for _ in range(2):
        with pytest.raises(LedgerOlder, match=r"it has 10 sent recipients, but .* 40 recipients"):
            open_again(campaign)
    Ledger.of(campaign, accept_older=True).close()
    send(campaign, open_again, 1)


def test_an_older_ledger_that_lacks_nothing_is_used(
    campaign: Settings, open_again: OpenAll, tmp_path: Path
) -> None:
    put_back_after(campaign, open_again, tmp_path / "backup", sent_since=0)
    send(campaign, open_again, 5)


@pytest.mark.parametrize("recipients", [3, 64, 65, 1000])
def test_a_deleted_ledger_is_noticed_by_its_recipients(
    campaign: Settings, open_again: OpenAll, recipients: int
) -> None:
    send(campaign, open_again, recipients // 2, recipients)
    shutil.rmtree(campaign.state_folder)
    with open_again(campaign) as ledger:
        store = store_of(ledger, campaign)
        with pytest.raises(LedgerOlder, match=f"sent to {recipients // 2:,} recipient"):
            store.enrol(make_recipients(recipients), "fingerprint")
        assert store.claimable() == 0
        assert store.failure is None


def test_recipients_who_were_not_sent_may_be_sent_by_a_new_ledger(
    campaign: Settings, open_again: OpenAll
) -> None:
    send(campaign, open_again, 30, 60)
    shutil.rmtree(campaign.state_folder)
    with open_again(campaign) as ledger:
        rest = list(make_recipients(60))[30:]
        assert store_of(ledger, campaign).enrol(rest, "fingerprint").applied


def test_a_ledger_from_which_nothing_was_sent_is_not_missed(
    campaign: Settings, open_again: OpenAll
) -> None:
    send(campaign, open_again, 0)
    shutil.rmtree(campaign.state_folder)
    send(campaign, open_again, 3)


def test_a_folder_in_which_all_files_are_new_is_another_mailing(
    campaign: Settings, open_again: OpenAll
) -> None:
    send(campaign, open_again, 10)
    shutil.rmtree(campaign.state_folder)
    for path in campaign.folder.iterdir():
        os.utime(path, (FAR_AWAY, FAR_AWAY))
    send(campaign, open_again, 10)


def test_a_mark_that_cannot_be_kept_is_a_notice(campaign: Settings, state_home: Path) -> None:
    (state_home / "ledgers").write_text("a file in the way")
    with Ledger.of(campaign) as ledger:
        claim(store_of(ledger, campaign), 1)
        assert "the state folder cannot be written (File " in ledger.notice


def test_a_sandbox_ledger_has_no_mark(campaign: Settings, state_home: Path) -> None:
    with Ledger.of(campaign, "sandbox", fresh=True) as ledger:
        claim(store_of(ledger, campaign), 1)
    assert not (state_home / "ledgers").exists()


def test_commits_that_the_journal_restores_are_not_missed(
    campaign: Settings,
) -> None:
    """A lost write-ahead log makes the database older, but no recipient is lost with it."""
    process = CONTEXT.Process(target=send_and_die, args=(campaign.folder,))
    process.start()
    process.join(60)
    assert process.exitcode == KILLED
    log = campaign.state_folder / "ledger.sqlite-wal"
    log.write_bytes(log.read_bytes()[:1000])
    with Ledger.of(campaign) as ledger:
        assert counts(store_of(ledger, campaign)) == {"sent": 3, "pending": 3}


def send_and_die(folder: Path) -> None:
    """Send to 2 of 6 recipients, write that into the database, send to one more, and end."""
    campaign = load_settings(folder)
    store = store_of(Ledger.of(campaign), campaign)
    store.enrol(make_recipients(6), "fingerprint")
    first, second, third, _ = store.claim("w", 4, NOW)
    finish(store, first, State.SENT)
    finish(store, second, State.SENT)
    store.flush()
    finish(store, third, State.SENT)
    die()
