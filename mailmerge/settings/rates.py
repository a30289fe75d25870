"""Rates and durations as campaign.toml, the providers and the command line write them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailmerge.language import tr

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_RATE = re.compile(r"\s*(\d{1,9})\s*/\s*(?:(\d{1,6})\s*)?(second|minute|hour|day)s?\s*")
_DURATION = re.compile(r"\s*(\d{1,6})\s*(second|minute|hour|day)s?\s*")


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` messages in any window of `seconds`; `str()` gives the text back.

    `origin` says where it comes from, in words; it makes no difference to what the rate is.
    """

    count: int
    seconds: float
    origin: str = field(default="", compare=False)

    def __str__(self) -> str:
        for name, seconds in reversed(_SECONDS.items()):
            if self.seconds % seconds == 0:
                times = int(self.seconds // seconds)
                return f"{self.count}/{name}" if times == 1 else f"{self.count}/{times} {name}s"
        return f"{self.count}/{self.seconds:g} seconds"


def strictest(*groups: Iterable[Rate]) -> tuple[Rate, ...]:
    """All rates of several sources that hold at once, in their order.

    Of rates over the same time only the smallest is left: it governs.
    """
    by_seconds: dict[float, Rate] = {}
    for group in groups:
        for rate in group:
            known = by_seconds.setdefault(rate.seconds, rate)
            if rate.count < known.count:
                by_seconds[rate.seconds] = rate
    return tuple(by_seconds.values())


def parse_rate(text: str) -> Rate:
    """Read `60/minute`, `10/second`, `500/day` or `50/5 minutes`.

    Raises:
        ValueError: the text is none of these, or the count is zero.
    """
    match = _RATE.fullmatch(text)
    if match is None or int(match[1]) == 0 or match[2] == "0":
        raise ValueError(tr('expected a rate such as "60/minute", "10/second" or "500/day"'))
    return Rate(int(match[1]), int(match[2] or 1) * _SECONDS[match[3]])


def parse_duration(text: str) -> float:
    """Read `15 minutes`, `1 hour` or `0 seconds` as seconds.

    Raises:
        ValueError: the text is none of these.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(tr('expected a duration such as "15 minutes" or "0 seconds"'))
    return int(match[1]) * _SECONDS[match[2]]
