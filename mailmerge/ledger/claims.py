"""The statements of the queue: claim, record, expire. Each runs inside the caller's transaction.

What can go wrong: two workers send the same message. One worker is so slow that another one takes
it for dead, claims its deliveries and sends them. Then the first one wakes up and continues. Three
rules prevent this:

1. `claim` locks the rows that it reads, if the database can do that (`FOR UPDATE SKIP LOCKED`), and
   claims them in the same transaction. SQLite allows one writer at a time, so it needs no locks.
2. `record` checks the row in the same statement that changes it: a delivery becomes `sending` only
   if it is still claimed by this owner and the claim has not expired.
3. `expire` frees a `claimed` delivery only after its claim has expired. From then on, rule 2
   refuses its former owner. A delivery that is `sending` is never freed; it becomes in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)

from mailmerge.language import marked
from mailmerge.ledger.campaigns import CampaignRecord
from mailmerge.ledger.checksums import (
    seal,
    state_columns,
    state_sum,
    state_sum_of_claim,
    with_message_id,
)
from mailmerge.ledger.database import Bulk, RowDamaged
from mailmerge.ledger.interface import Identify
from mailmerge.ledger.schema import (
    DELIVERY_COLUMNS,
    TRANSITION_COLUMNS,
    delivery,
    delivery_of,
    has_left,
    is_pending,
    is_unmade,
    transition_of,
)
from mailmerge.ledger.states import (
    CLAIM_PREDECESSORS,
    LONGEST_RETRY,
    UNDER_WAY,
    Delivery,
    State,
    Transition,
    end_claim,
)
from mailmerge.ledger.zones import ZoneBacklog, count_zones, outside

_RECORDED = (
    "state", "changed_at", "attempts", "doubts", "retry_at", "stage", "reply", "server_id",
    "copies_refused", "state_sum",
)  # fmt: skip


def _update_by_id(columns: Sequence[str]) -> Bulk:
    """Make an UPDATE of these columns of one delivery; the last parameter is its id."""
    values: list[tuple[Any, Any]] = [(delivery.c[name], bindparam(f"{name}_")) for name in columns]
    return Bulk(
        update(delivery).where(delivery.c.id == bindparam("number")).ordered_values(*values)
    )


def _update_of_claim(state: State) -> Update:
    """Make an UPDATE of one delivery to `state` that takes effect only if the claim allows it."""
    conditions = [
        delivery.c.id == bindparam("number"),
        delivery.c.owner.in_(bindparam("owners", expanding=True)),
        delivery.c.state.in_([old.value for old in CLAIM_PREDECESSORS[state]]),
    ]
    if state is State.SENDING:
        conditions.append(delivery.c.claimed_until > bindparam("changed_at_"))
    values: dict[str, Any] = {name: bindparam(f"{name}_") for name in _RECORDED}
    return update(delivery).where(*conditions).values(**values)


_PARAMETERS = (*(f"{name}_" for name in _RECORDED), "number")
_FENCED: Final = {state: _update_of_claim(state) for state in State}
_SELECT_CLAIM: Final = select(*TRANSITION_COLUMNS, delivery.c.owner).where(
    delivery.c.id == bindparam("number")
)
_RECORD = _update_by_id(_RECORDED)
_CLAIM = _update_by_id(
    ("state", "owner", "claimed_until", "message_id", "date", "snapshot_sum", "state_sum")
)
_CLAIMED: Final = State.CLAIMED.value
_ALL: Final = frozenset(state.value for state in State)
_KEY: Final = DELIVERY_COLUMNS.index(delivery.c.key)
_CLAIMABLE: Final = frozenset({State.PENDING.value, State.DEFERRED.value, State.IN_DOUBT.value})
_WIDTH: Final = len(DELIVERY_COLUMNS)
_STATE: Final = DELIVERY_COLUMNS.index(delivery.c.state)
_MESSAGE_ID: Final = DELIVERY_COLUMNS.index(delivery.c.message_id)
_DATE: Final = DELIVERY_COLUMNS.index(delivery.c.date)
_STAGE: Final = DELIVERY_COLUMNS.index(delivery.c.stage)
_BEFORE_CONTENT: Final = frozenset({"mail", "rcpt", "data"})
"""The stages of a refusal before any content of the message has left (smtp.Stage)."""
_KEPT: Final = slice(
    DELIVERY_COLUMNS.index(delivery.c.attempts), DELIVERY_COLUMNS.index(delivery.c.retry_at) + 1
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A new claim: its owner, and when it begins and expires (seconds since 1970).

    It leaves out the deliveries of the time zones in `closed`.
    """

    owner: str
    at: float
    until: float
    closed: Collection[str] = ()


