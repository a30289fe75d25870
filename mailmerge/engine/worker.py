"""One connection at a time: deliveries in, transitions and events out.

    queue -> delivery -> message source -> transaction -> client -> outcome -> decision
          -> transition (applied to the store) -> report

A worker knows the queue of deliveries and a few small collaborators (`Services`). It does not know
the run, and it decides nothing that concerns other workers.

The order of the writes is the promise of docs/delivery.md:

1. The worker applies `sending` to the store before the last bytes of the message may leave. The
   client asks for it by `on_terminator`. If `sending` cannot be written, the message does not
   leave.
2. The worker applies the outcome before anything else uses it: before it reports the outcome,
   before the queue counts the delivery as settled, and before it keeps a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from mailmerge.engine.copies import Keep, keep_none
from mailmerge.engine.events import Closed, Opened
from mailmerge.engine.limits import Limits
from mailmerge.engine.queue import NotYet, Queue
from mailmerge.engine.retry import Decision, decide
from mailmerge.errors import InputError, MailmergeError
from mailmerge.ledger.states import Delivery, State, Transition, claim_transition
from mailmerge.portable.clock import Clock
from mailmerge.smtp import Client, Outcome, Stage, Transaction, Verdict
from mailmerge.smtp.errors import LocalProtocolError

_WAKE_UP: Final = 0.25
"""Seconds between two checks, while a worker waits, of whether the run is stopping."""

_IDLE_CONNECTION: Final = 30.0
"""Seconds of pause after which the connection is closed; servers drop idle connections."""

_SHORT_PAUSE: Final = 0.02
"""If a rate leaves more seconds than this between messages, only one is in flight at a time."""


class MessageSource(Protocol):
    """Makes the messages of a run."""

    def transaction(self, delivery: Delivery) -> Transaction:
        """Make the message in its envelope; its token is the delivery's id. Safe from any thread.

        Raises:
            InputError: the message of this recipient cannot be made.
        """
        ...


class StopRequest:
    """A request to stop a run. It takes no lock, so a signal handler may make the request."""

    def __init__(self) -> None:
        self._times = 0

    def request(self) -> None:
        """Ask to finish the messages in flight and end; a second request abandons them."""
        self._times += 1

    @property
    def requested(self) -> bool:
        """Whether to begin no new message."""
        return self._times > 0

    @property
    def abandon(self) -> bool:
        """Whether to abandon the messages in flight."""
        return self._times > 1


@dataclass(frozen=True, slots=True)
class Settled:
    """A message has an outcome. `transition` is the one that the store recorded.

    It is None if the message was not transmitted, so that its delivery returns to the queue.
    """

    at: float
    delivery: Delivery
    outcome: Outcome
    decision: Decision
    transition: Transition | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The run cannot continue."""

    error: MailmergeError


OnTerminator = Callable[[int], None]
"""Called with a transaction's token before the last bytes of its message may leave."""


@dataclass(frozen=True, slots=True)
class Services:
    """The objects that the workers of a run share; each is safe from any thread.

    Attributes:
        queue: the deliveries.
        messages: makes the messages.
        connect: `connect(worker, on_terminator)` returns an open client, or None if this worker is
            no longer needed.
        apply: records transitions, and returns them as they were recorded.
        report: called with everything that happens.
        clock: seconds since 1970.
        limits: the limits of the run.
        server: the server in words.
        interval: the seconds between two messages at the slowest rate.
        keep: keeps copies of sent messages.
        stop: the request to stop the run.
    """

    queue: Queue
    messages: MessageSource
    connect: Callable[[int, OnTerminator], Client | None]
    apply: Callable[[Sequence[Transition]], list[Transition]]
    report: Callable[[Opened | Closed | Settled | Failed], None]
    clock: Clock
    limits: Limits
    server: str = ""
    interval: float = 0.0
    keep: Keep = keep_none
    stop: StopRequest = field(default_factory=StopRequest)


@dataclass(slots=True)
class _Flight:
    """A delivery whose message was submitted to the client."""

    delivery: Delivery
    transaction: Transaction
    announced: bool = False


@dataclass(slots=True)
class _Session:
    """The counts of one connection, and whether to end it."""

    client: Client
    submitted: int = 0
    carried: int = 0
    recycle: bool = False


