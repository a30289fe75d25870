"""The statements of the queue: what two processes on one database may do to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql

from mailmerge.errors import ClaimLost
from mailmerge.ledger import claims
from mailmerge.ledger.campaigns import CampaignRecord, find_campaign
from mailmerge.ledger.claims import Claim
from mailmerge.ledger.database import Database
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.schema import delivery
from mailmerge.ledger.sqlite import open_database
from mailmerge.ledger.states import State, Transition, claim_transition
from mailmerge.ledger.store import LEASE, SqlStore, recover
from tests.ledger.steps import NOW, claim, counts, enrol, finish, sending


def identify(secret: bytes, key: str) -> str:
    return key


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    """One database, opened twice, as two processes have a server's."""
    opened = [open_database(tmp_path / "x.sqlite", LEDGER, shared=True) for _ in range(2)]
    yield opened[0], opened[1]
    for one in opened:
        one.close()


@pytest.fixture
def two(databases: tuple[Database, Database]) -> tuple[SqlStore, SqlStore]:
    """Two stores of one campaign, each with its own claims."""
    with databases[0].begin() as connection:
        campaign = find_campaign(connection, "spring")
    first, second = (SqlStore(database, campaign, identify) for database in databases)
    return first, second


def test_two_stores_never_claim_the_same(two: tuple[SqlStore, SqlStore]) -> None:
    first, second = two
    enrol(first, 5)
    claimed = [*first.claim("w", 2, NOW), *second.claim("w", 2, NOW), *first.claim("w", 9, NOW)]
    assert [one.row for one in claimed] == [2, 3, 4, 5, 6]


def test_a_claim_has_an_owner_and_an_expiry(
    two: tuple[SqlStore, SqlStore], databases: tuple[Database, Database]
) -> None:
    first, second = two
    enrol(first, 2)
    first.claim("w", 1, NOW)
    second.claim("w", 1, NOW)
    with databases[0].begin("read") as connection:
        rows = connection.execute(select(delivery.c.owner, delivery.c.claimed_until)).all()
    owners = {row.owner for row in rows}
    assert len(owners) == 2
    assert all(owner.startswith("w@") for owner in owners)
    assert {row.claimed_until for row in rows} == {NOW + LEASE}


def test_claims_of_another_owner_cannot_become_sending(two: tuple[SqlStore, SqlStore]) -> None:
    first, second = two
    [one] = claim(first, 1)
    second.claim("w", 1, NOW)
    with pytest.raises(ClaimLost) as lost:
        sending(second, one)
    assert lost.value.ids == (one.id,)
    assert sending(first, one).state is State.SENDING


def test_an_expired_claim_is_refused_in_the_same_statement(
    two: tuple[SqlStore, SqlStore],
) -> None:
    """No process has ended the claim yet; its time alone is enough."""
    first, _ = two
    [one] = claim(first, 1)
    with pytest.raises(ClaimLost):
        sending(first, one, NOW + LEASE)
    assert sending(first, one, NOW + LEASE - 1).state is State.SENDING


def test_a_late_worker_does_not_disturb_the_new_owner(two: tuple[SqlStore, SqlStore]) -> None:
    late, other = two
    [one] = claim(late, 1)
    other.expire(NOW + LEASE)
    [again] = other.claim("w", 1, NOW + LEASE)
    with pytest.raises(ClaimLost):
        sending(late, one)
    refused = Transition(one.id, State.REJECTED, NOW + LEASE, 1)
    assert late.apply([refused])[0].state is State.CLAIMED
    taken = Transition(one.id, State.SENT, NOW + LEASE, 1)
    assert late.apply([taken])[0].state is State.CLAIMED, "no rule is broken, the claim is lost"
    late.release([one.id])
    late.close()
    assert finish(other, again, State.SENT, at=NOW + LEASE + 1).state is State.SENT


def test_a_late_reply_settles_the_doubt_that_expiry_made(two: tuple[SqlStore, SqlStore]) -> None:
    late, other = two
    [one] = claim(late, 1)
    sending(late, one)
    assert other.expire(NOW + LEASE) == 1
    assert counts(other) == {"in_doubt": 1}
    late.apply([Transition(one.id, State.SENT, NOW + LEASE, 1, reply="250 Ok")])
    assert counts(other) == {"sent": 1}


def test_a_group_is_recorded_but_for_the_lost_claims(two: tuple[SqlStore, SqlStore]) -> None:
    first, second = two
    kept, lost = claim(first, 2)
    first.release([lost.id])
    second.claim("w", 1, NOW)
    with pytest.raises(ClaimLost) as error:
        first.apply([claim_transition(one, State.SENDING, NOW) for one in (kept, lost)])
    assert error.value.ids == (lost.id,)
    assert {one.state for one in first.iterate()} == {State.SENDING, State.CLAIMED}


def test_a_renewal_is_written_a_few_times_in_each_lease(
    two: tuple[SqlStore, SqlStore], databases: tuple[Database, Database]
) -> None:
    first, second = two
    claim(first, 1)
    times = set[float]()
    for second_of_run in range(int(LEASE)):
        first.renew("w", NOW + second_of_run)
        with databases[0].begin("read") as connection:
            times.add(connection.scalar(select(delivery.c.claimed_until)) or 0.0)
    assert len(times) <= 5
    assert second.expire(NOW + LEASE) == 0


