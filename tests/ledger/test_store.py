"""The ledger without a server: enrolment, claims, marks, recovery, readers."""

from __future__ import annotations

import sqlite3
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.campaign import Campaign
from mailmerge.errors import LedgerError, LedgerHeld
from mailmerge.ledger import lease
from mailmerge.ledger import store as sqlite_ledger
from mailmerge.ledger.interface import Ledger, open_ledger, read_ledger
from mailmerge.ledger.lease import Lease, holder_of
from mailmerge.ledger.states import (
    Delivery,
    Standing,
    State,
    Transition,
    as_recorded,
    let_go,
    under_way,
)
from tests.engine.driver import make_recipient, make_recipients

NOW = 1_795_400_000.0


def counts(ledger: Ledger) -> dict[str, int]:
    return {state.value: count for state, count in ledger.counts().items() if count}


def finish(ledger: Ledger, one: Delivery, state: State, **more: object) -> Transition:
    """Let a claimed person be sent to, with this outcome."""
    ledger.apply([under_way(one, State.SENDING, NOW)])
    mark = Transition(one.id, state, NOW + 1, one.attempts + 1, one.doubts, reply="250 Ok")
    return ledger.apply([replace(mark, **more)])[0]  # type: ignore[arg-type]  # fields of a mark


def enrolled(campaign: Campaign, people: int = 4, fingerprint: str = "f") -> Ledger:
    ledger = open_ledger(campaign)
    ledger.enrol(make_recipients(people), fingerprint)
    return ledger


def by_key(ledger: Ledger) -> dict[str, Delivery]:
    return {one.key.partition("@")[0]: one for one in ledger.iterate()}


def test_claims_are_durable_in_order_and_never_given_out_twice(campaign: Campaign) -> None:
    ledger = enrolled(campaign, 5)
    first, second = ledger.claim("w", 3, NOW), ledger.claim("w", 3, NOW)
    assert [one.row for one in first + second] == [2, 3, 4, 5, 6]
    assert ledger.claim("w", 3, NOW) == []
    with sqlite3.connect(campaign.state_folder / "ledger.sqlite") as other:
        assert other.execute("SELECT DISTINCT state FROM person").fetchall() == [("claimed",)]
    other.close()
    assert counts(ledger) == {"pending": 5}
    assert {one.message_id.rpartition("@")[2] for one in first} == {"example.org>"}
    assert len({one.message_id for one in first + second}) == 5
    assert first[0].recipient.cells["name"] == "Person 0"
    ledger.close()


def test_a_closed_ledger_gives_back_what_was_claimed(campaign: Campaign) -> None:
    ledger = enrolled(campaign)
    claimed = ledger.claim("w", 4, NOW)
    finish(ledger, claimed[0], State.SENT)
    ledger.close()
    again = open_ledger(campaign)
    assert counts(again) == {"sent": 1, "pending": 3}
    assert [one.key for one in again.claim("w", 9, NOW)] == [one.key for one in claimed[1:]]
    again.close()


def test_everything_it_makes_is_for_nobody_else(campaign: Campaign) -> None:
    ledger = enrolled(campaign)
    ledger.claim("w", 1, NOW)
    assert stat.S_IMODE(campaign.state_folder.stat().st_mode) == 0o700
    for path in campaign.state_folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    ledger.close()


def test_a_message_id_and_a_date_survive_a_second_try(campaign: Campaign) -> None:
    ledger = enrolled(campaign, 1)
    [first] = ledger.claim("w", 1, NOW)
    finish(ledger, first, State.DEFERRED, retry_at=NOW + 10)
    assert ledger.claim("w", 1, NOW + 9) == []
    [second] = ledger.claim("w", 1, NOW + 10)
    assert (second.message_id, second.date, second.attempts) == (first.message_id, NOW, 1)
    assert second.sent_on.microsecond == 0
    ledger.close()


