"""One connection's loop: take a person -> octets -> submit -> outcome -> record.

A lane knows its client, the desk, the press and the ledger, and tells the run what it has seen. It
decides nothing that concerns other lanes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mailmerge.engine.queue import Queue, Wait
from mailmerge.engine.retry import Decision, ReplyRules, decide
from mailmerge.errors import InputError, MailmergeError
from mailmerge.ledger.interface import Ledger
from mailmerge.ledger.states import Delivery, State, Transition, under_way
from mailmerge.messages import TransactionFactory
from mailmerge.smtp import Client, Outcome, Stage, Transaction, Verdict
from mailmerge.smtp.errors import LocalProtocolError

WAKE_UP = 0.25
"""Seconds after which a lane that waits looks whether the run is stopping."""

IDLE_CONNECTION = 30.0
"""A pause that is longer than this ends the connection; servers drop idle ones after a while."""

SHORT_PAUSE = 0.02
"""Where rates leave more than this between two messages, a lane takes one person at a time."""


class Supervisor(Protocol):
    """What a lane needs of the run."""

    desk: Queue
    ledger: Ledger
    messages: TransactionFactory
    rules: ReplyRules
    clock: Callable[[], float]
    messages_per_connection: int | None
    interval: float

    def connect(self, lane: Worker) -> Client | None:
        """An open connection; None where the run is ending."""
        ...

    def opened(self, lane: Worker) -> None:
        """The lane has a connection."""
        ...

    def closed(self, lane: Worker, carried: int, reason: str) -> None:
        """Its connection has ended after so many outcomes; `reason` is empty where we ended it."""
        ...

    def note(
        self, outcome: Outcome, decision: Decision, person: Delivery, mark: Transition | None
    ) -> None:
        """Something has happened to a person, and is recorded by `mark`."""
        ...

    def keep_copy(self, transaction: Transaction) -> None:
        """This message was sent."""
        ...

    def fail(self, error: MailmergeError) -> None:
        """The run cannot go on."""
        ...

    @property
    def giving_up(self) -> bool:
        """Whether what is in flight is to be abandoned."""
        ...


@dataclass(slots=True)
class _Flight:
    """A person whose message is with the client."""

    person: Delivery
    transaction: Transaction
    marked: bool = False


@dataclass(slots=True)
class _Session:
    """What has gone over one connection so far."""

    client: Client
    submitted: int = 0
    carried: int = 0
    recycle: bool = False


class Worker(threading.Thread):
    """A thread that sends over one connection at a time until the desk closes."""

    def __init__(self, number: int, run: Supervisor) -> None:
        super().__init__(name=f"lane-{number}", daemon=True)
        self.number = number
        self._run = run
        self._flights: dict[int, _Flight] = {}
        self._turn: float | None = None
        self._idle_since = 0.0

    def run(self) -> None:
        """Send until the desk closes; every error goes to the run."""
        try:
            while self._wait_for_work():
                client = self._run.connect(self)
                if client is None:
                    return
                self._idle_since = self._run.clock()
                self._serve(_Session(client))
        except MailmergeError as error:
            self._run.fail(error)
        except Exception as error:  # noqa: BLE001 - a thread's last word must reach the run
            failure = MailmergeError(f"{type(error).__name__}: {error}", hint="please report it")
            failure.__cause__ = error
            self._run.fail(failure)

    def _wait_for_work(self) -> bool:
        """Wait without a connection; False when there will be nothing to do any more."""
        desk = self._run.desk
        while not desk.closed:
            soon = self._turn is None or self._turn - self._run.clock() < IDLE_CONNECTION
            if soon and desk.offers(self.number):
                return True
            desk.wait(WAKE_UP)
        return False

    def mark_sending(self, token: int) -> None:
        """Note that the end of this person's data is about to leave; the client calls it before.

        Raises:
            LedgerError: it could not be noted, so the end of data must not leave.
        """
        flight = self._flights[token]
        person = flight.person
        self._run.ledger.apply([under_way(person, State.SENDING, self._run.clock())])
        flight.marked = True

    def _serve(self, session: _Session) -> None:
        client = session.client
        self._run.opened(self)
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
            self._run.closed(self, session.carried, reason)

    def _step(self, session: _Session) -> bool:
        """Submit what may be submitted, wait for outcomes; False when the connection is done."""
        client = session.client
        # What is ready leaves before the next message is made: the server works meanwhile.
        client.push()
        self._fill(session)
        if client.in_flight:
            for outcome in client.wait(WAKE_UP):
                self._settle(session, outcome)
            if self._run.giving_up:
                client.abort()
            return True
        return self._open_for_more(session) and self._pause()

    def _open_for_more(self, session: _Session) -> bool:
        most = self._run.messages_per_connection
        full = most is not None and session.submitted >= most
        usable = session.client.usable and not session.recycle and not full
        return usable and not self._run.desk.closed

    def _pause(self) -> bool:
        """Wait for the next turn with the connection open; False where that takes too long."""
        now = self._run.clock()
        turn = now + WAKE_UP if self._turn is None else self._turn
        if max(turn, now) - self._idle_since > IDLE_CONNECTION:
            return False
        if turn > now:
            self._run.desk.wait(min(turn - now, WAKE_UP))
        return True

    def _fill(self, session: _Session) -> None:
        client = session.client
        while self._open_for_more(session) and client.room > 0:
            if client.in_flight and self._run.interval > SHORT_PAUSE:
                return
            taken = self._run.desk.take(self.number)
            if isinstance(taken, Wait):
                self._turn = taken.until
                return
            self._submit(session, taken)
            self._idle_since = self._run.clock()

    def _submit(self, session: _Session, person: Delivery) -> None:
        try:
            transaction = self._run.messages.transaction(person)
            self._flights[person.id] = _Flight(person, transaction)
            session.client.submit(transaction)
        except (InputError, LocalProtocolError) as error:
            self._flights.pop(person.id, None)
            outcome = Outcome(person.id, Verdict.REJECTED, Stage.MAIL, reason=str(error))
            self._conclude(person, outcome, Decision(State.SKIPPED, str(error)))
        else:
            session.submitted += 1

    def _settle(self, session: _Session, outcome: Outcome) -> None:
        flight = self._flights.pop(outcome.token)
        person = flight.person
        decision = decide(
            outcome,
            attempts=person.attempts,
            returned=self._run.desk.returned(person),
            carried=session.carried,
            rules=self._run.rules,
        )
        session.carried += 1
        session.recycle = session.recycle or decision.recycle
        if decision.state is not None:
            self._conclude(person, outcome, decision, flight.transaction)
            return
        if flight.marked:
            self._run.ledger.apply([under_way(person, State.CLAIMED, self._run.clock())])
        self._run.note(outcome, decision, person, None)
        self._run.desk.put_back(person)

    def _conclude(
        self,
        person: Delivery,
        outcome: Outcome,
        decision: Decision,
        transaction: Transaction | None = None,
    ) -> None:
        """Write down what became of a person; only then is it shown."""
        now = self._run.clock()
        [mark] = self._run.ledger.apply(
            [
                Transition(
                    person.id,
                    decision.state or State.PENDING,
                    now,
                    person.attempts + (decision.state is not State.SKIPPED),
                    person.doubts + (decision.state is State.IN_DOUBT),
                    None if decision.retry_in is None else now + decision.retry_in,
                    str(outcome.stage),
                    decision.reply,
                )
            ]
        )
        self._run.note(outcome, decision, person, mark)
        self._run.desk.settle()
        if transaction is not None and mark.state is State.SENT:
            self._run.keep_copy(transaction)
