"""The server's complaints about speed -> the pace of a run: how it slows down and recovers.

What can go wrong
=================

A server says "too fast" in words that have many meanings. It may enforce a rate by the second or by
the minute, be overloaded for a while, refuse all mail until something is repaired, or dislike a few
messages whatever their speed. A sender sees only answers: accepted, or a complaint. Five mistakes
are easy to make:

1. *To count complaints instead of their share.* If each complaint halves the speed and each quiet
   minute doubles it, the speed tends to one complaint a minute: with one complaint in 500 messages,
   to 500 messages a minute, whatever the server can do. Here a complaint weighs one, and each
   accepted message takes 0.025 of it back. A share of about 1 % does not slow the run (`_Share`).
2. *To halve a speed that was not reached.* Messages divided by the age of the run is a wrong speed
   early on, or after a wait for greylisting. Here the speed is that of the last 50 to 100
   accepted messages, or of the last 5 to 10 seconds (`_Speed`), on a clock that stands still while
   there is nothing to send. Before that many, it takes more complaints to reduce the pace.
3. *To recover by the clock.* A minute is 60 messages at one server and 300,000 at another. Here
   successes raise the pace, so that a recovery costs the same number of messages everywhere.
4. *To take old answers for news.* When a complaint arrives, other messages of the same speed are
   already on their way. Their answers say nothing about the new speed, so as many answers as
   there were messages in flight are passed over (`Pace.stale`).
5. *To slow down in vain.* A server that enforces a rate never complains below a rate that it
   accepted a moment ago. If complaints come there three times in a row, the speed is not their
   reason, and a lower one would not help. Then the old pace returns, and the share is tolerated.

The law
=======

*No limit.* The run is as fast as its rates and connections allow, until the weighed complaints
come near 3 (`_Share`).

*A limit.* The pace becomes half of the speed that was reached, and that speed is the last good one
(`_Curve`). Successes raise the pace: first it doubles with every 50 successes up to nine tenths of
the last good speed, then a cubic curve leads slowly up to that speed, stays near it, and leaves it
faster and faster (as CUBIC does, RFC 9438, section 4.2, in successes instead of seconds). A
server's limit is therefore passed slightly, and rarely: by some 5 messages in 700. At twice the
last good speed the limit is forgotten.

*A closed server.* If the answer to the first message after a reduction is again a complaint, the
server accepts nothing at present, and a slower pace would only be refused more slowly. So one
message at a time probes it, after 0.1, 0.2, 0.4 ... at most 8 seconds. The first success gives a
new estimate: a server that was open for a while and closed for a while has, over this
whole cycle, accepted at least half of what it would accept evenly. The pace starts there.

*A suspension.* After 20 complaints without a success, nothing is sent for five minutes, then 5 more
probes decide. After three suspensions in vain the run ends; every recipient is kept.

A provider's "pause" rule (4.7.28) skips all this: ten minutes of silence, then one connection.

One law serves all recipients. Behind a relay nobody can see whether a complaint to RCPT is about
the relay's speed or about the recipient's domain. Such a domain does little harm: its complaints
are a share of all answers, and if slowing down does not silence them, mistake 5 is noticed.

What others do
==============

Postfix's queue manager (qmgr, SCHEDULER_README) controls the concurrency for each destination, not
a rate. Each delivery gives feedback: by default +1 for success and -1 for failure, or parts of it
such as 1/concurrency. Only failed connections and handshakes count as failures; a 4yz to RCPT does
not. A pseudo-cohort is as many deliveries as the concurrency. After one cohort of failures
(`destination_concurrency_failed_cohort_limit`) the destination is dead and left alone for
`minimal_backoff_time`, 300 seconds. Taken from there: feedback per delivery and not per minute, the
cohort (`stale`), the suspension instead of endless probing with messages. Not taken: the knob.
This sender has one destination, the user's relay, and few connections; a relay that counts
messages is not helped by one connection less, and `ConnectionLimit` handles those that count
connections.

KumoMTA's traffic shaping automation matches replies with regular expressions. A rule has an action
(suspend, or set `max_message_rate`, `connection_limit` and others), a trigger ("Immediate", or a
threshold such as 3/hr) and a duration, after which the former setting returns at once. Rules are
written for each site. Taken from there: the provider's rules by reply (providers.toml), and the
threshold before anything happens. Not taken: fixed figures and durations, because they must be
known before. Here the server's own answers decide how far to slow down and when to return.

All values are frozen, and each method returns the next value. Nothing waits, locks or reads a
clock: `now` is in seconds. The throttle (throttle.py) holds the values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Final

COOL_DOWNS_IN_VAIN = 3
"""The pauses in a row, without a sent message, that a run accepts; the next one ends it."""

SUSPENSION: Final = 300.0
"""Seconds without sending after `_Probe.PATIENCE` complaints without a success."""

_SLOWEST: Final = 1 / 10
"""The lowest pace in messages per second. A server that accepts less is closed most of the time."""


@dataclass(frozen=True, slots=True)
class _Speed:
    """The speed that was really reached: accepted messages per second of sending.

    Attributes:
        total: the number of accepted messages.
        older: an earlier time, and `total` at it.
        newer: a later one; the speed is measured from `older`, so over 50 to 100 messages, or
            over 5 to 10 seconds.
        cycle: the time of the last reopening of the server, and `total` at it.
    """

    total: int = 0
    older: tuple[float, int] | None = None
    newer: tuple[float, int] = (0.0, 0)
    cycle: tuple[float, int] = (0.0, 0)

    MESSAGES: ClassVar[int] = 50
    SECONDS: ClassVar[float] = 5.0

    def accepted(self, now: float, count: int) -> _Speed:
        """Return the speed after `count` more messages."""
        total = self.total + count
        mark = (now, total)
        if self.older is None:
            return _Speed(total, mark, mark, mark)
        at, before = self.newer
        if total - before >= self.MESSAGES or now - at >= self.SECONDS:
            return _Speed(total, self.newer, mark, self.cycle)
        return replace(self, total=total)

    def known(self, now: float) -> bool:
        """Whether enough was sent for a speed: 50 messages, or 5 seconds."""
        if self.older is None:
            return False
        at, before = self.older
        return self.total - before >= self.MESSAGES or now - at >= self.SECONDS

    def per_second(self, now: float) -> float:
        """Return the speed of the last messages."""
        return self._since(self.older, now)

    def over_cycle(self, now: float) -> float:
        """Return the speed over the whole cycle, which includes the time of the closed server."""
        return self._since(self.cycle, now)

    def reopened(self, now: float) -> _Speed:
        """Return the speed that is measured from now on; a short cycle goes on."""
        mark = (now, self.total)
        long = self.total - self.cycle[1] >= self.MESSAGES
        return _Speed(self.total, mark, mark, mark if long else self.cycle)

    def _since(self, mark: tuple[float, int] | None, now: float) -> float:
        at, before = mark or (now, self.total)
        return max(self.total - before, 1) / max(now - at, 0.001)


@dataclass(frozen=True, slots=True)
class _Share:
    """Whether too many messages complain: a sum that complaints raise and successes lower.

    It is the cumulative sum of sequential analysis (Page, 1954): the quickest way to notice that a
    share has risen from 1 % to 5 %, with as few false alarms.

    Attributes:
        excess: the sum; it never falls below 0.
        tolerated: what one success takes off it.
        answers: the number of answers since the last reduction.
        complaints: how many of them were complaints.
    """

    excess: float = 0.0
    tolerated: float = 0.025
    answers: int = 0
    complaints: int = 0

    TOLERATED: ClassVar[float] = 0.025
    MOST_TOLERATED: ClassVar[float] = 0.15
    ALARM: ClassVar[float] = 2.9
    ALARM_WITH_LIMIT: ClassVar[float] = 1.9
    """The sum that reduces the pace; less evidence is needed if a limit is known."""
    ALARM_EARLY: ClassVar[float] = 5.8
    """The sum as long as the speed is not known; the messages in flight are added, because all
    connections may get the same complaint at once."""

    @property
    def refused(self) -> float:
        """The share of complaints since the last reduction."""
        return self.complaints / self.answers if self.answers else 0.0

    def accepted(self, count: int) -> _Share:
        """Return the sum after `count` successes."""
        excess = max(0.0, self.excess - self.tolerated * count)
        return _Share(excess, self.tolerated, self.answers + count, self.complaints)

    def complained(self) -> _Share:
        """Return the sum after a complaint."""
        excess = self.excess + 1 - self.tolerated
        return _Share(excess, self.tolerated, self.answers + 1, self.complaints + 1)

    def restarted(self) -> _Share:
        """Return the sum after a reduction. What was tolerated is unlearned step by step."""
        return _Share(tolerated=(3 * self.tolerated + self.TOLERATED) / 4)

    def tolerating(self) -> _Share:
        """Return a sum that tolerates twice the present share."""
        twice = max(2 * self.refused, 2 * self.tolerated)
        return _Share(tolerated=min(twice, self.MOST_TOLERATED))


@dataclass(frozen=True, slots=True)
class _Curve:
    """The limit, and its way up: quick to nine tenths of the last good speed, then cubic.

    Attributes:
        limit: the maximum messages per second at present; infinity for no limit.
        good: the last good speed.
        credit: the successes since nine tenths were reached.
        stretch: the successes from nine tenths to the last good speed. It grows while reductions
            confirm that speed, so that a well-known limit is passed rarely.
    """

    limit: float = math.inf
    good: float = math.inf
    credit: float = 0.0
    stretch: float = 150.0

    DOUBLING: ClassVar[float] = 50.0
    FIRST_STRETCH: ClassVar[float] = 150.0
    LAST_STRETCH: ClassVar[float] = 400.0
    NEAR: ClassVar[float] = 0.9
    FORGOTTEN: ClassVar[float] = 2.0

    @property
    def free(self) -> bool:
        """Whether there is no limit."""
        return self.limit == math.inf

    def accepted(self, count: int) -> _Curve:
        """Return the curve after `count` successes."""
        if self.free:
            return self
        near = self.NEAR * self.good
        if self.limit < near:
            doubling = min(max(self.limit * 2, 5.0), self.DOUBLING)
            return replace(self, limit=min(self.limit * 2 ** (count / doubling), near))
        credit = self.credit + count
        way = credit / self.stretch - 1
        limit = self.good * (1 + (1 - self.NEAR) * way**3)
        if limit > self.FORGOTTEN * self.good:
            return _Curve()
        return replace(self, credit=credit, limit=limit)

    def reduced(self, reached: float) -> _Curve:
        """Return the curve after a reduction at the speed `reached`."""
        good = max(min(self.limit, reached), 2 * _SLOWEST)
        confirmed = not self.free and good > 0.7 * self.good
        stretch = min(2 * self.stretch, self.LAST_STRETCH) if confirmed else self._first(good)
        return _Curve(good / 2, good, stretch=stretch)

    def reopened(self, estimate: float) -> _Curve:
        """Return the curve of a server that accepts messages again, `estimate` a second or more."""
        good = min(self.good, max(2 * estimate, 2 * _SLOWEST))
        stretch = self._first(good) if good < self.good / 2 else self.stretch
        return _Curve(min(estimate, good / 2), good, stretch=stretch)

    def restored(self, good: float) -> _Curve:
        """Return the curve close to the speed `good`, because slowing down did not help."""
        return (
            _Curve() if good == math.inf else _Curve(self.NEAR * good, good, stretch=self.stretch)
        )

    def _first(self, good: float) -> float:
        """The stretch of a speed that is not confirmed: fewer messages at a slow server."""
        return min(max(2 * good, 10.0), self.FIRST_STRETCH)


@dataclass(frozen=True, slots=True)
class _Probe:
    """How a closed server is probed: with one message after each pause.

    Attributes:
        pause: seconds before the next message; 0 if the server is not closed.
        in_vain: the complaints since the last success.
    """

    pause: float = 0.0
    in_vain: int = 0

    FIRST: ClassVar[float] = 0.1
    LONGEST: ClassVar[float] = 8.0
    """Short enough for full speed within 15 seconds after the server opens again."""
    PATIENCE: ClassVar[int] = 20
    AGAIN: ClassVar[int] = 5
    """The complaints that lead to a suspension, at first and after a suspension."""

    @property
    def exhausted(self) -> bool:
        """Whether it is time for a suspension."""
        return self.in_vain >= self.PATIENCE

    def complained(self) -> _Probe:
        """Return the next probe after a complaint."""
        return _Probe(min(self.pause * 2 or self.FIRST, self.LONGEST), self.in_vain + 1)

    def suspended(self) -> _Probe:
        """Return the probe after a suspension."""
        return _Probe(self.LONGEST, self.PATIENCE - self.AGAIN)


@dataclass(frozen=True, slots=True)
class Pace:
    """The law: answers of the server in, the interval between two messages out.

    Attributes:
        curve: the limit and its way up.
        share: the weighed complaints.
        probe: how a closed server is probed.
        speed: the speed that was reached.
        stale: how many of the next answers are about messages of an earlier pace.
        unanswered: there was no success since the last reduction.
        futile: the reductions in a row below a speed that the server had accepted; -1 if that
            speed is only an estimate.
        before: the good speed before those reductions.
    """

    curve: _Curve = _Curve()
    share: _Share = _Share()
    probe: _Probe = _Probe()
    speed: _Speed = _Speed()
    stale: int = 0
    unanswered: bool = False
    futile: int = 0
    before: float = math.inf

    IN_VAIN: ClassVar[int] = 2
    """The futile reductions in a row that are made; the next complaint restores the pace."""
    SPEED_MATTERS: ClassVar[float] = 0.6
    """A larger share of complaints may come from a limit that the server has just lowered."""

    @property
    def free(self) -> bool:
        """Whether nothing delays messages."""
        return self.curve.free and not self.probe.pause

    @property
    def quiet(self) -> bool:
        """Whether successes change nothing but the measured speed."""
        return self.free and not (self.share.excess or self.stale or self.unanswered)

    @property
    def interval(self) -> float:
        """The minimum seconds between two messages; 0 means no limit."""
        return self.probe.pause or (0.0 if self.curve.free else 1 / self.curve.limit)

    @property
    def per_second(self) -> float | None:
        """The maximum messages per second; None for no limit."""
        return 1 / self.interval if self.interval else None

    def accepted(self, now: float, count: int = 1) -> Pace:
        """Return the pace after `count` accepted messages."""
        speed = self.speed.accepted(now, count)
        if self.stale:
            return replace(self, speed=speed, stale=max(0, self.stale - count))
        if self.probe.pause:
            curve = self.curve.reopened(speed.over_cycle(now))
            estimated = curve.good < self.curve.good
            return Pace(
                curve,
                _Share(tolerated=self.share.tolerated),
                speed=speed.reopened(now),
                futile=-1 if estimated else self.futile,
                before=self.before,
            )
        curve, share = self.curve.accepted(count), self.share.accepted(count)
        return replace(self, curve=curve, share=share, speed=speed, unanswered=False)

    def complained(self, now: float, in_flight: int = 0) -> Pace:
        """Return the pace after a complaint; `in_flight` other messages have no answer yet."""
        if self.stale:
            return replace(self, stale=self.stale - 1)
        if self.probe.pause or self.unanswered:
            return replace(self, probe=self.probe.complained(), stale=in_flight, unanswered=False)
        share = self.share.complained()
        if share.excess < self._alarm(now, in_flight):
            return replace(self, share=share)
        return replace(self, share=share)._reduced(now, in_flight)

    def settled(self) -> Pace:
        """Return the pace after an answer that is neither a success nor a complaint."""
        return replace(self, stale=self.stale - 1) if self.stale else self

    def suspended(self) -> Pace:
        """Return the pace after a suspension."""
        return replace(self, probe=self.probe.suspended())

    def _alarm(self, now: float, in_flight: int) -> float:
        if self.curve.free and not self.speed.known(now):
            return _Share.ALARM_EARLY + in_flight
        doubtful = self.curve.free or self.futile > 0 or self.share.tolerated > _Share.TOLERATED
        return _Share.ALARM if doubtful else _Share.ALARM_WITH_LIMIT

    def _reduced(self, now: float, in_flight: int) -> Pace:
        curve, share = self.curve, self.share
        below = curve.limit <= curve.good < math.inf and share.refused < self.SPEED_MATTERS
        futile = self.futile + 1 if below else 0
        before = curve.good if futile < 2 else self.before
        if futile > self.IN_VAIN:
            restored = curve.restored(before)
            return Pace(restored, share.tolerating(), speed=self.speed, stale=in_flight)
        return Pace(
            curve.reduced(self.speed.per_second(now)),
            share.restarted(),
            speed=self.speed,
            stale=in_flight,
            unanswered=True,
            futile=futile,
            before=before,
        )


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """The number of connections: `allowed` now, `wanted` in the end; one more at `grows_at`.

    Two things lower the number. After a cool-down it is 1. If the server refuses one connection
    more than are open, it is the number of open ones. A single refusal proves little: the server
    may have been busy for a moment. So one connection more is tried after a short time. Only if the
    server refuses at the same number again, that number is its limit, and the time until the next
    try doubles. So a limit that is real costs the server a few connections in an hour.

    Attributes:
        wanted: the number of connections that the user wants.
        allowed: the number that may be used now.
        grows_at: when one more is allowed, in seconds since 1970.
        step: the seconds from one more connection to the next.
        found: the number at which the server refused one more; 0 if it never did.
        pause: the seconds that followed the last refusal.
    """

    wanted: int
    allowed: int
    grows_at: float = 0.0
    step: float = 5.0
    found: int = 0
    pause: float = 0.0

    ONE_MORE: ClassVar[float] = 60.0
    """Seconds from one more connection to the next after a cool-down."""
    FIRST_PAUSE: ClassVar[float] = 5.0
    """Seconds after a refused connection until one more is tried."""
    LONGEST_PAUSE: ClassVar[float] = 600.0
    """The maximum seconds between two tries."""

    def cooled_down(self, now: float, seconds: float) -> ConnectionLimit:
        """Return the limit after a cool-down of `seconds`: one connection at first."""
        grows_at = now + seconds + self.ONE_MORE
        return replace(self, allowed=1, grows_at=grows_at, step=self.ONE_MORE)

    def recovered(self, now: float) -> ConnectionLimit:
        """Return the limit at `now`: one more connection if it is due."""
        if self.allowed >= self.wanted or now < self.grows_at:
            return self
        allowed = self.allowed + 1
        step = self.FIRST_PAUSE if allowed == self.wanted else self.step
        return replace(self, allowed=allowed, grows_at=now + self.step, step=step)

    def capped(self, now: float, connections: int) -> ConnectionLimit:
        """Return the limit after the server refused one more than this number of connections."""
        most = max(1, min(connections, self.allowed))
        again = most == self.found
        pause = min(self.pause * 2, self.LONGEST_PAUSE) if again else self.FIRST_PAUSE
        grows_at = max(self.grows_at if self.allowed < self.wanted else 0.0, now + pause)
        return replace(self, allowed=most, grows_at=grows_at, found=most, pause=pause)


@dataclass(frozen=True, slots=True)
class CoolDowns:
    """The number of cool-downs without a sent message between them, and the end of the last."""

    count: int = 0
    until: float = 0.0

    @property
    def in_vain(self) -> bool:
        """Whether cool-downs do not help."""
        return self.count > COOL_DOWNS_IN_VAIN

    def cooled_down(self, now: float, seconds: float) -> CoolDowns:
        """Return the count after a reply that asks for a pause; during a pause it stays."""
        if now < self.until:
            return self
        return CoolDowns(self.count + 1, now + seconds)

    def sent(self) -> CoolDowns:
        """Return the count after a sent message: 0, because the last pause helped."""
        return replace(self, count=0)
