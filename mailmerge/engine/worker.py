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

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Protocol

from mailmerge.engine.copies import Keep, keep_none
from mailmerge.engine.events import Closed, Opened, Waiting
from mailmerge.engine.limits import Limits
from mailmerge.engine.making import LOOK_AGAIN, SetAside, is_of_this_machine
from mailmerge.engine.queue import NotYet, Queue
from mailmerge.engine.retry import Decision, decide
from mailmerge.engine.stopping import StopRequest
from mailmerge.errors import AssetError, InputError, MailmergeError
from mailmerge.language import tr
from mailmerge.ledger.refused_copies import refused_copies
from mailmerge.ledger.states import Delivery, State, Transition, claim_transition
from mailmerge.library_messages import system_reason
from mailmerge.portable.clock import Clock
from mailmerge.providers.server_ids import ServerIds
from mailmerge.smtp import Client, Outcome, Stage, Transaction, Verdict
from mailmerge.smtp.errors import LocalProtocolError

_WAKE_UP: Final = 0.25
"""Seconds between two checks, while a worker waits, of whether the run is stopping."""

_IDLE_CONNECTION: Final = 30.0
"""Seconds of pause after which the connection is closed; servers drop idle connections."""

_TO_CONNECT: Final = 1.0
"""Seconds before the next message may be sent at which a connection for it is opened."""

_COMPLAINTS: Final = 3
"""Complaints in a row that end a connection which has carried messages. Some servers limit the
messages of a connection and say so with the words of speed; then only a new one helps."""

_UNUSED: Final = 5.0
"""Seconds of pause after which the end of a connection is no sign of a limit of messages."""

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


@dataclass(frozen=True, slots=True)
class Settled:
    """A message has an outcome. `transition` is the one that the store recorded.

    It is None if the message was not transmitted, so that its delivery returns to the queue.
    `connection` is the number of the connection.
    """

    at: float
    delivery: Delivery
    outcome: Outcome
    decision: Decision
    transition: Transition | None
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """The run cannot continue."""

    error: MailmergeError


@dataclass(frozen=True, slots=True)
class ConnectionEnd:
    """How a connection ended.

    Attributes:
        answered: the number of messages that the server answered on it without a complaint.
        reason: why it ended; "" if this side ended it in order.
        routine: whether the server ended it without a reason that is known: no complaint about the
            speed, and no idle time before. Or it carried messages, and then met complaints only.
        in_doubt: whether messages are in doubt because of it.
        slowed: whether the server complained about the speed on it. The throttle answers that.
        idle: whether the server ended it because this side had nothing to send for a while.
    """

    answered: int
    reason: str = ""
    routine: bool = False
    in_doubt: bool = False
    slowed: bool = False
    idle: bool = False


class _Connections(Protocol):
    """What a worker tells about its connections, and how it may use one. Safe from any thread."""

    @property
    def careful(self) -> bool:
        """Whether a connection may have only one message in flight until one is answered."""
        ...

    def limit(self, worker: int) -> int | None:
        """Return the number of messages after which this worker ends its connection, or None."""
        ...

    def answered(self, worker: int) -> None:
        """Note that the server has answered a message on this worker's connection."""
        ...

    def ended(self, worker: int, end: ConnectionEnd) -> None:
        """Note that this worker's connection has ended.

        Raises:
            RunStopped: the server is given up.
        """
        ...


