"""Outcome -> what it means for the person, the connection and the run. Nothing here does I/O.

A reply is decided by its first digit; what is named here are the exceptions (docs/delivery.md). The
provider's own come first: `ReplyRules` says what a reply means there (`Provider.action_for`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from mailmerge.ledger.states import State
from mailmerge.providers.lookup import Action
from mailmerge.smtp import Outcome, Reply, Stage, Verdict

FIRST_RETRY = 300.0
LONGEST_RETRY = 4 * 3600.0
COOL_DOWN = 600.0
"""Gmail's 4.7.28: stop for ten minutes, then one connection, then one more at a time."""

POLICY_REFUSALS = 10
EQUAL_REFUSALS = 100
SENDER_REFUSALS = 3
UNTRANSMITTED = 3
"""So often a message may fail to be transmitted before the next one's turn comes."""

COOL_DOWNS = 3
"""So many cool-downs in a row, with nobody sent to in between, end the run."""

ReplyRules = Callable[[int, str], Action | None]
"""Code and text of a reply -> what a run does about it; None where its first digit decides."""


def no_rules(code: int, text: str) -> Action | None:
    """The rules of a server that nothing special is known of."""
    del code, text
    return None


_GREYLISTED = re.compile(r"gr[ea]y[- ]?list|postgrey", re.IGNORECASE)
_QUOTA_OVER = re.compile(
    r"daily .{0,40}(limit|quota)|(limit|quota).{0,40}\b(per day|today|24 ?h)|too many mails? today",
    re.IGNORECASE,
)
_USED_UP = re.compile(
    r"too many (messages|mails?|transactions)|messages? (limit|per connection)",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"<[^>]*>|\S+@\S+|[0-9A-Fa-f]{8,}|\d+")


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from one outcome.

    `state` is None where the message was not transmitted and the person simply waits for another
    turn. `retry_in` and `cool_down` are seconds. `stop` says in one line why the run must stop; it
    is empty where it goes on.
    """

    state: State | None
    reply: str = ""
    retry_in: float | None = None
    recycle: bool = False
    slow: bool = False
    cool_down: float = 0.0
    stop: str = ""


def decide(
    outcome: Outcome,
    *,
    attempts: int,
    returned: int = 0,
    carried: int = 0,
    rules: ReplyRules = no_rules,
) -> Decision:
    """What an outcome means.

    `attempts` counts earlier answers about this person, `returned` how often the message has come
    back untransmitted in this run, `carried` the earlier messages of this connection; `rules` are
    the provider's own.
    """
    text = str(outcome.reply) if outcome.reply else outcome.reason
    if outcome.verdict is Verdict.SENT:
        return Decision(State.SENT, text)
    if outcome.verdict is Verdict.IN_DOUBT:
        return Decision(State.IN_DOUBT, text or "the connection ended before the server answered")
    return _as_the_provider_means(outcome, returned, rules) or _as_the_digit_says(
        outcome, text, attempts, returned, carried
    )


def _as_the_provider_means(outcome: Outcome, returned: int, rules: ReplyRules) -> Decision | None:
    """What the provider's own rules say; None where they say nothing."""
    reply = outcome.reply
    action = rules(reply.code, reply.text) if reply else None
    if reply is None or action is None:
        return None
    if action == "stop":
        return Decision(None, str(reply), stop=f"the server wants no more of this: {reply}")
    if action == "fail":
        return Decision(State.REJECTED, str(reply), recycle=reply.closing)
    if action == "reconnect":
        return _used_up(reply, returned)
    return _paused(reply)


def _used_up(reply: Reply, returned: int) -> Decision:
    """The connection took what it takes; the same message goes over the next one."""
    if returned + 1 < UNTRANSMITTED:
        return Decision(None, str(reply), recycle=True)
    return Decision(State.DEFERRED, str(reply), retry_in=FIRST_RETRY, recycle=True)


def _paused(reply: Reply) -> Decision:
    """Not now, whatever the first digit: in some minutes, or where a day's limit is, tomorrow."""
    if _is_quota(reply):
        return _account_full(reply)
    return Decision(
        State.DEFERRED, str(reply), retry_in=COOL_DOWN, cool_down=COOL_DOWN, recycle=True
    )


def _is_quota(reply: Reply) -> bool:
    return reply.enhanced_status == "5.4.5" or bool(_QUOTA_OVER.search(reply.text))


def _account_full(reply: Reply) -> Decision:
    return Decision(None, str(reply), stop=f"the account's limit is reached: {reply}")


def _as_the_digit_says(
    outcome: Outcome, text: str, attempts: int, returned: int, carried: int
) -> Decision:
    if outcome.verdict is Verdict.NOT_SENT:
        return _untransmitted(outcome, text, returned, carried)
    if outcome.reply is None:
        return Decision(State.REJECTED, text)
    if outcome.verdict is Verdict.DEFERRED:
        return _deferred(outcome.stage, outcome.reply, attempts, returned, carried)
    return _rejected(outcome.stage, outcome.reply)