class Worker:
    """Sends on one connection at a time until the queue closes; `work` runs in its own thread."""

    def __init__(self, number: int, services: Services) -> None:
        self.number = number
        self._services = services
        self._queue = services.queue
        self._clock = services.clock
        self._flights: dict[int, _Flight] = {}
        self._turn: float | None = None
        self._idle_since = 0.0

    def work(self) -> None:
        """Send until the queue closes. An error is reported, and ends the work."""
        try:
            while self._wait_for_work():
                client = self._services.connect(self.number, self._announce)
                if client is None:
                    return
                self._idle_since = self._clock()
                self._serve(_Session(client))
        except MailmergeError as error:
            self._services.report(Failed(error))
        except Exception as error:  # noqa: BLE001 - otherwise the thread would end without a report
            failure = MailmergeError(f"{type(error).__name__}: {error}", hint="please report it")
            failure.__cause__ = error
            self._services.report(Failed(failure))

    def _wait_for_work(self) -> bool:
        """Wait for a delivery without a connection. Returns False if the queue has closed."""
        while not self._queue.closed:
            soon = self._turn is None or self._turn - self._clock() < _IDLE_CONNECTION
            if soon and self._queue.offers(self.number):
                return True
            self._queue.wait(_WAKE_UP)
        return False

    def _announce(self, token: int) -> None:
        """Record that the end of this message is about to leave; called by the client.

        Raises:
            LedgerError: it could not be recorded, so the end of the message must not leave.
        """
        flight = self._flights[token]
        self._services.apply([claim_transition(flight.delivery, State.SENDING, self._clock())])
        flight.announced = True

    # --- one connection

    def _serve(self, session: _Session) -> None:
        client, report = session.client, self._services.report
        report(Opened(self._clock(), self.number, self._services.server))
        try:
            while self._step(session):
                pass
            reason = str(client.failure or "")
            client.quit()
        except BaseException as error:
            reason = str(error)
            raise
        finally:
            client.abort()
            for outcome in client.wait(0):
                self._settle(session, outcome)
            report(Closed(self._clock(), self.number, session.carried, reason))

    def _step(self, session: _Session) -> bool:
        """Submit messages and wait for outcomes. Returns False if the connection is to end."""
        client = session.client
        # Write ready bytes before making the next message, so that the server works meanwhile.
        client.push()
        self._fill(session)
        if client.in_flight:
            for outcome in client.wait(_WAKE_UP):
                self._settle(session, outcome)
            if self._services.stop.abandon:
                client.abort()
            return True
        return self._may_submit(session) and self._pause()

    def _may_submit(self, session: _Session) -> bool:
        most = self._services.limits.messages_per_connection
        full = most is not None and session.submitted >= most
        usable = session.client.usable and not session.recycle and not full
        return usable and not self._queue.closed

    def _pause(self) -> bool:
        """Wait until the next message may be sent. Returns False if that takes too long."""
        now = self._clock()
        turn = now + _WAKE_UP if self._turn is None else self._turn
        if max(turn, now) - self._idle_since > _IDLE_CONNECTION:
            return False
        if turn > now:
            self._queue.wait(min(turn - now, _WAKE_UP))
        return True

    def _fill(self, session: _Session) -> None:
        client = session.client
        while self._may_submit(session) and client.room > 0:
            if client.in_flight and self._services.interval > _SHORT_PAUSE:
                return
            taken = self._queue.take(self.number)
            if isinstance(taken, NotYet):
                self._turn = taken.until
                return
            self._submit(session, taken)
            self._idle_since = self._clock()

    # --- one delivery

    def _submit(self, session: _Session, delivery: Delivery) -> None:
        try:
            transaction = self._services.messages.transaction(delivery)
            self._flights[delivery.id] = _Flight(delivery, transaction)
            session.client.submit(transaction)
        except (InputError, LocalProtocolError) as error:
            self._flights.pop(delivery.id, None)
            outcome = Outcome(delivery.id, Verdict.REJECTED, Stage.MAIL, reason=str(error))
            self._conclude(delivery, outcome, Decision(State.SKIPPED, str(error)))
        else:
            session.submitted += 1

    def _settle(self, session: _Session, outcome: Outcome) -> None:
        flight = self._flights.pop(outcome.token)
        delivery = flight.delivery
        decision = decide(
            outcome,
            attempts=delivery.attempts,
            returned=self._queue.returned(delivery),
            carried=session.carried,
            ending=session.recycle,
            rules=self._services.limits.rules,
        )
        session.carried += 1
        session.recycle = session.recycle or decision.recycle
        if decision.state is not None:
            transition = self._conclude(delivery, outcome, decision)
            if transition.state is State.SENT:
                self._services.keep(flight.transaction, transition.at)
            return
        now = self._clock()
        if flight.announced:
            self._services.apply([claim_transition(delivery, State.CLAIMED, now)])
        self._services.report(Settled(now, delivery, outcome, decision, None))
        if decision.slow and not decision.recycle:
            self._queue.put_last(delivery)
        else:
            self._queue.put_back(delivery)

    def _conclude(self, delivery: Delivery, outcome: Outcome, decision: Decision) -> Transition:
        """Record the outcome of a delivery, and only then report it."""
        now = self._clock()
        [transition] = self._services.apply(
            [
                Transition(
                    delivery.id,
                    decision.state or State.PENDING,
                    now,
                    delivery.attempts + (decision.state is not State.SKIPPED),
                    delivery.doubts + (decision.state is State.IN_DOUBT),
                    None if decision.retry_in is None else now + decision.retry_in,
                    str(outcome.stage),
                    decision.reply,
                )
            ]
        )
        self._services.report(Settled(now, delivery, outcome, decision, transition))
        self._queue.settle()
        return transition
