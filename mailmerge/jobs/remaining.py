"""Remaining: the recipients that a run would still try, for the plan.

A ledger may have been begun, and the options may select some of its recipients. Then the counts of
the ledger say too much, and its deliveries are read one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from mailmerge.jobs.options import JobOptions
from mailmerge.jobs.records import Records
from mailmerge.ledger.states import State, reported
from mailmerge.recipients.audience import Recipient


class Remaining:
    """The recipients that a run with some options would try."""

    def __init__(
        self, records: Records, options: JobOptions, selected: frozenset[str] | None
    ) -> None:
        """`selected` has the keys of the selected recipients; None selects all of them."""
        self._records = records
        self._options = options
        self._selected = selected

    def count(self, counts: Mapping[State, int], checked: int) -> int:
        """How many the run would try.

        `counts` are the states of all recipients, `checked` is the number of those that the check
        has seen.
        """
        if self._selected is not None and any(self._records.counts(0).values()):
            return self._count_one_by_one(self._selected)
        states = self._tried_again() - {State.DEFERRED}
        again = sum(counts.get(state, 0) for state in states)
        if State.DRAFTED in states:
            again += self._records.drafted()
        return self._records.claimable(checked) + again

    def _count_one_by_one(self, selected: frozenset[str]) -> int:
        """The number of selected recipients that a run would try, those of a new row included."""
        states = self._tried_again() | {State.PENDING}
        known = claimable = 0
        for one in self._records.iterate():
            if one.key in selected:
                known += 1
                claimable += one.state in states or one.unmade
        return claimable + len(selected) - known

    def again(self, counts: Mapping[State, int]) -> dict[State, int]:
        """How many are tried again because of --retry, by their state."""
        selected, retried = self._selected, self._options.retry
        if selected is not None and retried:
            known = self._records.iterate()
            found = Counter(one.state for one in known if one.key in selected)
            counts = {**reported(found), State.DRAFTED: found[State.DRAFTED]}
        elif State.DRAFTED in retried:
            counts = {**counts, State.DRAFTED: self._records.drafted()}
        states = {State(one): counts[State(one)] for one in sorted(retried)}
        return {state: count for state, count in states.items() if count}

    def next_ones(self, rows: Iterable[Recipient]) -> Iterator[Recipient]:
        """Yield the recipients in the order in which a run would try them.

        Those of `rows` that the ledger does not have yet come last, if the options select some.
        """
        selected, known = self._selected, set[str]()
        for one in self._records.remaining(self._tried_again()):
            if selected is None or one.key in selected:
                known.add(one.key)
                yield one
        if selected is not None and rows:
            tried = {one.key for one in self._records.iterate() if one.key in selected}
            yield from (one for one in rows if one.key not in tried | known)

    def _tried_again(self) -> frozenset[State]:
        """The states, apart from pending, in which a run tries a recipient."""
        states = {State.DEFERRED, *(State(one) for one in self._options.retry)}
        if self._options.in_doubt == "resend":
            states.add(State.IN_DOUBT)
        return frozenset(states)