def _untransmitted(outcome: Outcome, text: str, returned: int, carried: int) -> Decision:
    reply = outcome.reply
    used_up = carried > 0 and outcome.stage is Stage.MAIL
    slow = reply is not None and reply.transient and not used_up
    if returned + 1 < UNTRANSMITTED:
        return Decision(None, text, slow=slow, recycle=True)
    reason = text or "the connection ended before the message was transmitted"
    return Decision(State.DEFERRED, reason, retry_in=FIRST_RETRY, recycle=True, slow=slow)


def _deferred(stage: Stage, reply: Reply, attempts: int, returned: int, carried: int) -> Decision:
    used_up = stage is Stage.MAIL and carried > 0 and returned == 0
    if used_up or (reply.code != 421 and _USED_UP.search(reply.text) and returned == 0):
        return Decision(None, str(reply), recycle=True)
    if reply.enhanced_status == "4.7.28":
        return _paused(reply)
    return Decision(
        State.DEFERRED,
        str(reply),
        retry_in=retry_pause(attempts),
        recycle=reply.closing,
        slow=asks_for_less(stage, reply),
    )


def retry_pause(attempts: int) -> float:
    """Seconds until a deferred person's next turn: 5, 10, 20 ... minutes (RFC 5321, 4.5.4.1)."""
    return float(min(FIRST_RETRY * 2**attempts, LONGEST_RETRY))


def asks_for_less(stage: Stage, reply: Reply) -> bool:
    """Whether a 4yz reply is about our speed, and not about one mailbox or a grey list."""
    if reply.closing:
        return True
    if _GREYLISTED.search(reply.text):
        return False
    subject = reply.enhanced_status or ""
    if subject.startswith(("4.1.", "4.2.")):
        return False
    if subject.startswith("4.7."):
        return True
    return stage is not Stage.RCPT and reply.code in {450, 451, 452}


def _rejected(stage: Stage, reply: Reply) -> Decision:
    if _is_quota(reply):
        return _account_full(reply)
    if reply.code in {530, 535}:
        return Decision(None, str(reply), stop=f"the server wants a log-in: {reply}")
    if stage is Stage.MAIL and reply.code != 552:
        return Decision(State.DEFERRED, str(reply), retry_in=FIRST_RETRY)
    return Decision(State.REJECTED, str(reply))


@dataclass(slots=True)
class Refusals:
    """Equal refusals in a row, of all lanes: those are configuration, not people."""

    kind: tuple[object, ...] = ()
    count: int = 0
    limit: int = field(default=EQUAL_REFUSALS)

    def note(self, outcome: Outcome, decision: Decision) -> str:
        """Count an outcome; one line that says why to stop, or nothing."""
        if decision.state is State.SKIPPED or decision.recycle:
            return ""
        reply = outcome.reply
        if reply is None or not reply.permanent or outcome.verdict is Verdict.NOT_SENT:
            if outcome.verdict is Verdict.SENT:
                self.kind, self.count = (), 0
            return ""
        kind = (outcome.stage, reply.code, _VARIABLE.sub("#", reply.text))
        self.count = self.count + 1 if kind == self.kind else 1
        self.kind = kind
        if self.count < _refusals_allowed(outcome.stage, reply):
            return ""
        return f"the server refused {self.count} in a row with the same words: {reply}"


def _refusals_allowed(stage: Stage, reply: Reply) -> int:
    if stage is Stage.MAIL:
        return SENDER_REFUSALS
    policy = (reply.enhanced_status or "").startswith("5.7.")
    return POLICY_REFUSALS if policy else EQUAL_REFUSALS


@dataclass(slots=True)
class CoolDowns:
    """Cool-downs in a row that did not help; what all lanes hear within one of them is one."""

    count: int = 0
    until: float = 0.0

    def note(self, decision: Decision, now: float) -> str:
        """Count a decision; one line that says why to stop, or nothing."""
        if decision.state is State.SENT:
            self.count = 0
        if not decision.cool_down or now < self.until:
            return ""
        self.count += 1
        self.until = now + decision.cool_down
        if self.count <= COOL_DOWNS:
            return ""
        return f"{COOL_DOWNS} pauses of {COOL_DOWN / 60:.0f} minutes did not help: {decision.reply}"


def reconnect_pause(failures: int) -> float | None:
    """Seconds before the next attempt to connect; None when it is time to give up.

    1, 2, 4 ... 60 seconds: about five minutes in all, as long as a server takes to restart.
    """
    if failures > 10:
        return None
    return float(min(2 ** (failures - 1), 60)) if failures else 0.0
