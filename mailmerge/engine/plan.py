"""Options and rates -> the plan of a run: how many, how fast, until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mailmerge.campaign import Campaign, Rate
from mailmerge.engine.retry import ReplyRules, no_rules
from mailmerge.engine.throttle import QUOTA_SECONDS, spacing
from mailmerge.ledger.interface import InDoubt
from mailmerge.ledger.states import State

CLAIM_AT_ONCE = 500
"""People whom one durable claim covers; after a power cut so many may be in doubt."""

CLAIM_SECONDS = 5.0
"""Where rates are slow, no more people are claimed than can be sent to in so many seconds."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the person wants of this run; None means what campaign.toml says.

    `limit` is how many people to try at most, `wait` how many seconds the run may wait for deferred
    people when nobody else is left, `account` the name under which limits are counted, `rules` what
    the provider means by its replies. `copies` False keeps none, whatever the campaign asks for.
    """

    limit: int | None = None
    rates: Sequence[Rate] | None = None
    connections: int | None = None
    messages_per_connection: int | None = None
    window: int | None = None
    in_doubt: InDoubt = "hold"
    wait: float | None = None
    account: str = ""
    check_seconds: float = 0.0
    rules: ReplyRules = no_rules
    copies: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, for the person who has to say yes.

    `ends_after` is in seconds, as the rates alone allow it; 0 where nothing limits the run.
    `test_to` is the one address that all messages go to; empty where they go to the people.
    `slow_because` says why pages are made one by one where that is felt, and `per_second` how many
    the check has made so; both are empty where the structure cache does its work.
    """

    total: int
    to_send: int
    from_: str
    server: str
    subjects: tuple[str, ...]
    rates: tuple[Rate, ...]
    connections: int
    window: int
    ends_after: float
    test_to: str = ""
    slow_because: str = ""
    per_second: float = 0.0

    def slowed(self, because: str, per_second: float) -> Plan:
        """The plan where making the messages is what takes the time."""
        least = self.to_send / per_second
        ends_after = max(self.ends_after, least)
        return replace(self, slow_because=because, per_second=per_second, ends_after=ends_after)


def make_plan(
    campaign: Campaign,
    states: Mapping[State, int],
    *,
    to_send: int,
    server: str,
    subjects: Sequence[str] = (),
    options: Options | None = None,
) -> Plan:
    """Say what a run would do; `to_send` is what the ledger calls claimable."""
    options = options or Options()
    if options.limit is not None:
        to_send = min(to_send, options.limit)
    rates = tuple(options.rates if options.rates is not None else campaign.delivery.rate)
    return Plan(
        total=sum(states.values()),
        to_send=to_send,
        from_=campaign.message.from_,
        server=server,
        subjects=tuple(subjects[:3]),
        rates=rates,
        connections=options.connections or campaign.delivery.connections or 1,
        window=options.window or campaign.delivery.window,
        ends_after=max((_least_seconds(rate, to_send) for rate in rates), default=0.0),
    )


def _least_seconds(rate: Rate, messages: int) -> float:
    """How long so many messages take at least."""
    further = max(messages - 1, 0)
    if rate.seconds >= QUOTA_SECONDS:
        return further // rate.count * rate.seconds
    return further * spacing(rate).interval


def claim_size(interval: float, in_flight: int) -> int:
    """How many people to claim at once: no more than can be sent to in a few seconds."""
    if not interval:
        return CLAIM_AT_ONCE
    soon = int(CLAIM_SECONDS / interval)
    return min(CLAIM_AT_ONCE, max(soon, in_flight, 1))
