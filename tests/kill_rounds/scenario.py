"""A seed -> everything that a round does, as frozen values."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from tests.scripted_server import (
    Accept,
    Close,
    Faults,
    Offer,
    Reply,
    Reset,
    Rule,
    Script,
    Settings,
    Stage,
    When,
)


@dataclass(frozen=True, slots=True)
class Mode:
    """How messages cross the wire; `window` is the number in flight on a connection."""

    name: str
    window: int = 1
    protocol: Literal["smtp", "lmtp"] = "smtp"
    pipelining: bool = True
    chunking: bool = True


MODES = (
    Mode("DATA", chunking=False),
    Mode("no PIPELINING", pipelining=False),
    Mode("BDAT window 1"),
    Mode("BDAT window 8", window=8),
    Mode("BDAT window 64", window=64),
    Mode("LMTP", protocol="lmtp"),
)


class End(StrEnum):
    """How a run ends. Those with `LATER` wait until the server has taken some messages."""

    BY_ITSELF = "by itself"
    SIGKILL = "SIGKILL"
    SIGKILL_LATER = "SIGKILL while it sends"
    SIGTERM_LATER = "SIGTERM while it sends"
    TWO_SIGINTS_LATER = "two SIGINTs while it sends"

    @property
    def kills(self) -> bool:
        """Whether the process has no chance to clean up."""
        return self in (End.SIGKILL, End.SIGKILL_LATER)

    @property
    def waits_for_messages(self) -> bool:
        """Whether it comes after a number of messages, and not after a time."""
        return self not in (End.BY_ITSELF, End.SIGKILL)


_ENDS = (End.SIGKILL, End.SIGKILL_LATER, End.SIGTERM_LATER, End.TWO_SIGINTS_LATER)
_WEIGHTS = (35, 45, 5, 15)


class Edit(StrEnum):
    """What changes between two runs."""

    NONE = "none"
    MORE_ROWS = "more rows"
    FEWER_ROWS = "fewer rows"
    OTHER_CELLS = "other cells"
    OTHER_TEMPLATE = "another template"


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run, and the edit before it.

    `after` is the fraction of the remaining recipients after which the end comes, or the seconds
    after the start. `pause` is the time between two SIGINTs, in seconds. `looks` is how often the
    ledger is read while the run goes on.
    """

    end: End
    after: float = 0.0
    pause: float = 0.0
    edit: Edit = Edit.NONE
    resend: bool = False
    retry: bool = False
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A round.

    `slow_disk` is the number of seconds that each commit takes longer. `drops` tells whether the
    server closes connections now and then, also after it has taken a message. With `copies`, each
    message goes to two more addresses, of which the server refuses one.
    """

    seed: int
    mode: Mode
    connections: int
    recipients: int
    rotate_after: int
    journal: bool
    slow_disk: float
    drops: bool
    runs: tuple[RunPlan, ...]
    copies: bool = False

    @property
    def bound(self) -> int:
        """The most recipients that one end of the process may leave in doubt."""
        return self.connections * self.mode.window

    @property
    def grouped(self) -> bool:
        """Whether recipients have several rows of the spreadsheet, which are one message."""
        return self.seed % 5 == 0

    @property
    def script(self) -> Script:
        """What the server does."""
        settings = Settings(
            protocol=self.mode.protocol,
            offer=Offer(pipelining=self.mode.pipelining, chunking=self.mode.chunking),
            fsync=False,
            keep=False,
        )
        return Script(settings, _REFUSALS, Faults(self.seed, 0.004, _DROPS) if self.drops else None)


_REFUSALS = (
    Rule(
        When(Stage.RCPT, recipient="refused*", times=1, each_recipient=True),
        (Reply(550, "5.1.1 No such mailbox"),),
    ),
    Rule(
        When(Stage.RCPT, recipient="later*", times=1, each_recipient=True),
        (Reply(450, "4.2.0 Greylisted"),),
    ),
    Rule(When(Stage.RCPT, recipient="no-copy*"), (Reply(550, "5.1.1 No such mailbox"),)),
    Rule(
        When(Stage.END_OF_DATA, recipient="content*", times=1, each_recipient=True),
        (Reply(554, "5.6.0 Content refused"),),
    ),
)
_DROPS = (
    Rule(When(Stage.MAIL), (Close(),)),
    Rule(When(Stage.RCPT), (Reset(),)),
    Rule(When(Stage.END_OF_DATA), (Close(),)),
    Rule(When(Stage.END_OF_DATA), (Accept(), Close())),
)


def scenario(seed: int) -> Scenario:
    """Return the round of a seed; equal seeds give equal rounds."""
    chance = random.Random(seed)
    mode = MODES[seed % len(MODES)]
    return Scenario(
        seed=seed,
        mode=mode,
        connections=chance.randint(1, 4),
        recipients=chance.choice((120, 250, 500)) * (2 if mode.window > 8 else 1),
        rotate_after=chance.choice((4_000, 60_000, 4 << 20)),
        journal=chance.random() < 0.85,
        slow_disk=chance.choice((0.0, 0.0, 0.0, 0.05)),
        drops=chance.random() < 0.3,
        runs=tuple(_run(chance, number) for number in range(chance.randint(3, 6))),
        copies=chance.random() < 0.5,
    )


def last_run(number: int) -> RunPlan:
    """A run that nobody ends; it settles what the runs before it have left."""
    return RunPlan(End.BY_ITSELF, resend=number == 1, retry=number == 1)


def _run(chance: random.Random, number: int) -> RunPlan:
    [end] = chance.choices(_ENDS, _WEIGHTS)
    return RunPlan(
        end=end,
        after=chance.uniform(0.0, 0.6),
        pause=chance.choice((0.0, 0.0, 0.005, 0.05)),
        edit=chance.choice(tuple(Edit)) if number and chance.random() < 0.4 else Edit.NONE,
        resend=chance.random() < 0.25,
        retry=chance.random() < 0.25,
        looks=chance.choice((0, 1, 3)),
    )
