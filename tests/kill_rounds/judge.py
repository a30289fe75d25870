"""What the ledger and the server may say after a run, and while it goes on.

The server's record is the truth about the messages. The judge compares it with the ledger:

* I1: a recipient who is `sent` was taken by the server.
* I2: a recipient whose message was taken is `sent`, is in doubt, or was in doubt and resent.
* I3: no recipient disappears once a message was tried, and `sent` is final. Until then each run
  replaces the snapshot by the spreadsheet, so a row that was deleted before leaves no trace.
* I4: a second message is taken only after doubt and a run that resends; it has the same Message-ID.
* I5: one end of the process leaves at most connections x window recipients in doubt, and each
  connection that the server has dropped at most its window.
* I6: with copies, a message is taken with its copy, and never for a copy alone. `sent` names the
  copy that was refused. (LMTP answers for each address, so a copy can arrive alone there.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mailmerge.ledger.states import Delivery, State
from tests.scripted_server import Message

_COPY = "copy-"
UNSETTLED = (State.PENDING, State.CLAIMED, State.SENDING, State.DEFERRED)
_MAY_HAVE_GOT_IT = (State.SENT, State.IN_DOUBT, State.SENDING)


def addresses(messages: Iterable[Message]) -> Counter[str]:
    """How often the server took a message for each recipient."""
    taken = (path for one in messages if one.taken for path in one.forward_paths)
    return Counter(path for path in taken if not path.startswith(_COPY))


@dataclass(slots=True)
class Judge:
    """The history of a round, and the breaches of the promise that were found.

    Attributes:
        resent: how often a run began that resends, by the recipients in doubt before it.
        sent: the recipients that a comparison has seen as `sent`.
        seen: the recipients that a comparison has seen in the ledger since a message was tried.
        doubts: the recipients in doubt after the last run.
        breaches: one line each.
    """

    resent: Counter[str] = field(default_factory=Counter)
    sent: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    doubts: set[str] = field(default_factory=set)
    breaches: list[str] = field(default_factory=list)

    def begin(self, *, resend: bool) -> None:
        """Note that a run begins."""
        if resend:
            self.resent.update(self.doubts)

    def look(
        self,
        before: Sequence[Message],
        deliveries: Mapping[str, Delivery],
        after: Sequence[Message],
    ) -> None:
        """Judge the ledger as it was at a moment between the two lists of messages."""
        sent = {key for key, one in deliveries.items() if one.state is State.SENT}
        self._breach("I1: sent, but never taken", sent - set(addresses(after)))
        unknown = {
            key
            for key in addresses(before)
            if key not in self.resent
            and (key not in deliveries or deliveries[key].state not in _MAY_HAVE_GOT_IT)
        }
        self._breach("I2: taken, but neither sent nor in doubt", unknown)
        self._breach("I3: no longer sent", self.sent - sent)
        self._breach("I3: no longer in the ledger", self.seen - set(deliveries))
        self.sent |= sent
        if any(map(_was_tried, deliveries.values())):
            self.seen |= set(deliveries)

    def after(
        self,
        deliveries: Mapping[str, Delivery],
        messages: Sequence[Message],
        most_doubts: int,
    ) -> int:
        """Judge the ledger after a run. Returns the number of new doubts."""
        self.look(messages, deliveries, messages)
        again = {key for key, count in addresses(messages).items() if count > 1 + self.resent[key]}
        self._breach("I4: taken too often", again)
        self._breach("I4: another Message-ID", _with_several_ids(messages))
        doubts = {
            key for key, one in deliveries.items() if one.state in (State.IN_DOUBT, State.SENDING)
        }
        new = doubts - self.doubts
        if len(new) > most_doubts:
            self.breaches.append(f"I5: {len(new)} new doubts, at most {most_doubts} are allowed")
        self.doubts = doubts
        return len(new)

    def finish(self, deliveries: Mapping[str, Delivery], expected: set[str]) -> None:
        """Judge the ledger at the end of the round."""
        self._breach("I3: never enrolled", expected - set(deliveries))
        left = {key for key in expected & set(deliveries) if deliveries[key].state in UNSETTLED}
        self._breach("I3: never settled", left)
        skipped = {
            key for key in expected & set(deliveries) if deliveries[key].state is State.SKIPPED
        }
        self._breach("I3: skipped, but in the spreadsheet", skipped)

    def copies(self, deliveries: Mapping[str, Delivery], messages: Sequence[Message]) -> None:
        """Judge the copies of a round of SMTP at its end."""
        apart = {
            ",".join(one.forward_paths)
            for one in messages
            if one.taken and one.forward_paths[1:] != (f"{_COPY}{one.forward_paths[0]}",)
        }
        self._breach("I6: taken without its copy, or for the copy alone", apart)
        unnamed = {
            key
            for key, one in deliveries.items()
            if one.state is State.SENT
            and [copy.address for copy in one.copies_refused] != [f"no-{_COPY}{key}"]
        }
        self._breach("I6: sent, and the refused copy is not named", unnamed)

    def _breach(self, what: str, keys: set[str]) -> None:
        if keys:
            shown = ", ".join(sorted(keys)[:5])
            self.breaches.append(f"{what}: {len(keys)} recipients: {shown}")


def _was_tried(one: Delivery) -> bool:
    untried = one.state in (State.PENDING, State.SKIPPED)
    return not untried or one.attempts > 0 or one.doubts > 0


def _with_several_ids(messages: Sequence[Message]) -> set[str]:
    ids: dict[str, set[str]] = {}
    for one in messages:
        for path in one.forward_paths if one.taken else ():
            ids.setdefault(path, set()).add(one.message_id)
    return {path for path, found in ids.items() if len(found) > 1}
