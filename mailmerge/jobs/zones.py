"""The time zones of a job's recipients: rendered, written into the ledger, and counted.

They are written after each enrolment and before the first claim. Rendering them again for each run
costs little, and follows a cell or a template that has changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from mailmerge.errors import InputError
from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import State
from mailmerge.messages import MessageFactory
from mailmerge.recipients.audience import Recipient
from mailmerge.time_zones import UnknownZone, canonical_name

_FINAL = frozenset({State.SENT})


def zone_of(messages: MessageFactory, recipient: Recipient) -> str:
    """Return the time zone of a recipient; "" if it has none, as an invalid row may."""
    try:
        return canonical_name(messages.time_zone(recipient))
    except (InputError, UnknownZone):
        return ""


def assign_zones(store: Store, messages: MessageFactory) -> None:
    """Write the time zone of each recipient of a ledger that is not sent yet.

    Raises:
        LedgerError: the ledger cannot be read or written.
    """
    changed = list(_changed(store, messages))
    if changed:
        store.assign_zones(changed)


def _changed(store: Store, messages: MessageFactory) -> Iterator[tuple[int, str]]:
    for one in store.iterate():
        if one.state not in _FINAL:
            zone = zone_of(messages, one.recipient)
            if zone != one.time_zone:
                yield one.id, zone


def zone_counts(
    messages: MessageFactory, store: Store | None, recipients: Iterable[Recipient]
) -> Mapping[str, int]:
    """Count by time zone what a run would try: that of the ledger, or else `recipients`.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    if store is None:
        return Counter(zone_of(messages, one) for one in recipients)
    return {one.time_zone: one.pending + one.deferred for one in store.zone_backlog()}
