"""Occasion -> the rule of the script that is for it, if any; counts how often each was used."""

from __future__ import annotations

import fnmatch
import random
import threading
from collections import Counter
from dataclasses import dataclass

from tests.scripted_server.script import Count, Faults, Rule, Script, Stage, When


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that a rule may be for."""

    stage: Stage
    connection: int
    transaction: int
    tls: bool
    recipient: str = ""
    reverse_path: str = ""
    first_chunk: bool = False
    last_chunk: bool = False
    seconds: float = 0.0


class RuleBook:
    """The rules of one script, shared by all connections."""

    def __init__(self, script: Script) -> None:
        self._rules = script.rules
        self._faults = script.faults
        self._stages = {rule.when.stage for rule in self._rules}
        if script.faults:
            self._stages |= {rule.when.stage for rule in script.faults.menu}
        self._lock = threading.Lock()
        self._seen: Counter[tuple[int, str]] = Counter()
        self._occasions: Counter[int] = Counter()

    def knows(self, stage: Stage) -> bool:
        """Whether any rule is for this stage at all."""
        return stage in self._stages

    def find(self, occasion: Occasion) -> Rule | None:
        """The rule to use now, counted as used."""
        if occasion.stage not in self._stages:
            return None
        with self._lock:
            for number, rule in enumerate(self._rules):
                if _matches(rule.when, occasion) and self._has_turn(number, rule.when, occasion):
                    return rule
            return self._fault(occasion) if self._faults else None

    def _has_turn(self, number: int, when: When, occasion: Occasion) -> bool:
        key = (number, occasion.recipient if when.each_recipient else "")
        turn = self._seen[key] - when.skip
        if when.times is not None and turn >= when.times:
            return False
        self._seen[key] += 1
        return turn >= 0

    def _fault(self, occasion: Occasion) -> Rule | None:
        assert self._faults is not None
        fitting = [rule for rule in self._faults.menu if _matches(rule.when, occasion)]
        number = self._occasions[occasion.connection]
        self._occasions[occasion.connection] += 1
        return _drawn(self._faults, fitting, f"{occasion.connection}/{number}")


def _drawn(faults: Faults, fitting: list[Rule], place: str) -> Rule | None:
    chance = random.Random(f"{faults.seed}/{place}")
    return chance.choice(fitting) if fitting and chance.random() < faults.rate else None


def _matches(when: When, occasion: Occasion) -> bool:
    return (
        when.stage == occasion.stage
        and _counted(when.connection, occasion.connection)
        and _counted(when.transaction, occasion.transaction)
        and fnmatch.fnmatchcase(occasion.recipient, when.recipient)
        and fnmatch.fnmatchcase(occasion.reverse_path, when.reverse_path)
        and when.tls in (None, occasion.tls)
        and occasion.seconds >= when.seconds
        and _chunk(when, occasion)
    )


def _counted(count: Count, number: int) -> bool:
    if isinstance(count, int):
        return number == count
    return count is None or count[0] <= number < count[1]


def _chunk(when: When, occasion: Occasion) -> bool:
    if when.chunk == "first":
        return occasion.first_chunk
    if when.chunk == "last":
        return occasion.last_chunk
    return when.chunk == "any" or not (occasion.first_chunk or occasion.last_chunk)
