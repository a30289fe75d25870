"""A reader changes nothing, and shows the state that the next run would find."""

from __future__ import annotations

from pathlib import Path

from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import Standing, State, reported
from mailmerge.settings import Settings
from tests.ledger.conftest import OpenAll
from tests.ledger.steps import claim, counts, enrol, finish, sending
from tests.ledgers import as_left_by_a_crash, open_store, read_ledger, store_of


def test_there_is_no_reader_before_the_first_run(campaign: Settings) -> None:
    assert Ledger.read(campaign) is None
    assert not campaign.state_folder.exists()


def test_an_empty_file_is_an_empty_ledger(campaign: Settings) -> None:
    """A process ended before it made the tables."""
    campaign.state_folder.mkdir()
    (campaign.state_folder / "ledger.sqlite").touch()
    reader = read_ledger(campaign)
    assert reader.standing() == Standing(reported({}))
    assert list(reader.iterate()) == []


def test_a_ledger_without_a_campaign_is_empty(campaign: Settings) -> None:
    Ledger.of(campaign).close()
    reader = read_ledger(campaign)
    assert reader.standing() == Standing(reported({}))
    assert list(reader.iterate()) == []


def test_the_owner_is_known_as_long_as_it_sends(campaign: Settings) -> None:
    with open_store(campaign):
        owner = read_ledger(campaign).owner
        assert owner is not None
        assert "process" in str(owner)
    assert read_ledger(campaign).owner is None


def test_a_running_send_is_shown_as_it_stands(campaign: Settings, open_again: OpenAll) -> None:
    store = store_of(open_again(campaign), campaign)
    one, two, _ = claim(store, 3)
    finish(store, one, State.SENT)
    sending(store, two)
    reader = read_ledger(campaign)
    assert counts(reader) == counts(store) == {"sent": 1, "pending": 2}
    assert [one.state for one in reader.iterate()] == [State.SENT, State.SENDING, State.CLAIMED]


def test_a_killed_send_is_shown_as_it_will_be_recovered(
    campaign: Settings, open_again: OpenAll, tmp_path: Path
) -> None:
    store = store_of(open_again(campaign), campaign)
    one, two, _ = claim(store, 3)
    finish(store, one, State.SENT)
    sending(store, two)
    left = as_left_by_a_crash(campaign, tmp_path / "left")
    shown = [(one.key, one.state, one.doubts) for one in read_ledger(left).iterate()]
    assert [state for _, state, _ in shown] == [State.SENT, State.IN_DOUBT, State.PENDING]
    again = store_of(open_again(left), left)
    assert [(one.key, one.state, one.doubts) for one in again.iterate()] == shown


def test_deliveries_come_in_the_order_of_the_spreadsheet(campaign: Settings) -> None:
    with open_store(campaign) as store:
        enrol(store, 5)
        assert [one.row for one in read_ledger(campaign).iterate()] == [2, 3, 4, 5, 6]
        assert [one.row for one in store.iterate()] == [2, 3, 4, 5, 6]
