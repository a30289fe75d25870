"""A whole run against a server in its own process, which tests kill, crash or freeze.

The recipients are `u0@example.org`, `u1@example.org` ...; each message names its own in To and in
its body.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from mailmerge.engine.copies import open_copies
from mailmerge.engine.limits import resolve_limits
from mailmerge.engine.retry import ReplyRules, no_rules
from mailmerge.engine.run import Run
from mailmerge.engine.summary import Summary
from mailmerge.ledger.interface import InDoubt, Store
from mailmerge.ledger.ledger import Ledger, LedgerOptions
from mailmerge.ledger.states import Delivery, State
from mailmerge.messages import MessageFactory, TransactionFactory
from mailmerge.mime.message import Composer
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import sender_of
from mailmerge.portable.clock import Clock
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Renderer
from mailmerge.rendering.settings import templates_of
from mailmerge.settings import Settings, load_settings
from mailmerge.smtp import Server, SocketTransport, Transport, TransportInfo
from tests.engine.mutations import MUTATIONS
from tests.ledgers import JOURNALED, open_ledger, store_of
from tests.scripted_server import Message

CAMPAIGN = """
[campaign]
name = "kept"
[message]
from = "Example News <news@example.org>"
subject = "For {{ name }}"
text = "body.txt"
"""


def make_campaign(folder: Path, more: str = "") -> Settings:
    """A campaign folder with one text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "campaign.toml").write_text(CAMPAIGN + more)
    (folder / "body.txt").write_text("Dear {{ name }},\nthis is for {{ email }}.\n")
    return load_settings(folder)


def make_recipients(count: int, domain: str = "example.org") -> list[Recipient]:
    """Recipients in the rows 2, 3 ..."""
    return [make_recipient(number, domain) for number in range(count)]


def make_recipient(number: int, domain: str = "example.org", **cells: str) -> Recipient:
    """One recipient; `cells` are columns besides email and name."""
    mailbox = parse_mailbox(f"u{number}@{domain}")
    own = {"email": mailbox.address, "name": f"Person {number}", **cells}
    return Recipient(number + 2, own, mailbox, mailbox.identity)


@dataclass(frozen=True)
class Job:
    """What a process does: send to `recipients` at `port`, `later` seconds in the future.

    `store` is one of tests.ledgers.KINDS. It stops by itself after about `stop_after` recipients.
    At the `crash_at`-th boundary (a commit, a line of the journal, a file made or removed, bytes
    sent or received) the process ends at once; only those with `crash_near` in their names count.
    `rotate_after` is the size of a journal in bytes, unless it is 0; `state_home` is the state
    folder of the user.
    `mutation` is one of MUTATIONS. With `stops_at_interrupts`, a SIGINT stops the run as Ctrl-C
    does, and each commit takes `commit_seconds`, as on a slow disk. With `clock_stands`, no time
    passes for the run, so that it never folds the journal.
    """

    folder: Path
    port: int
    recipients: int = 20
    connections: int = 1
    window: int = 1
    in_doubt: InDoubt = "hold"
    later: float = 0.0
    store: str = JOURNALED
    boot_id: str = ""
    crash_at: int = 0
    crash_near: str = ""
    limit_file_size: int = 0
    stop_after: int = 0
    rotate_after: int = 0
    state_home: str = ""
    mutation: str = ""
    stops_at_interrupts: bool = False
    commit_seconds: float = 0.0
    clock_stands: bool = False


def drive(job: Job) -> None:
    """Do the job and write its result into `summary.txt`."""
    if job.state_home:
        os.environ["MAILMERGE_STATE_HOME"] = job.state_home
    if job.limit_file_size:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (job.limit_file_size, job.limit_file_size))
    boundaries = Boundaries(job.crash_at, job.crash_near, job.commit_seconds)
    summary = send(job, observer=boundaries.cross, connect=boundaries.connect)
    (job.folder / "summary.txt").write_text(f"{summary.error!r}\n{boundaries.passed}\n")


def send(job: Job, *, observer: Callable[[str], None] | None = None, **more: Any) -> Summary:
    """Open the ledger, enrol, run, close; `more` goes to `Run`."""
    campaign = load_settings(job.folder)
    mutation, began = MUTATIONS[job.mutation], time.time()
    options = mutation.options(options_of(job, observer))
    with open_ledger(campaign, job.store, options) as ledger:
        store = mutation.store(store_of(ledger, campaign))
        store.enrol(make_recipients(job.recipients), campaign.fingerprint())
        run = make_run(
            campaign,
            store,
            job.port,
            clock=lambda: (began if job.clock_stands else time.time()) + job.later,
            connections=job.connections,
            window=job.window,
            in_doubt=job.in_doubt,
            more=more,
        )
        if job.stops_at_interrupts:
            signal.signal(signal.SIGINT, lambda *_: run.stop())
        enough = job.stop_after or job.recipients + 1
        return run.execute(lambda progress: run.stop() if progress.done >= enough else None)