_OWN = delivery.c.campaign_id == bindparam("campaign")
_WAITS = and_(
    _OWN,
    delivery.c.selected,
    # A delivery in doubt has a time only if the user wants it sent again.
    or_(delivery.c.state == State.DEFERRED.value, delivery.c.state == State.IN_DOUBT.value),
    delivery.c.retry_at.is_not(None),
)
_PENDING = and_(_OWN, delivery.c.selected, is_pending)
_SUMS = (delivery.c.snapshot_sum, delivery.c.state_sum)
_SELECT_DUE = (
    select(*DELIVERY_COLUMNS, *_SUMS)
    .where(_WAITS, delivery.c.retry_at <= bindparam("now"))
    .order_by(delivery.c.retry_at, delivery.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_SELECT_TOO_FAR = (
    select(*DELIVERY_COLUMNS, *_SUMS)
    .where(_WAITS, delivery.c.retry_at > bindparam("furthest"))
    .order_by(delivery.c.retry_at, delivery.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_SELECT_PENDING = (
    select(*DELIVERY_COLUMNS, *_SUMS)
    .where(_PENDING)
    .order_by(delivery.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_PARTS = (_WAITS, _PENDING)
_NEXT_RETRY = select(func.min(delivery.c.retry_at)).where(_WAITS)


def claim(
    connection: Connection,
    campaign: CampaignRecord,
    new: Claim,
    identify: Identify,
    limit: int,
) -> list[Delivery]:
    """Claim up to `limit` deliveries that are pending, or deferred and due, and return them.

    The first claim of a delivery fixes its Message-ID, by `identify`. The Date is that of this
    claim, unless a server may have the message with another Date.
    """
    claimed: list[Delivery] = []
    rows: list[tuple[object, ...]] = []
    for found in _select_claimable(connection, campaign.id, limit, new):
        row, (snapshot, before) = tuple(found)[:_WIDTH], tuple(found)[_WIDTH:]
        if row[_STATE] not in _CLAIMABLE:
            raise RowDamaged(f"delivery {row[0]!r} is not claimable")
        # The claim keeps the attempts, doubts and time of before, so that it can be undone.
        attempts, doubts, retry_at = row[_KEPT]
        state = Transition(row[0], State.CLAIMED, new.at, attempts, doubts, retry_at)
        message_id = row[_MESSAGE_ID]
        if not message_id:
            message_id = identify(campaign.secret, row[_KEY])
            snapshot = with_message_id(snapshot, message_id)
        dated = row if _may_have_left(row) else _undated(row)
        one = delivery_of(dated, state, message_id=message_id, date=new.at)
        claimed.append(one)
        after = state_sum_of_claim(row[_STATE + 1 :], before)
        rows.append((_CLAIMED, new.owner, new.until, message_id, one.date, snapshot, after, one.id))
    _CLAIM.run(connection, rows)
    return claimed


def _may_have_left(row: Sequence[Any]) -> bool:
    """Whether a server may have received the content of a message in an earlier attempt."""
    attempts, doubts, _ = row[_KEPT]
    return doubts > 0 or (attempts > 0 and row[_STAGE] not in _BEFORE_CONTENT)


def _undated(row: Sequence[Any]) -> Sequence[Any]:
    """Return the row without the Date of an attempt that never began."""
    return row if row[_DATE] is None else (*row[:_DATE], None, *row[_DATE + 1 :])


def _select_claimable(
    connection: Connection, campaign_id: int, limit: int, new: Claim
) -> list[Row[Any]]:
    """Return claimable rows (DELIVERY_COLUMNS): first those that are due, then the pending.

    A time that is too far ahead comes from a clock that was wrong (states.due_at).
    """
    rows: list[Row[Any]] = []
    parts: tuple[tuple[Select[Any], dict[str, float]], ...] = (
        (_SELECT_DUE, {"now": new.at}),
        (_SELECT_TOO_FAR, {"furthest": new.at + LONGEST_RETRY}),
        (_SELECT_PENDING, {}),
    )
    for query, more in parts:
        if len(rows) < limit:
            values = {"campaign": campaign_id, "most": limit - len(rows), **more}
            rows += connection.execute(outside(query, new.closed), values)
    return rows


def write(connection: Connection, transitions: Iterable[Transition]) -> None:
    """Write transitions that are known to be true, without checking the claims."""
    _RECORD.run(connection, [_values(one) for one in transitions])


def record(connection: Connection, owners: Collection[str], transition: Transition) -> Transition:
    """Write one transition of a delivery that one of `owners` has claimed, if the row allows it.

    Returns the state of the row afterwards: `transition` itself, or another one if the claim was
    lost meanwhile.

    Raises:
        ValueError: the claim was not lost, and states.TRANSITIONS does not allow this change.
    """
    values = dict(zip(_PARAMETERS, _values(transition), strict=True))
    if connection.execute(_FENCED[transition.state], {**values, "owners": [*owners]}).rowcount:
        return transition
    row = connection.execute(_SELECT_CLAIM, {"number": transition.delivery_id}).one()
    found, owner = transition_of(row[:-1]), row[-1]
    if owner in owners and found.state in UNDER_WAY - CLAIM_PREDECESSORS[transition.state]:
        raise ValueError(f"a delivery that is {found.state} cannot become {transition.state}")
    return found


def select_under_way(
    connection: Connection,
    campaign_id: int,
    owners: Collection[str] | None = None,
    *,
    expired_at: float | None = None,
) -> dict[int, Transition]:
    """Return the deliveries that are claimed or sending, by id.

    `owners` limits them to the claims of these owners, and `expired_at` (seconds since 1970) to the
    claims that have expired by then.
    """
    states = [state.value for state in UNDER_WAY]
    conditions = [delivery.c.campaign_id == campaign_id, delivery.c.state.in_(states)]
    if owners is not None:
        conditions.append(delivery.c.owner.in_(owners))
    if expired_at is not None:
        conditions.append(delivery.c.claimed_until <= expired_at)
    query = select(*TRANSITION_COLUMNS).where(*conditions).with_for_update(skip_locked=True)
    return {row[0]: transition_of(row) for row in connection.execute(query)}


def end_claims(connection: Connection, claims: Iterable[Transition]) -> int:
    """End these claims, of which every transition is known. Returns how many there were."""
    left = [end_claim(claim, known=True) for claim in claims]
    write(connection, left)
    return len(left)


def extend_claims(connection: Connection, campaign_id: int, owner: str, until: float) -> None:
    """Set the expiry of all claims of `owner` to `until` (seconds since 1970)."""
    states = [state.value for state in UNDER_WAY]
    connection.execute(
        update(delivery)
        .where(
            delivery.c.campaign_id == campaign_id,
            delivery.c.owner == owner,
            delivery.c.state.in_(states),
        )
        .values(claimed_until=until)
    )


def select_transitions(connection: Connection, ids: Collection[int]) -> dict[int, Transition]:
    """Return the last transition of each of these deliveries, by id."""
    query = select(*TRANSITION_COLUMNS).where(delivery.c.id.in_(ids))
    return {row[0]: transition_of(row) for row in connection.execute(query)}


def next_retry(connection: Connection, campaign_id: int) -> float | None:
    """Return when the next deferred delivery is due (seconds since 1970), or None."""
    due: float | None = connection.scalar(_NEXT_RETRY, {"campaign": campaign_id})
    return due


def zone_backlog(connection: Connection, campaign_id: int) -> list[ZoneBacklog]:
    """Return the deliveries of each time zone that can be claimed, now or when they are due."""
    return count_zones(connection, campaign_id, _PENDING, _WAITS)


def count_states(connection: Connection, campaign_id: int) -> Counter[State]:
    """Return the number of deliveries in each state."""
    query = (
        select(delivery.c.state, func.count())
        .where(delivery.c.campaign_id == campaign_id)
        .group_by(delivery.c.state)
    )
    counts = Counter[State]()
    for state, count in connection.execute(query):
        if state not in _ALL:
            raise RowDamaged(f"{count} deliveries have the state {state!r}")
        counts[State(state)] = count
    return counts


def count_sent(connection: Connection, campaign_id: int) -> tuple[int, int]:
    """Return the number of deliveries, and how many of them are sent."""
    counts = count_states(connection, campaign_id)
    return counts.total(), counts[State.SENT]


def name_messages(connection: Connection, campaign: CampaignRecord, identify: Identify) -> None:
    """Give their Message-IDs to deliveries that were tried, and whose claims were lost."""
    lost = (
        delivery.c.campaign_id == campaign.id,
        delivery.c.message_id == "",
        delivery.c.changed_at.is_not(None),
    )
    query = select(delivery.c.id, delivery.c.key, delivery.c.snapshot_sum).where(*lost)
    for number, key, recorded in connection.execute(query).all():
        message_id = identify(campaign.secret, key)
        named = update(delivery).where(delivery.c.id == number)
        snapshot = with_message_id(recorded, message_id)
        connection.execute(named.values(message_id=message_id, snapshot_sum=snapshot))


def count_claimable(connection: Connection, campaign_id: int) -> int:
    """Return the number of deliveries that can be claimed, now or when they are due."""
    query = select(func.count()).select_from(delivery)
    parts = (connection.scalar(query.where(part), {"campaign": campaign_id}) for part in _PARTS)
    return sum(part or 0 for part in parts)


def count_unmade(connection: Connection, campaign_id: int) -> int:
    """Return the number of deliveries whose message could not be made."""
    query = select(func.count()).where(delivery.c.campaign_id == campaign_id, is_unmade)
    return connection.scalar(query) or 0


def select_in_order(connection: Connection, campaign_id: int) -> list[int]:
    """Return the ids of all deliveries, in the order of the spreadsheet."""
    query = select(delivery.c.id).where(delivery.c.campaign_id == campaign_id)
    return list(connection.scalars(query.order_by(delivery.c.row, delivery.c.id)))


def select_deliveries(connection: Connection, ids: list[int]) -> Iterator[Delivery]:
    """Return the deliveries with these ids, in the order of the ids."""
    query = select(*DELIVERY_COLUMNS).where(delivery.c.id.in_(ids))
    rows = {row[0]: row for row in connection.execute(query)}
    return (delivery_of(rows[number]) for number in ids if number in rows)


# --- decisions of the user


def resend_in_doubt(connection: Connection, campaign_id: int) -> int:
    """Make the deliveries in doubt claimable. Returns how many."""
    return _decide(connection, campaign_id, State.IN_DOUBT, ~has_left, retry_at=literal(0.0))


def hold_in_doubt(connection: Connection, campaign_id: int) -> None:
    """Make no delivery in doubt claimable."""
    held = (
        delivery.c.campaign_id == campaign_id,
        delivery.c.state == State.IN_DOUBT.value,
        delivery.c.retry_at.is_not(None),
    )
    _change(connection, held, retry_at=None)


def assume_sent(connection: Connection, campaign_id: int) -> int:
    """Record the deliveries in doubt as sent. Returns how many."""
    new = State.SENT.value
    reply = marked("in doubt, assumed sent")
    return _decide(connection, campaign_id, State.IN_DOUBT, state=new, reply=reply, retry_at=None)


def retry_rejected(connection: Connection, campaign_id: int) -> int:
    """Make the rejected deliveries pending again. Returns how many."""
    return _decide(connection, campaign_id, State.REJECTED, ~has_left, state=State.PENDING.value)


def retry_deferred(connection: Connection, campaign_id: int) -> int:
    """Make the deferred deliveries due. Returns how many."""
    return _decide(connection, campaign_id, State.DEFERRED, retry_at=literal(0.0))


def _decide(
    connection: Connection,
    campaign_id: int,
    old: State,
    *conditions: ColumnElement[bool],
    **values: Any,
) -> int:
    chosen = (
        *conditions,
        delivery.c.campaign_id == campaign_id,
        delivery.c.selected,
        delivery.c.state == old.value,
    )
    return _change(connection, chosen, **values)


def _change(connection: Connection, where: Sequence[Any], **values: Any) -> int:
    """Change the state columns of many rows. Returns how many."""
    statement = update(delivery).where(*where).values(state_sum=None, **values)
    if changed := connection.execute(statement).rowcount:
        seal(connection)
    return changed


def _values(transition: Transition) -> tuple[object, ...]:
    columns = state_columns(transition)
    return (*columns, state_sum(*columns), transition.delivery_id)
