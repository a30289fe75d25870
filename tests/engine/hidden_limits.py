"""Servers with hidden limits, and a run against one of them, on a simulated clock.

A server is a function of the time that says whether it accepts a message now. `simulate` sends over
some connections, each of which waits for the answer before its next message, as fast as the pace
of `backoff.py` allows.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from mailmerge.engine.backoff import Pace

Server = Callable[[float], bool]
"""Whether a message is accepted at this time; else the server complains about the speed."""

LATE = 0.03
"""Seconds by which messages may make up for a late wake-up, as in the throttle."""


@dataclass
class FixedWindow:
    """Accepts `count` messages in each period of `seconds`; refused ones count too if `strict`."""

    count: int
    seconds: float = 1.0
    strict: bool = True
    window: int = -1
    used: int = 0

    def __call__(self, now: float) -> bool:
        if int(now / self.seconds) != self.window:
            self.window, self.used = int(now / self.seconds), 0
        accepted = self.used < self.count
        self.used += accepted or self.strict
        return accepted


@dataclass
class SlidingWindow:
    """Accepts at most `count` messages in any period of `seconds`."""

    count: int
    seconds: float = 1.0
    accepted: deque[float] = field(default_factory=deque)

    def __call__(self, now: float) -> bool:
        while self.accepted and self.accepted[0] <= now - self.seconds:
            self.accepted.popleft()
        if len(self.accepted) >= self.count:
            return False
        self.accepted.append(now)
        return True


@dataclass
class TokenBucket:
    """Accepts `per_second` messages evenly, and `depth` at once."""

    per_second: float
    depth: float
    at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.depth

    def __call__(self, now: float) -> bool:
        self.tokens = min(self.depth, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        accepted = self.tokens >= 1
        self.tokens -= accepted
        return accepted


def everything(now: float) -> bool:
    """Accept each message."""
    del now
    return True


def nothing(now: float) -> bool:
    """Accept no message."""
    del now
    return False


def each(count: int) -> Server:
    """A server that complains about every `count`-th message."""
    seen = 0

    def accepts(now: float) -> bool:
        nonlocal seen
        del now
        seen += 1
        return seen % count != 0

    return accepts


def at_random(share: float, seed: int) -> Server:
    """A server that complains about this share of the messages, whatever their speed."""
    dice = random.Random(seed)
    return lambda _: dice.random() >= share


def changing(until: float, first: Server, then: Server) -> Server:
    """A server that behaves like `first` up to a time, and then like another one."""
    return lambda now: first(now) if now < until else then(now)


@dataclass
class Course:
    """What happened: the times of accepted messages and of complaints, and the last pace."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)

    def per_second(self, first: float, end: float) -> float:
        """The accepted messages per second between two times."""
        return sum(first <= at < end for at in self.accepted) / (end - first)

    @property
    def refused_share(self) -> float:
        """The share of messages that the server complained about."""
        return len(self.refused) / (len(self.refused) + len(self.accepted))


def simulate(
    server: Server,
    seconds: float,
    *,
    connections: int = 1,
    latency: float = 0.001,
    seed: int = 1,
) -> Course:
    """Send for `seconds`; each answer takes about `latency` seconds."""
    dice, course, pace = random.Random(seed), Course(), Pace()
    now = ready = 0.0
    answers: list[float] = []
    while now < seconds:
        if len(answers) < connections and (not answers or max(now, ready) <= answers[0]):
            now = max(now, ready)
            heapq.heappush(answers, now + latency * dice.uniform(0.8, 1.2))
            late = 0.0 if pace.probe.pause else LATE
            ready = max(ready, now - late) + pace.interval
            continue
        now = heapq.heappop(answers)
        before = pace
        if server(now):
            course.accepted.append(now)
            pace = pace.accepted(now)
            ready = now if before.probe.pause and not pace.probe.pause else ready
        else:
            course.refused.append(now)
            pace = pace.complained(now, len(answers))
            ready = ready if pace.interval == before.interval else now + pace.interval
    course.pace = pace
    return course
