"""Database and journal -> what is known about each delivery when no process is sending.

The database and the journal are written in a fixed order (journal.py), so each says something about
the other. A damaged file breaks one of these rules:

1. A claim is in the database before the journal has a line about it. So a line about a delivery
   that is not claimed there means that the database has lost commits.
2. The header of the journal gets the number of a commit after that commit. So a number that is
   greater than the database's means the same.
3. A commit records how many deliveries there are, and how many are sent.
4. Every line since the last fold is valid, and follows from the one before it (states.TRANSITIONS).

What follows from a broken rule:

* *The journal is damaged* (rule 4): lines are missing, so every delivery that the database calls
  claimed may have been sent. It is in doubt, as after a power cut.
* *The database has lost commits* (rules 1 and 2), and the journal is whole: nothing is missing. The
  lines since the recorded position restore every state, because older files are removed only after
  everything that they restore is in the database's main file.
* *Both*, or the database has lost more than lines can restore, or it contradicts itself (rule 3):
  no state of a delivery can be trusted. The ledger is not opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from mailmerge.language import tr
from mailmerge.ledger import claims
from mailmerge.ledger.campaigns import CampaignRecord
from mailmerge.ledger.database import RowDamaged
from mailmerge.ledger.emergency import EmergencyFiles
from mailmerge.ledger.journal_file import JournalFiles, Tail
from mailmerge.ledger.position import Position, read_position
from mailmerge.ledger.states import (
    MAY_HAVE_LEFT,
    TRANSITIONS,
    UNDER_WAY,
    State,
    Transition,
    end_claim,
)
from mailmerge.portable import boot


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the journal and the emergency files add to the database.

    Attributes:
        latest: the newest transition of each delivery since the last fold, by delivery id.
        saved: the outcomes of open claims in the emergency files, by delivery id.
        generation: the number of the journal file that the database knows, or 0.
        sequence: the number of the last commit.
        doubt: why transitions may be missing, for users; "" if all are known.
        behind: the database has lost commits that the journal restores.
    """

    latest: Mapping[int, Transition]
    saved: Mapping[int, Transition]
    generation: int = 0
    sequence: int = 0
    doubt: str = ""
    behind: bool = False

    def ended(self, last: Transition) -> Transition:
        """Return the state of a delivery after the end of the process that claimed it."""
        left = end_claim(last, known=not self.doubt)
        if self.doubt and left is not last:
            return replace(left, reply=tr("{doubt}; it may have been sent", doubt=self.doubt))
        return left


def examine(
    connection: Connection,
    campaign: CampaignRecord,
    files: JournalFiles,
    boot_id: str,
    *,
    live: bool = False,
) -> Evidence:
    """Compare the database with the files next to it.

    `live` says that a process is sending: then only its lines are read.

    Raises:
        RowDamaged: the database has lost changes that nothing restores.
    """
    position = read_position(connection, campaign.id)
    saved = EmergencyFiles(files.folder, campaign.secret).read()
    if position is None:
        if not live and files.has_content():
            raise RowDamaged(tr("it has lost its record of the journal next to it"))
        return Evidence({}, _current(connection, {}, saved))
    tail = files.read(position.generation, position.offset, position.reserved)
    latest = {one.delivery_id: one for one in tail.transitions}
    saved_now = _current(connection, latest, saved)
    found = Evidence(latest, saved_now, position.generation, position.sequence)
    if live:
        return found
    counts = claims.count_states(connection, campaign.id)
    _require_counts(counts, position)
    doubt = tail.damage
    restarted = not doubt and not boot.same_boot(position.boot_id, boot_id)
    if restarted:
        doubt = tr("the computer was restarted while the campaign was being sent")
    before = dict(_states(connection, latest))
    behind = tail.sequence > position.sequence or not _was_claimed(before, tail.transitions)
    if behind and (doubt or tail.base > position.sequence):
        raise RowDamaged(tr("it is older than the journal next to it"))
    if restarted and not any(counts[state] for state in UNDER_WAY):
        doubt = ""  # nothing was being sent
    if not (doubt or behind or _is_possible(before, tail)):
        doubt = tr(
            "{name} is damaged: its lines contradict each other",
            name=files.path(position.generation).name,
        )
    sequence = max(position.sequence, tail.sequence)
    return replace(found, doubt=doubt, behind=behind, sequence=sequence)


def _current(
    connection: Connection, latest: Mapping[int, Transition], saved: Iterable[Transition]
) -> dict[int, Transition]:
    """Return the saved outcomes of open claims.

    Others are of an earlier attempt: a file in the state folder could not be removed after it, for
    example because another machine has sent the campaign since.
    """
    outcomes = {one.delivery_id: one for one in saved}
    known = claims.select_transitions(connection, outcomes) | dict(latest) if outcomes else {}
    return {
        number: one
        for number, one in outcomes.items()
        if number in known and known[number].state in UNDER_WAY and known[number].at <= one.at
    }


def count_left(
    connection: Connection, campaign: CampaignRecord, files: JournalFiles, boot_id: str
) -> int:
    """Return how many messages of a campaign may have left, also those that only lines know of.

    A database that has lost commits seems to be older than it is, until the journal restores them.
    """
    in_database = claims.count_states(connection, campaign.id)
    count = sum(in_database[state] for state in MAY_HAVE_LEFT)
    try:
        latest = examine(connection, campaign, files, boot_id).latest
        before = dict(_states(connection, latest))
    except RowDamaged:
        return count  # this is told when the campaign is opened
    return count + sum(
        (one.state in MAY_HAVE_LEFT) - (before[number] in MAY_HAVE_LEFT)
        for number, one in latest.items()
    )


def _require_counts(counts: Counter[State], position: Position) -> None:
    """Check rule 3."""
    if not position.sequence:
        return  # the first edition did not count
    if (counts.total(), counts[State.SENT]) != (position.deliveries, position.sent):
        raise RowDamaged(
            tr(
                "it has {total} recipients, {counts} of them sent, instead of "
                "{deliveries} and {sent}",
                total=counts.total(),
                counts=counts[State.SENT],
                deliveries=position.deliveries,
                sent=position.sent,
            )
        )


_AT_ONCE = 500


def _states(connection: Connection, ids: Iterable[int]) -> Iterator[tuple[int, State]]:
    """Yield the states in the database of these deliveries."""
    wanted = list(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        chunk = wanted[start : start + _AT_ONCE]
        found = claims.select_transitions(connection, chunk)
        if len(found) < len(chunk):
            raise RowDamaged(tr("it has lost recipients that the journal next to it has"))
        for number, one in found.items():
            yield number, one.state


def _was_claimed(before: Mapping[int, State], transitions: Iterable[Transition]) -> bool:
    """Check rule 1; a reply may also come after the claim has ended."""
    first = {one.delivery_id: one.state for one in reversed(list(transitions))}
    return all(
        state in UNDER_WAY or (state, first[number]) == (State.IN_DOUBT, State.SENT)
        for number, state in before.items()
    )


def _is_possible(before: Mapping[int, State], tail: Tail) -> bool:
    """Check the second half of rule 4."""
    states = dict(before)
    for one in tail.transitions:
        old = states[one.delivery_id]
        if old is not one.state and (old, one.state) not in TRANSITIONS:
            return False
        states[one.delivery_id] = one.state
    return True
