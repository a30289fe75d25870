"""A whole run against a server, in a process of its own that tests kill, crash or freeze.

The people are `u0@example.org`, `u1@example.org` ...; each message names its own in To and body.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from mailmerge.campaign import Campaign, load_campaign
from mailmerge.engine.clock import Clock
from mailmerge.engine.copies import open_copies
from mailmerge.engine.limits import resolve_limits
from mailmerge.engine.retry import ReplyRules, no_rules
from mailmerge.engine.run import Run
from mailmerge.engine.summary import Summary
from mailmerge.ledger import emergency, journal
from mailmerge.ledger import store as sqlite_ledger
from mailmerge.ledger.interface import InDoubt, Ledger, open_ledger, read_ledger
from mailmerge.ledger.states import Delivery, State, Transition
from mailmerge.messages import MessageFactory, TransactionFactory
from mailmerge.mime.message import Composer
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import sender_of
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Renderer
from mailmerge.rendering.settings import templates_of
from mailmerge.smtp import Server, SocketTransport, Transport, TransportInfo

CAMPAIGN = """
[campaign]
name = "kept"
[message]
from = "Example News <news@example.org>"
subject = "For {{ name }}"
text = "body.txt"
"""


def make_campaign(folder: Path, more: str = "") -> Campaign:
    """A campaign folder with one text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "campaign.toml").write_text(CAMPAIGN + more)
    (folder / "body.txt").write_text("Dear {{ name }},\nthis is for {{ email }}.\n")
    return load_campaign(folder)


def make_recipients(count: int, domain: str = "example.org") -> list[Recipient]:
    """So many people, in rows 2, 3 ..."""
    return [make_recipient(number, domain) for number in range(count)]


def make_recipient(number: int, domain: str = "example.org", **cells: str) -> Recipient:
    """One person; `cells` are columns beside email and name."""
    mailbox = parse_mailbox(f"u{number}@{domain}")
    own = {"email": mailbox.address, "name": f"Person {number}", **cells}
    return Recipient(number + 2, own, mailbox, mailbox.identity)


@dataclass(frozen=True)
class Job:
    """What a process does: send to `people` at `port`, `later` seconds in the future.

    It stops by itself after about `stop_after` of them. At the `crash_at`-th boundary (a write, a
    commit, a file made or removed, octets sent or received) the process ends at once.
    """

    folder: Path
    port: int
    people: int = 20
    connections: int = 1
    window: int = 1
    in_doubt: InDoubt = "hold"
    later: float = 0.0
    crash_at: int = 0
    limit_file_size: int = 0
    stop_after: int = 0
    patches: tuple[str, ...] = field(default=())


def drive(job: Job) -> None:
    """Do the job and leave what came of it in `summary.txt`."""
    if job.limit_file_size:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (job.limit_file_size, job.limit_file_size))
    boundaries = Boundaries(job.crash_at)
    boundaries.watch()
    for name in PATCHES.keys() & job.patches:
        PATCHES[name]()
    summary = send(job, connect=boundaries.connect)
    (job.folder / "summary.txt").write_text(f"{summary.error!r}\n{boundaries.passed}\n")


def send(job: Job, **more: Any) -> Summary:
    """Open the ledger, enrol, run, close."""
    campaign = load_campaign(job.folder)
    ledger = open_ledger(campaign)
    try:
        ledger.enrol(make_recipients(job.people), campaign.fingerprint())
        store: Any = ledger
        for name in BROKEN_STORES.keys() & job.patches:
            store = BROKEN_STORES[name](store)
        run = make_run(
            campaign,
            store,
            job.port,
            clock=lambda: time.time() + job.later,
            connections=job.connections,
            window=job.window,
            in_doubt=job.in_doubt,
            more=more,
        )
        enough = job.stop_after or job.people + 1
        return run.execute(lambda progress: run.stop() if progress.done >= enough else None)
    finally:
        ledger.close()


def make_run(
    campaign: Campaign,
    store: Ledger,
    port: int,
    *,
    clock: Clock = time.time,
    renderer: Renderer | None = None,
    more: dict[str, Any] | None = None,
    rules: ReplyRules = no_rules,
    messages_per_connection: int | None = None,
    **asked: Any,
) -> Run:
    """A run of the campaign against a server on this machine.

    `asked` goes to `resolve_limits`, `more` to `Run`.
    """
    delivery = campaign.delivery
    limits = resolve_limits(delivery, **{"wait": 0.0, **asked})
    composer = Composer(sender_of(campaign), PartStore(campaign.folder))
    renderer = renderer or Renderer(templates_of(campaign))
    messages = MessageFactory.of(renderer, composer)
    return Run(
        store,
        TransactionFactory(messages, delivery),
        Server("127.0.0.1", port, "none"),
        replace(limits, rules=rules, messages_per_connection=messages_per_connection),
        campaign=campaign.name,
        keep=open_copies(delivery.keep_copy, campaign.state_folder),
        clock=clock,
        **(more or {}),
    )