class _Unobserved:
    """Connections without an observer, and without a limit."""

    careful = False

    def limit(self, worker: int) -> int | None:
        del worker
        return None

    def answered(self, worker: int) -> None:
        pass

    def ended(self, worker: int, end: ConnectionEnd) -> None:
        pass


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
        connections: gets the result of each connection, and limits it.
        apply: records transitions, and returns them as they were recorded.
        report: called with everything that happens.
        clock: seconds since 1970.
        limits: the limits of the run.
        interval: the seconds between two messages at the slowest rate.
        keep: keeps copies of sent messages.
        stop: the request to stop the run.
        aside: the recipients whose message could not be made because of this machine.
    """

    queue: Queue
    messages: MessageSource
    connect: Callable[[int, OnTerminator], Client | None]
    apply: Callable[[Sequence[Transition]], list[Transition]]
    report: Callable[[Opened | Closed | Settled | Waiting | Failed], None]
    clock: Clock
    limits: Limits
    interval: float = 0.0
    keep: Keep = keep_none
    connections: _Connections = field(default_factory=_Unobserved)
    stop: StopRequest = field(default_factory=StopRequest)
    aside: SetAside = field(default_factory=SetAside)


@dataclass(slots=True)
class _Flight:
    """A delivery whose message was submitted to the client."""

    delivery: Delivery
    transaction: Transaction
    announced: bool = False


class _Cause(Enum):
    """What may explain the end of a connection."""

    ROUTINE = auto()
    """Nothing that is known: the server, or this side, ends it after a number of messages."""
    UNUSED = auto()
    """It was idle for a while before one of its messages."""
    IDLE = auto()
    """The server ended it while it was idle."""
    SPEED = auto()
    """A complaint about the speed."""
    FULL = auto()
    """Complaints only, after other answers: perhaps it may carry no more messages."""


@dataclass(slots=True)
class _Session:
    """The counts of one connection, and how it ends.

    Attributes:
        submitted: the number of submitted messages.
        carried: the number of outcomes.
        answered: the number of messages that the server answered without a complaint.
        complaints: the number of complaints about the speed since the last other outcome.
        recycle: whether to end the connection.
        reason: why it is to be ended, if the server said so.
        cause: what may explain its end.
        in_doubt: whether a message is in doubt.
        broken: whether the message is known at which it ended. The messages behind that one have
            nothing to do with it.
        blamed: the delivery at which it ended, if that one returns to the queue.
        returned: the deliveries that return to the queue when the connection has ended.
    """

    client: Client
    submitted: int = 0
    carried: int = 0
    answered: int = 0
    complaints: int = 0
    recycle: bool = False
    reason: str = ""
    cause: _Cause = _Cause.ROUTINE
    in_doubt: bool = False
    broken: bool = False
    blamed: Delivery | None = None
    returned: list[Delivery] = field(default_factory=list)

    def explain(self, cause: _Cause) -> None:
        """Note what may explain the end; a later cause in the order of `_Cause` is the stronger."""
        if cause.value > self.cause.value:
            self.cause = cause

    def end(self) -> ConnectionEnd:
        """Return how the connection ended."""
        reason, cause = str(self.client.failure or self.reason), self.cause
        return ConnectionEnd(
            self.answered,
            reason,
            routine=cause is _Cause.FULL or (cause is _Cause.ROUTINE and bool(reason)),
            in_doubt=self.in_doubt,
            slowed=cause in {_Cause.SPEED, _Cause.FULL},
            idle=cause is _Cause.IDLE,
        )


class _Abandoned(Exception):
    """The messages in flight are abandoned, so this end of data must not leave."""


class Worker:
    """Sends on one connection at a time until the queue closes; `work` runs in its own thread.

    Attributes:
        number: the number of its connection, from 0.
        connecting: whether it has no connection and waits for one. It holds no delivery then.
        quitting: whether it only waits for the reply to QUIT. It holds no delivery then.
    """

    def __init__(self, number: int, services: Services) -> None:
        self.number = number
        self.connecting = False
        self.quitting = False
        self._services = services
        self._queue = services.queue
        self._clock = services.clock
        self._server_id = ServerIds()
        self._flights: dict[int, _Flight] = {}
        self._turn: float | None = None
        self._idle_since = 0.0

    def work(self) -> None:
        """Send until the queue closes. An error is reported, and ends the work."""
        try:
            while self._wait_for_work():
                client = self._connect()
                if client is None:
                    return
                self._idle_since = self._clock()
                session = _Session(client)
                self._serve(session)
                self._services.connections.ended(self.number, session.end())
        except MailmergeError as error:
            self._services.report(Failed(error))
        except Exception as error:  # noqa: BLE001 - otherwise the thread would end without a report
            failure = MailmergeError(
                f"{type(error).__name__}: {error}", hint=tr("please report it")
            )
            failure.__cause__ = error
            self._services.report(Failed(failure))

    def _connect(self) -> Client | None:
        """Open a connection; None if it is not needed, or the run was stopped meanwhile."""
        self.connecting = True
        client = self._services.connect(self.number, self._announce)
        if client is not None and self._queue.closed:
            client.quit()  # without a report: the run does not wait for this worker
            return None
        self.connecting = False
        return client

    def _wait_for_work(self) -> bool:
        """Wait for a delivery without a connection. Returns False if the queue has closed."""
        while not self._queue.closed:
            wait = self._queue.turn(self.number) - self._clock() - _TO_CONNECT
            if wait <= 0:
                return True
            self._queue.wait(min(wait, _WAKE_UP))
        return False

    def _announce(self, token: int) -> None:
        """Record that the end of this message is about to leave; called by the client.

        Raises:
            LedgerError: it could not be recorded, so the end of the message must not leave.
            _Abandoned: the messages in flight are abandoned.
        """
        if self._services.stop.abandon:
            raise _Abandoned
        flight = self._flights[token]
        self._services.apply([claim_transition(flight.delivery, State.SENDING, self._clock())])
        flight.announced = True

    # --- one connection

    def _serve(self, session: _Session) -> None:
        client, report = session.client, self._services.report
        report(Opened(self._clock(), self.number, str(client.server)))
        try:
            while self._step(session):
                pass
            reason = str(client.failure or "")
            self.quitting = not session.returned
            client.quit()
        except _Abandoned:
            reason = ""
        except BaseException as error:
            reason = str(error)
            raise
        finally:
            self.quitting = False
            client.abort()
            try:
                for outcome in client.wait(0):
                    self._settle(session, outcome)
            finally:
                self._queue.put_back(*session.returned, blamed=session.blamed)
            report(Closed(self._clock(), self.number, session.carried, reason))

    def _step(self, session: _Session) -> bool:
        """Submit messages and wait for outcomes. Returns False if the connection is to end.

        If the messages in flight are abandoned, nothing more is written.
        """
        client = session.client
        if self._services.stop.abandon:
            client.abort()
            return False
        # Write ready bytes before making the next message, so that the server works meanwhile.
        client.push()
        self._fill(session)
        if client.in_flight:
            for outcome in client.wait(_WAKE_UP):
                self._settle(session, outcome)
            return True
        return self._may_submit(session) and self._pause(session)

    def _may_submit(self, session: _Session) -> bool:
        if session.recycle or self._queue.closed or not session.client.usable:
            return False
        most = self._services.limits.messages_per_connection
        learned = self._services.connections.limit(self.number)
        full = most is not None and session.submitted >= most
        return not full and (learned is None or session.submitted < learned)

    def _pause(self, session: _Session) -> bool:
        """Wait until the next message may be sent. Returns False if that takes too long."""
        now = self._clock()
        turn = now + _WAKE_UP if self._turn is None else self._turn
        if max(turn, now) - self._idle_since > _IDLE_CONNECTION:
            return False
        if turn > now:
            self._queue.wait(min(turn - now, _WAKE_UP))
        session.client.notice_end()  # now, and not when the next message has used up its turn
        if not session.client.usable and self._clock() - self._idle_since > _UNUSED:
            session.explain(_Cause.IDLE)
        return True

    def _fill(self, session: _Session) -> None:
        client = session.client
        while self._may_submit(session) and client.room > 0 and not client.ready:
            if client.in_flight and self._one_in_flight(session):
                return
            taken = self._queue.take(self.number)
            if isinstance(taken, NotYet):
                self._turn = taken.until
                return
            now = self._clock()
            if not client.in_flight and now - self._idle_since > _UNUSED:
                session.explain(_Cause.UNUSED)
            self._submit(session, taken)
            self._idle_since = self._clock()

    def _one_in_flight(self, session: _Session) -> bool:
        """Whether this connection has at most one message in flight at present."""
        if self._services.interval > _SHORT_PAUSE:
            return True
        return not session.answered and self._services.connections.careful

    # --- one delivery

    def _submit(self, session: _Session, delivery: Delivery) -> None:
        try:
            transaction = self._make(delivery)
            self._flights[delivery.id] = _Flight(delivery, transaction)
            session.client.submit(transaction)
        except (InputError, LocalProtocolError) as error:
            self._flights.pop(delivery.id, None)
            if isinstance(error, InputError) and is_of_this_machine(error):
                self._set_aside(delivery, error)
                return
            outcome = Outcome(delivery.id, Verdict.REJECTED, Stage.MAIL, reason=str(error))
            self._conclude(delivery, outcome, Decision(State.SKIPPED, str(error)))
        except BaseException:
            if delivery.id not in self._flights:
                self._queue.put_back(delivery)  # no message was made
            raise
        else:
            session.submitted += 1

    def _make(self, delivery: Delivery) -> Transaction:
        """Make a message; if a file cannot be read, look again a moment later.

        Raises:
            InputError: it cannot be made.
        """
        for pause in LOOK_AGAIN:
            try:
                transaction = _transaction(self._services.messages, delivery)
                break
            except InputError as error:
                if self._queue.closed or not is_of_this_machine(error):
                    raise
                self._services.report(Waiting(self._clock(), tr("a file: {error}", error=error)))
                _sleep(pause, self._queue)
        else:
            transaction = _transaction(self._services.messages, delivery)
        self._services.aside.made()
        return transaction

    def _set_aside(self, delivery: Delivery, error: MailmergeError) -> None:
        """Give a delivery no outcome, because this machine could not make its message."""
        stopped = self._services.aside.add(delivery, error)
        if stopped is not None:
            self._services.report(Failed(stopped))
        self._queue.set_aside()

    def _settle(self, session: _Session, outcome: Outcome) -> None:
        flight = self._flights.pop(outcome.token)
        delivery = flight.delivery
        decision = decide(
            outcome,
            attempts=delivery.attempts,
            returned=self._returned(session, delivery),
            carried=session.carried,
            ending=session.broken,
            rules=self._services.limits.rules,
        )
        self._count(session, outcome, decision)
        if decision.state is not None:
            transition = self._conclude(delivery, outcome, decision)
            if transition.state is State.SENT:
                self._keep(session, flight.transaction, transition.at)
        else:
            self._return(session, flight, outcome, decision)
        session.broken = session.broken or decision.recycle or session.in_doubt

    def _keep(self, session: _Session, transaction: Transaction, at: float) -> None:
        """Keep a copy. If that fails the run ends, after the replies in flight were read."""
        try:
            self._services.keep(transaction, at)
        except MailmergeError as error:
            session.recycle = True
            self._services.report(Failed(error))

    def _returned(self, session: _Session, delivery: Delivery) -> int:
        """Return how often a delivery was put back, as far as that counts against it.

        It does not count if an earlier message has ended the connection, or if the run is ending:
        then the delivery is pending afterwards.
        """
        ending = session.broken or self._queue.closed
        return 0 if ending else self._queue.blame(delivery)

    def _count(self, session: _Session, outcome: Outcome, decision: Decision) -> None:
        """Count an outcome on its connection."""
        session.carried += 1
        session.in_doubt = session.in_doubt or outcome.verdict is Verdict.IN_DOUBT
        session.complaints = session.complaints + 1 if decision.slow else 0
        if _is_answer(outcome, decision) and not decision.slow:
            session.answered += 1
            self._services.connections.answered(self.number)
        if decision.recycle:
            session.recycle = True
            session.reason = session.reason or decision.reply
        if decision.slow or decision.cool_down:
            session.explain(_Cause.SPEED)
        if session.answered and session.complaints >= _COMPLAINTS:
            session.explain(_Cause.FULL)
            session.recycle = True

    def _return(
        self, session: _Session, flight: _Flight, outcome: Outcome, decision: Decision
    ) -> None:
        """Let a delivery return to the queue.

        If the connection was merely closed, the delivery waits for its end. Then all deliveries of
        the connection go first on the next one, in their order.
        """
        now = self._clock()
        if flight.announced:
            self._services.apply([claim_transition(flight.delivery, State.CLAIMED, now)])
        self._services.report(Settled(now, flight.delivery, outcome, decision, None, self.number))
        if decision.slow and not decision.recycle:
            self._queue.put_last(flight.delivery)
            return
        if not session.broken:
            session.blamed = flight.delivery
        session.returned.append(flight.delivery)

    def _conclude(self, delivery: Delivery, outcome: Outcome, decision: Decision) -> Transition:
        """Record the outcome of a delivery, and only then report it."""
        now = self._clock()
        sent = decision.state is State.SENT
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
                    self._server_id(decision.reply) if sent else "",
                    refused_copies(outcome.refused) if sent and outcome.refused else (),
                )
            ]
        )
        self._services.report(Settled(now, delivery, outcome, decision, transition, self.number))
        self._queue.settle(answered=_is_answer(outcome, decision))
        return transition


def _sleep(seconds: float, queue: Queue) -> None:
    """Sleep, unless the queue closes."""
    for _ in range(round(seconds / _WAKE_UP)):
        if not queue.closed:
            time.sleep(_WAKE_UP)


def _transaction(messages: MessageSource, delivery: Delivery) -> Transaction:
    try:
        return messages.transaction(delivery)
    except OSError as error:  # a file that vanished between two steps
        reason = tr("cannot be read: {reason}", reason=system_reason(error))
        file = str(error.filename or "")
        raise AssetError(reason, file=file, row=delivery.row, code="asset-unreadable") from error


def _is_answer(outcome: Outcome, decision: Decision) -> bool:
    """Whether the server answered a message, and did not only end the connection."""
    reply = outcome.reply
    return decision.state is not None and reply is not None and not reply.closing