def test_a_deferred_person_keeps_the_time_of_the_next_try_whatever_happens(
    campaign: Campaign,
) -> None:
    ledger = enrolled(campaign, 1)
    [one] = ledger.claim("w", 1, NOW)
    finish(ledger, one, State.DEFERRED, retry_at=NOW + 10)
    assert ledger.next_retry() == NOW + 10
    [again] = ledger.claim("w", 1, NOW + 11)
    ledger.apply([under_way(again, State.SENDING, NOW)])
    ledger.apply([under_way(again, State.CLAIMED, NOW)])
    ledger.close()
    ledger = open_ledger(campaign)
    assert counts(ledger) == {"deferred": 1}
    assert ledger.next_retry() == NOW + 10
    ledger.close()


def test_people_are_compared_by_key_and_a_difference_needs_a_yes(campaign: Campaign) -> None:
    ledger = enrolled(campaign, 4)
    sent, refused, waiting, gone = ledger.claim("w", 4, NOW)
    finish(ledger, sent, State.SENT)
    finish(ledger, refused, State.REJECTED)
    ledger.release([waiting.id, gone.id])
    edited = [
        make_recipient(0, name="Renamed"),
        make_recipient(2, name="Renamed"),
        make_recipient(1),
        make_recipient(9),
    ]
    difference = ledger.enrol(edited, "g")
    assert difference
    assert not difference.applied
    assert str(difference) == (
        "+1 new, -1 gone (0 already sent), ~2 changed (1 already sent), "
        "another content than 1 people have got"
    )
    assert by_key(ledger)["u2"].cells["name"] == "Person 2"
    assert ledger.enrol(edited, "g", accept_changes=True).applied
    people = by_key(ledger)
    assert people["u0"].cells["name"] == "Person 0", "what was sent is what is kept"
    assert people["u2"].cells["name"] == "Renamed"
    assert people["u3"].state is State.SKIPPED
    assert people["u9"].state is State.PENDING
    assert [one.key[:2] for one in ledger.claim("w", 9, NOW)] == ["u2", "u9"]
    ledger.release([people["u2"].id, people["u9"].id])
    assert not ledger.enrol(edited, "g"), "the same again is no difference"
    assert "the same" in str(ledger.enrol(edited, "g"))
    ledger.enrol([*edited, make_recipient(3)], "g", accept_changes=True)
    assert by_key(ledger)["u3"].state is State.PENDING
    ledger.close()


def test_rows_may_be_sorted_without_a_question(campaign: Campaign) -> None:
    ledger = enrolled(campaign, 3)
    finish(ledger, ledger.claim("w", 1, NOW)[0], State.SENT)
    moved = [replace(one, row=9 - one.row) for one in make_recipients(3)]
    assert not ledger.enrol(moved, "f")
    assert [one.row for one in ledger.iterate()] == [5, 6, 7]
    ledger.close()


def test_as_long_as_nobody_was_sent_to_the_people_are_simply_taken_over(
    campaign: Campaign,
) -> None:
    ledger = enrolled(campaign, 4)
    ledger.close()
    ledger = open_ledger(campaign)
    difference = ledger.enrol(make_recipients(2), "another")
    assert difference.first
    assert not difference
    assert counts(ledger) == {"pending": 2}
    ledger.close()


def test_who_was_rejected_and_has_another_address_is_tried_again(campaign: Campaign) -> None:
    ledger = enrolled(campaign, 2)
    finish(ledger, ledger.claim("w", 1, NOW)[0], State.REJECTED)
    mended = replace(make_recipient(0), mailbox=make_recipient(77).mailbox)
    ledger.enrol([mended, make_recipient(1)], "f", accept_changes=True)
    assert by_key(ledger)["u0"].state is State.PENDING
    assert by_key(ledger)["u0"].address == "u77@example.org"
    ledger.close()


def test_some_of_the_people_are_no_difference_and_only_they_are_claimed(
    campaign: Campaign,
) -> None:
    ledger = enrolled(campaign, 4)
    some = [make_recipient(1), make_recipient(8)]
    assert not ledger.enrol(some, "f", partial=True)
    assert ledger.claimable() == 2
    assert {one.key[:2] for one in ledger.claim("w", 9, NOW)} == {"u1", "u8"}
    ledger.release([one.id for one in ledger.iterate()])
    ledger.enrol([*make_recipients(4), make_recipient(8)], "f")
    assert ledger.claimable() == 5
    ledger.close()


