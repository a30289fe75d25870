"""The run: claims people, starts lanes, slows down, stops cleanly, and says how it went.

    ledger -> claim -> desk -> lanes -> outcomes -> ledger
                 (this thread)   (one thread per connection)

The thread that calls `Run.execute` is the only one that speaks to the database; lanes only add
marks to the journal. It installs no signal handler: the command line calls `stop`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from mailmerge.campaign import Campaign, parse_duration
from mailmerge.engine.copies import open_copies
from mailmerge.engine.events import (
    Event,
    Listener,
    ended_event,
    event,
    outcome_event,
    slowed_event,
)
from mailmerge.engine.plan import CLAIM_AT_ONCE, Options, claim_size
from mailmerge.engine.queue import Queue
from mailmerge.engine.ramp import Ramp
from mailmerge.engine.retry import CoolDowns, Decision, Refusals, reconnect_pause
from mailmerge.engine.summary import Progress, Summary, ending
from mailmerge.engine.throttle import Throttle
from mailmerge.engine.worker import Worker
from mailmerge.errors import (
    AuthenticationRefused,
    LocalProtocolError,
    MailmergeError,
    RunStopped,
    ServerError,
    ServerRefused,
    ServerUnreachable,
)
from mailmerge.ledger.interface import Ledger
from mailmerge.ledger.quota import Usage
from mailmerge.ledger.states import Delivery, State, Transition
from mailmerge.messages import TransactionFactory
from mailmerge.providers.hints import as_user_error
from mailmerge.smtp import (
    Client,
    Credentials,
    Outcome,
    Server,
    SocketTransport,
    Transaction,
    Transport,
)
from mailmerge.smtp.errors import SmtpError

FOLD_AFTER = 0.2
TICK = 0.1
SHOWN_WAIT = 2.0
HALF_A_DAY = 43_200.0
LASTING = frozenset({"refused", "no-starttls", "malformed-reply", "starttls-injection"})
"""Codes of errors that a first connection does not get over by waiting."""


class Run:
    """One run of one campaign: `execute` once, `stop` at any time from anywhere.

    Raises:
        LedgerError: from `execute`, where the usage of the account cannot be read. Whatever stops
            the run later is in the summary.
    """

    def __init__(
        self,
        campaign: Campaign,
        ledger: Ledger,
        messages: TransactionFactory,
        *,
        server: Server,
        credentials: Credentials | None = None,
        options: Options | None = None,
        usage: Usage | None = None,
        events: Listener | None = None,
        clock: Callable[[], float] | None = None,
        connect: Callable[[Server], Transport] = SocketTransport.connect,
    ) -> None:
        options = options or Options()
        delivery = campaign.delivery
        rates = options.rates if options.rates is not None else delivery.rate
        self.clock = clock or wall_clock()
        self.ledger = ledger
        self.messages = messages
        self.rules = options.rules
        self.messages_per_connection = (
            options.messages_per_connection or delivery.messages_per_connection
        )
        self._campaign = campaign
        self._server = server
        self._credentials = credentials
        self._connect = connect
        self._options = options
        self._window = options.window or delivery.window
        self._connections = options.connections or delivery.connections or 1
        self._wait = options.wait if options.wait is not None else parse_duration(delivery.wait)
        self._events = events
        self._pacer = Throttle(rates, delivery.domain_rates, account=options.account, usage=usage)
        self.interval = self._pacer.interval
        self._copies = open_copies(
            delivery.keep_copy if options.copies else "", campaign.state_folder
        )
        self.desk = Queue(self._pacer, self.clock)
        self._refusals = Refusals()
        self._cool_downs = CoolDowns()
        self._seen = threading.Lock()
        self._opening = threading.Lock()
        self._stops = 0
        self._failure: MailmergeError | None = None
        self._waits_for = ""
        self._connected = False
        self._began = self._started = self._last_outcome = 0.0
        self._done = self._sent = self._failed = self._to_send = 0
        self._claims_left = options.limit
        self._exhausted = self._all_claimed = False
        self._noted = 0.0
        self._ramp = Ramp(self._connections, self._connections)
        self._batch = CLAIM_AT_ONCE
        self._folded_at = 0.0

    # --- what the command line calls

    def stop(self) -> None:
        """Finish what is in flight and end; called a second time, give that up too.

        It takes no lock, so a signal handler may call it.
        """
        self._stops += 1

    @property
    def giving_up(self) -> bool:
        """Whether what is in flight is to be abandoned."""
        return self._stops > 1

    def execute(self, progress: Callable[[Progress], None] = lambda _: None) -> Summary:
        """Send to everybody who is to be sent to; `progress` is called about ten times a second."""
        lanes = [Worker(number, self) for number in range(self._connections)]
        try:
            self._begin()
            for lane in lanes:
                lane.start()
            while self._goes_on():
                self._tend()
                progress(self._progress())
                self.desk.wait_for_attention(TICK)
        except MailmergeError as error:
            self.fail(error)
        finally:
            self._end(lanes)
        progress(self._progress())
        summary = self._summary()
        self._tell(ended_event(summary, self.clock()))
        return summary

    # --- the thread that claims

    def _begin(self) -> None:
        if self._options.in_doubt == "resend":
            self.ledger.resend_in_doubt()
        elif self._options.in_doubt == "assume-sent":
            self.ledger.assume_sent()
        self._began = self.clock()
        self._to_send = self.ledger.claimable()
        if self._claims_left is not None:
            self._to_send = min(self._to_send, self._claims_left)
        self._batch = claim_size(self._pacer.interval, self._connections * self._window)
        self.desk.low_water = self._batch // 2
        self.desk.lanes_allowed = self._connections
        self._tell(
            event(
                "began",
                self._began,
                campaign=self._campaign.name,
                to_send=self._to_send,
                connections=self._connections,
            )
        )

    def _goes_on(self) -> bool:
        return not self._stops and self._failure is None and not self._finished()

    def _finished(self) -> bool:
        """Whether nobody is left: nobody waits, nobody is with a lane, nobody is due in time."""
        return self._exhausted and self.desk.idle

    def _tend(self) -> None:
        """Claim, fold, and see what the run waits for."""
        now = self.clock()
        if self.ledger.failure is not None:
            raise self.ledger.failure
        if self.desk.waiting <= self.desk.low_water:
            self._refill(now)
        self._note_timing()
        if now - self._folded_at >= FOLD_AFTER:
            self.ledger.flush()
            self._folded_at = now
        with self._seen:
            self._ramp.grow(now)
            self.desk.lanes_allowed = self._ramp.allowed
        waited_for = self._waits_for
        self._look_ahead(now)
        if self._waits_for and self._waits_for != waited_for:
            self._tell(event("waits", now, what=self._waits_for))

    def _note_timing(self) -> None:
        """Let the ledger know how long it has taken: `status` tells it."""
        if self._last_outcome != self._noted:
            self._noted = self._last_outcome
            self.ledger.note_run(self._seconds(), self._options.check_seconds)

    def _seconds(self) -> float:
        """From the first connection to the last outcome so far."""
        return max(self._last_outcome - self._started, 0.0) if self._last_outcome else 0.0

    def _refill(self, now: float) -> None:
        wanted = self._batch - self.desk.waiting
        if self._claims_left is not None:
            wanted = min(wanted, self._claims_left)
        people = (
            self.ledger.claim("run", wanted, now) if wanted > 0 and self._somebody_due(now) else []
        )
        if wanted > 0:
            self._all_claimed = len(people) < wanted
        if people:
            self._folded_at = now
            self.desk.put(people)
            if self._claims_left is not None:
                self._claims_left -= len(people)
        self._exhausted = not people and not self._worth_waiting(wanted)
        self.desk.low_water = self._batch // 2 if people else 0

    def _somebody_due(self, now: float) -> bool:
        """Whether a claim may find somebody."""
        due = self.ledger.next_retry()
        return not self._all_claimed or (due is not None and due <= now)

    def _worth_waiting(self, wanted: int) -> bool:
        """Whether somebody is being sent to, or is deferred and comes due before patience ends."""
        if wanted <= 0:
            return False
        if not self.desk.idle:
            return True
        due = self.ledger.next_retry()
        return due is not None and due <= max(self._last_outcome, self._began) + self._wait

    def _look_ahead(self, now: float) -> None:
        """Say what the run waits for; stop where that takes longer than the person wants."""
        self._waits_for = ""
        ready = self._pacer.ready_at(now) if self.desk.waiting else now
        if self.desk.waiting and ready > now + SHOWN_WAIT:
            self._waits_for = f"the next turn at {_time_of_day(ready)}"
            spent = self._pacer.spent_until(now)
            if spent > now + self._wait:
                raise RunStopped(
                    "the account's limit for today is used up",
                    hint=f"send again after {_time_of_day(spent)}: it goes on where it stopped",
                    code="quota",
                )
        elif self.desk.idle and (due := self.ledger.next_retry()) is not None:
            self._waits_for = f"deferred people, due at {_time_of_day(due)}"

    def _end(self, lanes: list[Worker]) -> None:
        """Let the lanes finish what is in flight and say QUIT; then put everything down."""
        self.desk.close()
        for lane in lanes:
            while lane.is_alive():
                lane.join(TICK)
                if self.ledger.failure is None:
                    self._guarded(self.ledger.flush)
        if self.ledger.failure is None:
            self._note_timing()
            self._guarded(lambda: self.ledger.release([one.id for one in self.desk.clear()]))
            self._guarded(self.ledger.flush)
        self._guarded(self._pacer.close)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except MailmergeError as error:
            self.fail(error)

    # --- what lanes call

    def connect(self, lane: Worker) -> Client | None:
        """An open connection; None where the run is ending, or this lane is one too many.

        Raises:
            ServerError: the server cannot be reached, or does not want us.
        """
        failures = 0
        while not self.desk.closed:
            client = Client(
                self._server,
                self._credentials,
                window=self._window,
                on_terminator=lane.mark_sending,
                connect=self._connect,
            )
            try:
                self._open(client)
            except ServerError as error:
                failures += 1
                pause = self._pause_after(error, failures, lane, client)
            else:
                return client
            if pause is None:
                return None
            self._sleep(pause)
        return None

    def _open(self, client: Client) -> None:
        """One connection after the other, so that a refused log-in is tried only once."""
        with self._opening:
            if self._failure is not None:
                raise self._failure
            self._started = self._started or self.clock()
            try:
                client.open()
            except SmtpError as error:
                raise as_user_error(error, host=self._server.host) from error
            self._connected = True

    def _pause_after(
        self, error: ServerError, failures: int, lane: Worker, client: Client
    ) -> float | None:
        """How long to wait before the next attempt; None where this lane had better retire."""
        if isinstance(error, AuthenticationRefused | LocalProtocolError):
            raise error
        reply = client.last_reply
        if reply is not None and self.rules(reply.code, reply.text) == "stop":
            raise error
        lasting = isinstance(error, ServerUnreachable) or error.problem.code in LASTING
        if lasting and not self._connected:
            raise error
        if self._connected and lane.number > 0 and isinstance(error, ServerRefused):
            with self._seen:
                self._ramp.settle_for(lane.number)
            return None
        pause = reconnect_pause(failures)
        if pause is None:
            raise RunStopped(
                f"the server does not take connections any more: {error}",
                hint="send again later: it goes on where it stopped",
                code="server-gone",
            ) from error
        self._waits_for = f"a connection: {error}"
        self._tell(event("waits", self.clock(), what=self._waits_for))
        return pause

    def _sleep(self, seconds: float) -> None:
        until = self.clock() + seconds
        while not self.desk.closed and (left := until - self.clock()) > 0:
            self.desk.wait(min(left, TICK))

    def note(
        self, outcome: Outcome, decision: Decision, person: Delivery, mark: Transition | None
    ) -> None:
        """Something has happened to a person, and is recorded by `mark`."""
        now = self.clock()
        with self._seen:
            self._last_outcome = now
            if mark is not None:
                self._done += 1
                self._sent += mark.state is State.SENT
                self._failed += mark.state is State.REJECTED or mark.state is State.IN_DOUBT
            refused = self._refusals.note(outcome, decision)
            tired = self._cool_downs.note(decision, now)
        if mark is not None and self._events is not None:
            self._tell(outcome_event(person, mark))
        self._slow_down(decision, now)
        if reason := decision.stop or refused or tired:
            self.fail(_stopped(reason))

    def _slow_down(self, decision: Decision, now: float) -> None:
        if decision.slow:
            self._pacer.slow(now, self._sent / max(now - self._started, 1.0))
        if decision.cool_down:
            self._pacer.hold(now + decision.cool_down)
            with self._seen:
                self._ramp.cool_down(now, decision.cool_down)
                self.desk.lanes_allowed = 1
        if decision.slow or decision.cool_down:
            self._tell(slowed_event(decision, now, per_second=self._pacer.brake.per_second))

    def opened(self, lane: Worker) -> None:
        """A lane has a connection."""
        self._tell(event("opened", self.clock(), lane=lane.number, server=str(self._server)))

    def closed(self, lane: Worker, carried: int, reason: str) -> None:
        """A lane's connection has ended; `reason` is empty where we ended it."""
        self._tell(event("closed", self.clock(), lane=lane.number, messages=carried, reason=reason))

    def _tell(self, one: Event) -> None:
        """Write an event down, where somebody wants them; a log that cannot be written ends it."""
        if self._events is None:
            return
        try:
            self._events(one)
        except OSError as error:
            self._events = None
            self.fail(
                RunStopped(
                    f"the log of events cannot be written: {error.strerror}",
                    hint="make room on the disk, or send without --log-json",
                    code="no-log",
                )
            )

    def keep_copy(self, transaction: Transaction) -> None:
        """Keep a copy of what was sent, where the campaign asks for it.

        Raises:
            RunStopped: it cannot be written. The message is sent, and recorded as sent.
        """
        if self._copies is None:
            return
        try:
            octets = b"".join(transaction.content)
            self._copies.keep(
                octets, at=self.clock(), reverse_path=transaction.envelope.reverse_path
            )
        except OSError as error:
            raise RunStopped(
                f"a copy of a sent message cannot be kept: {error.strerror}",
                hint="make room on the disk, or remove keep_copy from campaign.toml",
                code="no-copy",
            ) from error

    def fail(self, error: MailmergeError) -> None:
        """The run cannot go on; the first reason is the one that is told."""
        with self._seen:
            self._failure = self._failure or error
        self.desk.close()

    # --- what is shown

    def _progress(self) -> Progress:
        seconds = max(self.clock() - self._started, 0.0) if self._started else 0.0
        return Progress(
            states=self.ledger.counts(),
            to_send=self._to_send,
            done=self._done,
            sent=self._sent,
            failed=self._failed,
            seconds=seconds,
            per_second=self._done / seconds if seconds else 0.0,
            waits_for=self._waits_for,
        )

    def _summary(self) -> Summary:
        states = self.ledger.counts()
        return Summary(
            campaign=self._campaign.name,
            states=states,
            sent=self._sent,
            seconds=self._seconds(),
            check_seconds=self._options.check_seconds,
            error=self._failure or ending(states, stopped=bool(self._stops)),
        )


def _stopped(reason: str) -> RunStopped:
    return RunStopped(
        reason, hint="nobody is lost; mend the cause and send again", code="server-refuses"
    )


def _time_of_day(at: float) -> str:
    moment = datetime.fromtimestamp(at).astimezone()
    near = at - time.time() < HALF_A_DAY
    return f"{moment:%H:%M:%S}" if near else f"{moment:%Y-%m-%d %H:%M}"


def wall_clock() -> Callable[[], float]:
    """Seconds since 1970 that never run backwards and go on while the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    offset = time.time() - time.clock_gettime(clock)
    return lambda: offset + time.clock_gettime(clock)