class Boundaries:
    """Counts the places where the world outside sees something, and ends the process at one."""

    def __init__(self, crash_at: int) -> None:
        self.crash_at = crash_at
        self.passed = 0

    def cross(self) -> None:
        self.passed += 1
        if self.passed == self.crash_at:
            os._exit(9)

    def watch(self) -> None:
        """Put a boundary before and after each of these."""
        self._around(journal.Journal, "append")
        self._around(journal.Journal, "__init__")
        self._around(journal.Journal, "reserve")
        self._around(sqlite_ledger.SqliteLedger, "_write")
        self._around(sqlite_ledger.SqliteLedger, "_remove_journals")
        event.listen(Engine, "commit", lambda _: self.cross())
        self._around(emergency, "save")
        self._around(emergency, "remove")

    def connect(self, server: Server) -> Transport:
        """For `Run(connect=...)`: a transport with a boundary before and after each call."""
        return Crossing(self, SocketTransport.connect(server))

    def _around(self, place: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(place, name)

        def crossed(*args: Any, **kwargs: Any) -> Any:
            self.cross()
            result = real(*args, **kwargs)
            self.cross()
            return result

        setattr(place, name, crossed)


class Crossing:
    """A transport that crosses a boundary before and after it writes, reads or closes."""

    def __init__(self, boundaries: Boundaries, real: Transport) -> None:
        self._cross = boundaries.cross
        self._real = real

    @property
    def info(self) -> TransportInfo:
        return self._real.info

    def send(self, chunks: list[bytes | memoryview]) -> list[bytes | memoryview]:
        self._cross()
        rest = self._real.send(chunks)
        self._cross()
        return rest

    def receive(self) -> bytes | None:
        self._cross()
        received = self._real.receive()
        self._cross()
        return received

    def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
        return self._real.wait(seconds, writing=writing)

    def start_tls(self, host: str, ca_file: str = "") -> None:
        self._real.start_tls(host, ca_file)

    def close(self) -> None:
        self._cross()
        self._real.close()
        self._cross()


class _BrokenStore:
    """A store that breaks the order of the writes; it does everything else as the real one."""

    def __init__(self, store: Ledger) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class _LateSending(_BrokenStore):
    """`sending` is written when the client has already gone on to the next message."""

    def __init__(self, store: Ledger) -> None:
        super().__init__(store)
        self.late: dict[int, Transition] = {}

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        [transition] = transitions
        if transition.state is not State.SENDING:
            self.late.pop(transition.person, None)
            return self.store.apply(transitions)
        self.store.apply(list(self.late.values()))
        self.late = {transition.person: transition}
        return list(transitions)


class _EarlySent(_BrokenStore):
    """`sent` is written where only `sending` is true."""

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        return self.store.apply(
            [
                replace(one, state=State.SENT) if one.state is State.SENDING else one
                for one in transitions
            ]
        )


BROKEN_STORES: dict[str, Callable[[Ledger], Any]] = {
    "sending-after-the-terminator": _LateSending,
    "sent-before-the-reply": _EarlySent,
}


def _claim_after_sending() -> None:
    """Break the order of writes: a claim is never written."""
    sqlite_ledger._CLAIM = sqlite_ledger._CLAIM.replace("WHERE", "WHERE 0 AND")


PATCHES: dict[str, Callable[[], None]] = {
    "claim-never-written": _claim_after_sending,
}


@dataclass(frozen=True)
class Balance:
    """The ledger's people by key, as anybody can read them, and the judge's list of takings."""

    people: dict[str, Delivery]
    taken: Counter[str]

    def in_state(self, *states: State) -> set[str]:
        return {key for key, person in self.people.items() if person.state in states}

    def check(self, expected: int) -> None:
        """I1 to I4 of the promise; the judge's log decides."""
        sent, doubt = self.in_state(State.SENT), self.in_state(State.IN_DOUBT, State.SENDING)
        taken = set(self.taken)
        assert sent <= taken, f"I1: sent, but never taken: {sorted(sent - taken)}"
        assert taken - sent <= doubt, f"I2: taken, but {self._states(taken - sent - doubt)}"
        assert len(self.people) == expected, "I3: somebody is lost"

    def check_once(self) -> None:
        """I4: nobody got two."""
        twice = [key for key, count in self.taken.items() if count > 1]
        assert not twice, f"I4: more than one copy: {twice}"

    def _states(self, keys: set[str]) -> str:
        return ", ".join(f"{key}: {self.people[key].state}" for key in sorted(keys))


def balance(campaign: Campaign, messages: list[Any]) -> Balance:
    """Read both books."""
    record = read_ledger(campaign)
    people = {person.key: person for person in record.iterate()} if record else {}
    taken = Counter(path for message in messages if message.taken for path in message.forward_paths)
    for message in messages:
        assert message.to in message.forward_paths, f"I6: {message.to} got {message.forward_paths}"
    return Balance(people, taken)