def test_the_rejected_are_pending_again_on_demand(campaign: Campaign) -> None:
    ledger = enrolled(campaign, 2)
    finish(ledger, ledger.claim("w", 1, NOW)[0], State.REJECTED)
    assert ledger.retry_rejected() == 1
    assert len(ledger.claim("w", 9, NOW)) == 2
    ledger.close()


def test_a_check_is_remembered_until_another_one_passes(campaign: Campaign) -> None:
    ledger = open_ledger(campaign)
    assert not ledger.check_passed("")
    ledger.remember_check("a")
    assert ledger.check_passed("a")
    ledger.close()
    ledger = open_ledger(campaign)
    assert ledger.check_passed("a")
    assert not ledger.check_passed("b")
    ledger.close()


def test_a_ledger_has_one_secret_and_a_fresh_one_another(campaign: Campaign) -> None:
    secrets = []
    for fresh in (False, False, True):
        ledger = open_ledger(campaign, name="sandbox", fresh=fresh)
        secrets.append(ledger.secret)
        ledger.close()
    assert secrets[0] == secrets[1] != secrets[2]
    assert len(secrets[0]) == 32


def test_a_reader_sees_every_mark_while_the_run_goes_on(campaign: Campaign) -> None:
    assert read_ledger(campaign) is None
    ledger = enrolled(campaign, 3)
    one, two, _ = ledger.claim("w", 3, NOW)
    finish(ledger, one, State.SENT)
    ledger.apply([under_way(two, State.SENDING, NOW)])
    record = read_ledger(campaign)
    assert record is not None
    assert record.holder == ledger.holder  # type: ignore[attr-defined]  # SQLite's has one
    assert record.counts() == ledger.counts()
    assert next(iter(record.iterate())).reply == "250 Ok"
    ledger.flush()
    assert record.counts() == ledger.counts()
    ledger.close()
    assert record.holder is None


def test_a_long_journal_is_replaced_and_nothing_is_lost(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_ledger, "ROTATE_AFTER", 300)
    ledger = enrolled(campaign, 30)
    record = read_ledger(campaign)
    assert record is not None
    while claimed := ledger.claim("w", 4, NOW):
        for one in claimed:
            finish(ledger, one, State.SENT)
        assert record.counts() == ledger.counts()
        assert len(list(campaign.state_folder.glob("*.journal"))) == 1
    ledger.close()
    assert record.counts()[State.SENT] == 30


def test_a_second_ledger_is_told_who_holds_the_first(campaign: Campaign) -> None:
    ledger = open_ledger(campaign)
    with pytest.raises(LedgerHeld, match="is being sent by process"):
        open_ledger(campaign)
    open_ledger(campaign, name="sandbox").close()
    ledger.close()
    open_ledger(campaign).close()


def test_a_damaged_ledger_is_said_and_never_made_anew(campaign: Campaign) -> None:
    ledger = enrolled(campaign)
    ledger.close()
    path = campaign.state_folder / "ledger.sqlite"
    path.write_bytes(b"this is no database" * 100)
    for attempt in (open_ledger, lambda campaign: list(read_ledger(campaign).iterate())):  # type: ignore[union-attr]
        with pytest.raises(LedgerError, match="is damaged") as error:
            attempt(campaign)
        assert error.value.problem.code == "ledger-damaged"
    assert path.read_bytes().startswith(b"this is no database")


