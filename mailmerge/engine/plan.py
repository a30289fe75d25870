"""Limits -> the plan of a run: how many messages, how fast, and how long it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mailmerge.engine.hours_plan import HoursPlan
from mailmerge.engine.limits import Limits
from mailmerge.engine.rates import even_interval, is_quota
from mailmerge.language import listed, tr, trn
from mailmerge.ledger.states import State, counts_in_words
from mailmerge.settings import Rate
from mailmerge.wording import counted, duration_in_words, padded

CLAIM_AT_ONCE: Final = 500
"""The maximum recipients of one durable claim; after a power cut this many may be in doubt."""

_LABEL: Final = 11
"""The columns of a label, with the space after it."""

_CLAIM_SECONDS: Final = 5.0
"""At a slow rate, a claim covers only the recipients of this many seconds."""


@dataclass(frozen=True, slots=True)
class _Making:
    """What slows a run down besides its rates.

    Attributes:
        slow_because: why each page is rendered from scratch, if that is slow; else "".
        per_second: how many such pages the check made per second.
        hours: when each time zone goes; None if recipients may be sent at any time.
    """

    slow_because: str = ""
    per_second: float = 0.0
    hours: HoursPlan | None = None


@dataclass(frozen=True, slots=True)
class _Others:
    """What a run does besides the first attempt for each recipient, and what it leaves out."""

    again: Mapping[State, int] = field(default_factory=dict)
    copies: int = 0
    sent_before: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do, for the user to confirm; `str` returns it as lines.

    Attributes:
        total: the number of recipients of the campaign.
        to_send: the number of recipients that the run would try.
        from_: the sender as readers see it.
        server: the server in words.
        subjects: the subjects of the next messages, at most three.
        rates: the rates, which apply together.
        connections: the number of parallel connections.
        window: the messages in flight on each connection.
        test_to: the addresses that get all messages of a test; "" for a real run.
        making: why each page is rendered from scratch, if that is slow, how fast, and the hours.
        signed_by: the signatures in words; "" without one.
        others: the recipients that are tried again or get copies, and the rows left out.
    """

    total: int
    to_send: int
    from_: str
    server: str
    subjects: tuple[str, ...]
    rates: tuple[Rate, ...]
    connections: int
    window: int
    test_to: str = ""
    making: _Making = _Making()
    others: _Others = field(default_factory=_Others)
    signed_by: str = ""

    @property
    def again(self) -> Mapping[State, int]:
        """The number of recipients that are tried again at once, by their state."""
        return self.others.again

    @property
    def sent_before(self) -> Mapping[str, int]:
        """The number of rows that are left out because of each campaign of `not_in`."""
        return self.others.sent_before

    @property
    def copies(self) -> int:
        """How many further addresses get these messages; the rates count each."""
        return self.others.copies

    @property
    def hours(self) -> HoursPlan | None:
        """When each time zone goes; None if recipients may be sent at any time."""
        return self.making.hours

    @property
    def slow_because(self) -> str:
        """Why each page is rendered from scratch, if that is slow; else ""."""
        return self.making.slow_because

    @property
    def per_second(self) -> float:
        """How many such pages the check rendered per second; else 0."""
        return self.making.per_second

    @property
    def ends_after(self) -> float:
        """The minimum seconds of the run; 0 if nothing limits it."""
        made_in = self.to_send / self.per_second if self.per_second else 0.0
        return max(least_seconds(self.rates, self.to_send + self.copies), made_in)

    def __str__(self) -> str:
        """Return the plan as lines for the user."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        done = self.total - self.to_send
        if done:
            text = tr(
                "{count:,} ({done:,} of {total:,} are done or not selected)",
                count=self.to_send,
                done=done,
                total=self.total,
            )
        else:
            text = f"{self.to_send:,}"
        yield _line(tr("recipients"), text)
        for campaign, count in self.sent_before.items():
            text = tr('{count:,} already sent "{campaign}"', count=count, campaign=campaign)
            yield _line(tr("left out"), text)
        if self.copies:
            addresses = trn("{count:,} further address", "{count:,} further addresses", self.copies)
            yield _line(tr("copies"), addresses)
        if self.again:
            yield _line(tr("again"), counts_in_words(self.again))
        if self.test_to:
            yield _line(tr("test to"), tr("{address} only", address=self.test_to))
        yield _line(tr("from"), self.from_)
        if self.signed_by:
            yield _line(tr("signed"), self.signed_by)
        yield _line(tr("server"), self.server)
        for number, subject in enumerate(self.subjects):
            yield _line(tr("subjects") if number == 0 else "", subject)
        yield from self._speed_lines()

    def _speed_lines(self) -> Iterator[str]:
        """What limits the run, and its end."""
        yield _line(tr("limits"), self._limits())
        if self.slow_because:
            slow = tr(
                "about {rate:,.0f} a second: styles depend on the row ({cause})",
                rate=max(self.per_second, 1),
                cause=self.slow_because,
            )
            yield _line(tr("speed"), slow)
        if self.hours is not None:
            for number, line in enumerate(self.hours.lines()):
                yield _line(tr("hours") if number == 0 else "", line)
            yield _line(tr("ends"), self.hours.end_in_words())
        elif self.ends_after:
            after = duration_in_words(self.ends_after)
            governing = self._governing()
            if governing is None:
                ends = tr("in {duration} at the earliest", duration=after)
            else:
                ends = tr(
                    "in {duration} at the earliest ({rate} governs)", duration=after, rate=governing
                )
            yield _line(tr("ends"), ends)

    def _limits(self) -> str:
        rates = listed(map(_in_words, self.rates)) or tr("none")
        connections = counted(self.connections, "connection")
        if self.window <= 1:
            return tr("{rates}; {connections}", rates=rates, connections=connections)
        return tr(
            "{rates}; {connections}, {window} messages in flight on each",
            rates=rates,
            connections=connections,
            window=self.window,
        )

    def _governing(self) -> Rate | None:
        """The rate that decides about the end, if there are several."""
        if len(self.rates) < 2:
            return None
        addressed = self.to_send + self.copies
        governing = max(self.rates, key=lambda rate: least_seconds([rate], addressed))
        ends = least_seconds([governing], addressed)
        return governing if ends >= self.ends_after else None

    def leaving_out(self, sent_before: Mapping[str, int]) -> Plan:
        """Return the plan of a run that leaves out these rows, by the campaign they were sent."""
        return replace(self, others=replace(self.others, sent_before=sent_before))

    def slowed(self, because: str, per_second: float) -> Plan:
        """Return the plan of a run whose speed is limited by making the messages."""
        return replace(self, making=_Making(because, per_second, self.hours))

    def within(self, hours: HoursPlan | None) -> Plan:
        """Return the plan of a run that sends in these hours alone."""
        return replace(self, making=_Making(self.slow_because, self.per_second, hours))


def _line(label: str, text: str) -> str:
    return f"  {padded(label, _LABEL)}{text}"


def _in_words(rate: Rate) -> str:
    return tr("{rate} ({origin})", rate=rate, origin=rate.origin) if rate.origin else str(rate)


def make_plan(
    limits: Limits,
    states: Mapping[State, int],
    *,
    to_send: int,
    sender: str,
    server: str,
    subjects: Sequence[str] = (),
    again: Mapping[State, int] | None = None,
    signed_by: str = "",
    copies: int = 0,
) -> Plan:
    """Make the plan of a run.

    `to_send` is the number of claimable recipients in the ledger. `again` is the number of
    recipients that are tried again at once, by their state. `copies` is the number of further
    addresses that get these messages.
    """
    if limits.limit is not None:
        to_send = min(to_send, limits.limit)
    return Plan(
        total=sum(states.values()),
        to_send=to_send,
        from_=sender,
        server=server,
        subjects=tuple(subjects[:3]),
        rates=limits.rates,
        connections=limits.connections,
        window=limits.window,
        others=_Others(again or {}, copies),
        signed_by=signed_by,
    )


def least_seconds(rates: Sequence[Rate], messages: int) -> float:
    """Return the minimum seconds for this many messages; 0 without a rate."""
    return max((_least_seconds(rate, messages) for rate in rates), default=0.0)


def _least_seconds(rate: Rate, messages: int) -> float:
    further = max(messages - 1, 0)
    if is_quota(rate):
        return further // rate.count * rate.seconds
    return further * even_interval(rate)


def claim_size(interval: float, in_flight: int) -> int:
    """Return the number of recipients to claim at once: those of the next few seconds.

    `interval` is the time between two messages in seconds, 0 without a rate. `in_flight` is the
    maximum number of messages in flight on all connections together.
    """
    if not interval:
        return CLAIM_AT_ONCE
    soon = int(_CLAIM_SECONDS / interval)
    return min(CLAIM_AT_ONCE, max(soon, in_flight, 1))