class _Between:
    """A guard that does something once, after a thread has decided to write and before it can."""

    def __init__(self, step: Callable[[], object]) -> None:
        self.step: Callable[[], object] | None = step

    def before(self) -> None:
        step, self.step = self.step, None
        if step is not None:
            step()

    def inside(self, connection: Connection) -> None:
        """Do nothing."""

    def after(self) -> None:
        """Do nothing."""


def test_a_renewal_does_not_overwrite_a_later_one(
    two: tuple[SqlStore, SqlStore], databases: tuple[Database, Database]
) -> None:
    first, second = two
    claim(first, 1)
    databases[0].guard = _Between(lambda: first.renew("w", NOW + 200))
    first.renew("w", NOW + 100)
    assert second.expire(NOW + 100 + LEASE) == 0


def test_claims_are_renewed_after_the_clock_was_set_back(two: tuple[SqlStore, SqlStore]) -> None:
    first, second = two
    enrol(first, 2)
    first.claim("w", 1, NOW)
    first.claim("w", 1, NOW - 3600)
    first.renew("w", NOW - 3500)
    assert second.expire(NOW - 3600 + LEASE) == 0


def test_closing_ends_only_own_claims(two: tuple[SqlStore, SqlStore]) -> None:
    first, second = two
    enrol(first, 4)
    first.claim("w", 2, NOW)
    second.claim("w", 2, NOW)
    first.close()
    assert [one.state for one in second.iterate()] == [State.PENDING] * 2 + [State.CLAIMED] * 2


def test_recovery_ends_every_open_claim(
    two: tuple[SqlStore, SqlStore],
) -> None:
    first, second = two
    one, _ = claim(first, 2)
    sending(first, one)
    recover(second)
    assert counts(second) == {"in_doubt": 1, "pending": 1}


def test_a_decision_to_resend_ends_with_the_store(two: tuple[SqlStore, SqlStore]) -> None:
    first, second = two
    [one] = claim(first, 1)
    finish(first, one, State.IN_DOUBT, doubts=1)
    assert first.resend_in_doubt() == 1
    first.close()
    assert (second.claimable(), counts(second)) == (0, {"in_doubt": 1})


def test_a_worker_without_claims_writes_no_renewal(tmp_path: Path) -> None:
    seen: list[str] = []
    database = open_database(tmp_path / "x.sqlite", LEDGER, observer=seen.append)
    with database.begin() as connection:
        store = SqlStore(database, find_campaign(connection, "spring"), identify)
    seen.clear()
    store.renew("w", NOW)
    assert seen == []
    database.close()


# --- the statements themselves


@pytest.fixture
def connection(databases: tuple[Database, Database]) -> Iterator[Connection]:
    with databases[0].begin() as opened:
        yield opened


@pytest.fixture
def campaign(two: tuple[SqlStore, SqlStore], connection: Connection) -> CampaignRecord:
    enrol(two[0], 3)
    return find_campaign(connection, "spring")


def test_rows_are_locked_where_the_database_can(
    connection: Connection, campaign: CampaignRecord
) -> None:
    """SQLite leaves the clause out; it has one writer at a time."""
    locked = select(delivery.c.id).with_for_update(skip_locked=True)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    assert "FOR UPDATE SKIP LOCKED" in str(locked.compile(dialect=dialect))
    assert "FOR UPDATE" not in str(locked.compile(dialect=connection.dialect))
    assert len(claims.claim(connection, campaign, Claim("w", NOW, NOW + 1), identify, 9)) == 3


def test_open_claims_can_be_selected_by_owner_and_expiry(
    connection: Connection, campaign: CampaignRecord
) -> None:
    claims.claim(connection, campaign, Claim("a", NOW, NOW + 10), identify, 1)
    claims.claim(connection, campaign, Claim("b", NOW, NOW + 20), identify, 1)
    all_of_them = claims.select_under_way(connection, campaign.id)
    assert sorted(all_of_them) == [1, 2]
    assert list(claims.select_under_way(connection, campaign.id, ["b"])) == [2]
    assert list(claims.select_under_way(connection, campaign.id, expired_at=NOW + 15)) == [1]
    claims.extend_claims(connection, campaign.id, "a", NOW + 30)
    assert list(claims.select_under_way(connection, campaign.id, expired_at=NOW + 25)) == [2]
    assert claims.end_claims(connection, all_of_them.values()) == 2
    assert claims.count_claimable(connection, campaign.id) == 3


def test_message_id_of_the_first_claim_stays(
    connection: Connection, campaign: CampaignRecord
) -> None:
    """Also where the sender's domain, and with it the names of new messages, has changed."""
    first = Claim("a", NOW, NOW + 10)
    [one] = claims.claim(connection, campaign, first, identify, 1)
    claims.end_claims(connection, claims.select_under_way(connection, campaign.id).values())
    [again] = claims.claim(connection, campaign, first, lambda secret, key: "another", 1)
    assert (again.id, again.message_id) == (one.id, one.message_id)


def test_deliveries_come_in_the_order_of_their_ids(
    connection: Connection, campaign: CampaignRecord
) -> None:
    found = claims.select_deliveries(connection, [3, 1, 99, 2])
    assert [one.id for one in found] == [3, 1, 2]
    assert claims.select_in_order(connection, campaign.id) == [1, 2, 3]
    assert sorted(claims.select_transitions(connection, [1, 3, 99])) == [1, 3]
