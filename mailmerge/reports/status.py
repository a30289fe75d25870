"""Ledger -> the status of a campaign: a document for programs, a table and a list for users.

Replies come from outside. Before printing, make them safe for the terminal (wording.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any, Final

from mailmerge.language import marked, tr
from mailmerge.ledger.states import AFTER_KINDS, Delivery, Recovery, Standing, State
from mailmerge.wording import padded

FAILED: Final = frozenset({State.REJECTED, State.DEFERRED})
"""The states of deliveries that the server has refused, for good or for now."""

_NAME: Final = 10
"""The columns of a state's name, with the spaces after it."""

_MEANINGS: Final = {
    State.PENDING: marked("not sent yet"),
    State.SENT: marked("accepted by the server"),
    State.REJECTED: marked("refused for good"),
    State.DEFERRED: marked("refused for now; the next send tries again"),
    State.IN_DOUBT: marked("may have arrived (docs/delivery.md says what to do)"),
    State.SKIPPED: marked("not to be sent"),
}

_AFTER: Final = {
    "bounced": marked("{count} bounced"),
    "complained": marked("{count} complained"),
    "unsubscribed": marked("{count} unsubscribed"),
    "answered": marked("{count} answered"),
    "auto_replied": marked("{count} replied automatically"),
}


def status_document(
    campaign: str, standing: Standing, *, owner: str = "", recovery: Recovery | None = None
) -> dict[str, Any]:
    """Return the document that `status --json` prints, with every state, including zeros.

    `after` counts the recipients by what came back by mail. `unmade` is in it if there are messages
    that could not be made, `server_ids` if the server gave messages an id, `copies_refused` if it
    refused copies, `drafted` if messages lie in the user's drafts. `owner` is the process that is
    sending now, or "". `recovery` is what cannot be determined about a run that was killed; without
    it the document has no such key.
    """
    unknown = {} if recovery is None else {"recovery": asdict(recovery)}
    return {
        "campaign": campaign,
        "total": sum(standing.states.values()),
        "states": {state.value: count for state, count in standing.states.items()},
        **({"unmade": standing.unmade} if standing.unmade else {}),
        **({"server_ids": standing.server_ids} if standing.server_ids else {}),
        **({"drafted": standing.drafted} if standing.drafted else {}),
        "after": {kind: standing.after.get(kind, 0) for kind in AFTER_KINDS},
        **({"copies_refused": standing.copies_refused} if standing.copies_refused else {}),
        "seconds": round(standing.seconds, 3),
        "check_seconds": round(standing.check_seconds, 3),
        "sending": owner,
        **unknown,
    }


def status_table(states: Mapping[State, int], unmade: int = 0, drafted: int = 0) -> str:
    """Return the counts and their meanings, one state a line, without zeros except for sent.

    `unmade` is the number of recipients whose message could not be made, `drafted` that of those
    whose message lies in the user's drafts.
    """
    shown = [state for state in states if states[state] or state is State.SENT]
    total = f"{sum(states.values()):,}"
    lines = [
        f"{states[state]:>{len(total)},}  {padded(tr(state.value), _NAME)}{tr(_MEANINGS[state])}"
        for state in shown
    ]
    lines.append(tr("{total}  total", total=total))
    if unmade:
        again = tr("the message could not be made; the next send tries again")
        of_them = tr("of them not reached: {reason}", reason=again)
        lines.append(f"{unmade:>{len(total)},}  {of_them}")
    if drafted:
        in_drafts = tr("of them in your drafts; --retry drafted sends them all the same")
        lines.append(f"{drafted:>{len(total)},}  {in_drafts}")
    return "\n".join(lines)


def after_line(standing: Standing) -> str:
    """Return what came back by mail in one line, such as `240 sent: 3 bounced`; "" if nothing."""
    counts = standing.after
    parts = [
        tr(words, count=f"{counts[kind]:,}") for kind, words in _AFTER.items() if counts.get(kind)
    ]
    if not parts:
        return ""
    sent = f"{standing.states[State.SENT]:,}"
    return tr("{sent} sent: {facts}", sent=sent, facts=tr(", ").join(parts))


def unreached(deliveries: Iterable[Delivery], most: int) -> list[Delivery]:
    """Return up to `most` deliveries that were refused, are in doubt, or could not be made."""
    return list(islice(_unreached(deliveries), most))


def _unreached(deliveries: Iterable[Delivery]) -> Iterator[Delivery]:
    failed = FAILED | {State.IN_DOUBT}
    return (one for one in deliveries if one.state in failed or one.unmade)


def without_all_copies(deliveries: Iterable[Delivery], most: int) -> list[Delivery]:
    """Return up to `most` deliveries that were sent, and of which a copy was refused."""
    return list(islice((one for one in deliveries if one.copies_refused), most))