def test_a_newer_ledger_is_left_alone(campaign: Campaign) -> None:
    open_ledger(campaign).close()
    with sqlite3.connect(campaign.state_folder / "ledger.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(LedgerError, match="newer mailmerge"):
        open_ledger(campaign)


def test_an_older_ledger_is_read_as_it_is_and_brought_up_to_date_by_a_run(
    campaign: Campaign,
) -> None:
    ledger = enrolled(campaign, 2)
    one, _ = ledger.claim("w", 2, NOW)
    finish(ledger, one, State.SENT)
    ledger.close()
    with sqlite3.connect(campaign.state_folder / "ledger.sqlite") as database:
        database.execute("ALTER TABLE book DROP COLUMN seconds")
        database.execute("ALTER TABLE book DROP COLUMN check_seconds")
        database.execute("PRAGMA user_version = 1")
    database.close()
    record = read_ledger(campaign)
    assert record is not None
    assert record.standing() == Standing(record.counts(), 0.0, 0.0)
    assert record.counts()[State.SENT] == 1
    ledger = open_ledger(campaign)
    assert counts(ledger) == {"pending": 1, "sent": 1}
    ledger.note_run(8.0, 2.5)
    ledger.close()
    assert record.standing() == Standing(record.counts(), 8.0, 2.5)


def test_a_folder_that_cannot_be_written_is_one_clear_line(campaign: Campaign) -> None:
    campaign.state_folder.write_text("a file where the folder should be")
    with pytest.raises(LedgerError, match="cannot be made"):
        open_ledger(campaign)


def test_what_the_journal_cannot_take_is_read_from_the_emergency_file(campaign: Campaign) -> None:
    ledger = enrolled(campaign, 3)
    one, two, _ = ledger.claim("w", 3, NOW)
    for person in (one, two):
        ledger.apply([under_way(person, State.SENDING, NOW)])
    ledger._journal._broken = True  # type: ignore[attr-defined]  # a disk that fails
    ledger.apply([Transition(one.id, State.SENT, NOW, 1, reply="250 Ok")])
    assert ledger.failure is not None
    with pytest.raises(LedgerError):
        ledger.apply([under_way(two, State.SENDING, NOW)])
    with pytest.raises(LedgerError):
        ledger.claim("w", 1, NOW)
    ledger.close()
    record = read_ledger(campaign)
    assert record is not None
    expected = {"sent": 1, "in_doubt": 1, "pending": 1}
    assert {state.value: count for state, count in record.counts().items() if count} == expected
    ledger = open_ledger(campaign)
    assert counts(ledger) == expected
    ledger.close()
    ledger = open_ledger(campaign)
    assert counts(ledger) == expected
    ledger.close()


def test_a_missing_journal_is_like_a_power_cut(campaign: Campaign) -> None:
    ledger = enrolled(campaign, 3)
    ledger.claim("w", 2, NOW)
    ledger._lease.release()  # type: ignore[attr-defined]  # as if the process had ended here
    for path in campaign.state_folder.glob("*.journal"):
        path.unlink()
    ledger = open_ledger(campaign)
    assert counts(ledger) == {"in_doubt": 2, "pending": 1}
    assert ledger.resend_in_doubt() == 2
    assert ledger.claimable() == 3
    assert len(ledger.claim("w", 9, NOW)) == 3
    ledger.close()
    ledger = open_ledger(campaign)
    assert counts(ledger) == {"in_doubt": 2, "pending": 1}, "who was in doubt is so again"
    assert ledger.assume_sent() == 2
    assert counts(ledger) == {"sent": 2, "pending": 1}
    ledger.close()


states = st.sampled_from(State)


@given(states, st.integers(0, 2), st.none() | st.floats(1, 2), st.booleans())
def test_nobody_who_may_have_been_sent_to_is_ever_pending(
    state: State, doubts: int, retry_at: float | None, known: bool
) -> None:
    mark = Transition(1, state, NOW, 1, doubts, retry_at)
    left = let_go(mark, known=known)
    if state is State.SENDING or (state is State.CLAIMED and (doubts or not known)):
        assert left.state is State.IN_DOUBT
    assert left.state not in (State.CLAIMED, State.SENDING)
    if doubts and state in (State.PENDING, State.REJECTED, State.DEFERRED, State.SKIPPED):
        assert as_recorded(mark).state is State.IN_DOUBT
    else:
        assert as_recorded(mark) == mark


def test_a_lease_is_free_when_its_holder_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    assert holder_of(path) is None
    held = Lease(path)
    holder = holder_of(path)
    assert holder is not None
    assert holder.boot_id == lease.boot_id() != ""
    assert "process" in str(holder)
    path.write_text("not JSON")
    unknown = holder_of(path)
    assert unknown is not None
    assert unknown.host == "an unknown host"
    held.release()
    held.release()
    assert holder_of(path) is None
    with pytest.raises(LedgerError):
        Lease(tmp_path / "nowhere" / "x.lock")


def test_where_there_is_no_boot_id_nothing_is_assumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "_BOOT_ID", tmp_path / "nothing")
    assert lease.boot_id() == ""
    assert not lease.same_boot("")
