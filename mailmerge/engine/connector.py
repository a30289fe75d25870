"""Opens the connections of a run: one attempt at a time, with pauses after failures.

All workers share one connector, and it makes one attempt after another. It decides what follows
from a failure (`retry.decide_connection`) before the next attempt begins. So a refused log-in is
tried once and not once for each worker, which could lock the account.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mailmerge.engine.events import Waiting
from mailmerge.engine.queue import Queue
from mailmerge.engine.retry import GiveUp, Reconnect, ReplyRules, Retire, decide_connection
from mailmerge.engine.throttle import Throttle
from mailmerge.engine.worker import OnTerminator
from mailmerge.errors import ServerError
from mailmerge.portable.clock import Clock
from mailmerge.providers.hints import as_user_error
from mailmerge.smtp import Client
from mailmerge.smtp.errors import SmtpError

_WAKE_UP: Final = 0.1
"""Seconds between two checks, during a pause, of whether the run is stopping."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """A worker begins an attempt to connect."""

    at: float
    connection: int


class Connector:
    """Opens a connection for a worker. Safe from any thread.

    `client` makes a client that is not open yet. `host` is the server's name, which selects the
    explanations of its replies. `report` is called with each attempt and each pause.
    """

    def __init__(
        self,
        client: Callable[[OnTerminator], Client],
        queue: Queue,
        throttle: Throttle,
        *,
        clock: Clock,
        rules: ReplyRules,
        host: str = "",
        report: Callable[[Connecting | Waiting], None],
    ) -> None:
        self._client = client
        self._queue = queue
        self._throttle = throttle
        self._clock = clock
        self._rules = rules
        self._report = report
        self._host = host
        self._one_at_a_time = threading.Lock()
        self._connected = False
        self._given_up = False

    def connect(self, worker: int, on_terminator: OnTerminator) -> Client | None:
        """Return an open client; None if the run is ending, or the server refuses more connections.

        Raises:
            MailmergeError: the server cannot be reached, or refuses for good. Only one of the
                workers gets the error.
        """
        failures = 0
        while True:
            client = self._client(on_terminator)
            with self._one_at_a_time:
                if self._queue.closed or self._given_up:
                    return None
                error = self._open(client, worker)
                if error is None:
                    return client
                failures += 1
                step = decide_connection(
                    error,
                    reply=client.last_reply,
                    failures=failures,
                    connected=self._connected,
                    worker=worker,
                    rules=self._rules,
                )
                self._given_up = isinstance(step, GiveUp)
            if not self._goes_on(step, error, worker):
                return None

    def _open(self, client: Client, worker: int) -> ServerError | None:
        """Try to open the client. Returns the error if it failed."""
        self._report(Connecting(self._clock(), worker))
        try:
            client.open()
        except SmtpError as error:
            return as_user_error(error, host=self._host)
        self._connected = True
        return None

    def _goes_on(self, step: Reconnect | Retire | GiveUp, error: ServerError, worker: int) -> bool:
        """Carry out a decision. Returns whether to try again."""
        match step:
            case GiveUp():
                raise step.error
            case Retire():
                self._throttle.cap(worker)
                return False
            case Reconnect():
                self._report(Waiting(self._clock(), f"a connection: {error}"))
                self._sleep(step.pause)
                return True

    def _sleep(self, seconds: float) -> None:
        until = self._clock() + seconds
        while not self._queue.closed and (left := until - self._clock()) > 0:
            self._queue.wait(min(left, _WAKE_UP))