def options_of(job: Job, observer: Callable[[str], None] | None = None) -> LedgerOptions:
    """Return the ledger options of a job; its own boot id means that the machine has restarted."""
    options = LedgerOptions(observer=observer)
    if job.rotate_after:
        options = replace(options, rotate_after=job.rotate_after)
    return replace(options, boot_id=lambda: job.boot_id) if job.boot_id else options


def make_run(
    campaign: Settings,
    store: Store,
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
    """Counts the externally visible steps, and ends the process at one of them."""

    def __init__(self, crash_at: int, near: str = "", commit_seconds: float = 0.0) -> None:
        self.crash_at = crash_at
        self.near = near
        self.commit_seconds = commit_seconds
        self.passed = 0

    def cross(self, name: str) -> None:
        """One boundary: the observer of a ledger is told before and after each durable step."""
        if name == "before commit" and self.commit_seconds:
            time.sleep(self.commit_seconds)
        if self.near not in name:
            return
        self.passed += 1
        if self.passed == self.crash_at:
            os._exit(9)

    def connect(self, server: Server) -> Transport:
        """For `Run(connect=...)`: a transport with a boundary before and after each call."""
        return Crossing(self, SocketTransport.connect(server))


class Crossing:
    """A transport that crosses a boundary before and after it writes, reads or closes."""

    def __init__(self, boundaries: Boundaries, real: Transport) -> None:
        self._cross = boundaries.cross
        self._real = real

    @property
    def info(self) -> TransportInfo:
        return self._real.info

    def send(self, chunks: list[bytes | memoryview]) -> list[bytes | memoryview]:
        self._cross("before send")
        rest = self._real.send(chunks)
        self._cross("after send")
        return rest

    def receive(self) -> bytes | None:
        self._cross("before receive")
        received = self._real.receive()
        self._cross("after receive")
        return received

    def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
        return self._real.wait(seconds, writing=writing)

    def start_tls(self, host: str, ca_file: str = "") -> None:
        self._real.start_tls(host, ca_file)

    def close(self) -> None:
        self._cross("before close")
        self._real.close()
        self._cross("after close")


@dataclass(frozen=True)
class Comparison:
    """The ledger's deliveries by key, as a reader sees them, and the server's accepted messages."""

    deliveries: dict[str, Delivery]
    taken: Counter[str]

    def in_state(self, *states: State) -> set[str]:
        return {key for key, one in self.deliveries.items() if one.state in states}

    def check(self, expected: int) -> None:
        """Check I1 to I3 of the promise by the server's log."""
        sent, doubt = self.in_state(State.SENT), self.in_state(State.IN_DOUBT, State.SENDING)
        taken = set(self.taken)
        assert sent <= taken, f"I1: sent, but never taken: {sorted(sent - taken)}"
        assert taken - sent <= doubt, f"I2: taken, but {self._states(taken - sent - doubt)}"
        assert len(self.deliveries) == expected, "I3: a recipient is lost"

    def check_once(self) -> None:
        """Check I4: no recipient got two messages."""
        twice = [key for key, count in self.taken.items() if count > 1]
        assert not twice, f"I4: more than one copy: {twice}"

    def _states(self, keys: set[str]) -> str:
        return ", ".join(f"{key}: {self.deliveries[key].state}" for key in sorted(keys))


class Judge(Protocol):
    """A server that remembers the messages that it accepted."""

    @property
    def messages(self) -> list[Message]: ...


def compare(campaign: Settings, server: Judge, *, since: int = 0, boot_id: str = "") -> Comparison:
    """Read the ledger, and then the messages that the server accepted, from message `since` on.

    The order matters while a run goes on, or has just been killed: a message that is taken after
    the ledger was read is in doubt there, but one that is sent there was taken before.
    """
    options = options_of(Job(campaign.folder, 0, boot_id=boot_id))
    reader = Ledger.read(campaign, options=options)
    deliveries = {one.key: one for one in reader.iterate()} if reader else {}
    messages = server.messages[since:]
    for message in messages:
        assert message.to in message.forward_paths, f"I6: {message.to} got {message.forward_paths}"
    taken = Counter(path for message in messages if message.taken for path in message.forward_paths)
    return Comparison(deliveries, taken)
