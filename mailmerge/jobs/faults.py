"""A sandbox run with faults: several runs of one job, and a comparison of their results.

    run -> close the ledger, as after a crash -> skip the pauses -> run again -> ... -> reconcile

The server defers, refuses and drops at random. A run ends when nothing can be sent for now. The
next run opens the ledger again, as after the end of the process. In the end, each message that the
server accepted is compared with the state of its recipient in the ledger.

The clock is a thousand times as fast as a real one. The pauses between two runs are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from mailmerge.engine.limits import resolve_limits
from mailmerge.engine.plan import least_seconds
from mailmerge.engine.summary import Progress, Summary, by_name, ending
from mailmerge.errors import Interrupted, MailmergeError, RunStopped
from mailmerge.jobs.job import Job
from mailmerge.jobs.targets import Endpoint, SandboxServer
from mailmerge.language import tr
from mailmerge.ledger.states import LONGEST_RETRY, State
from mailmerge.reports.reconcile import Reconciliation, reconcile
from mailmerge.sandbox import AcceleratedClock, Sandbox
from mailmerge.wording import counted

_ON_PURPOSE: Final = {State.REJECTED: 0, State.IN_DOUBT: 0}
"""The states in which the faults leave recipients; they are no error."""

MAX_ROUNDS: Final = 20
"""The maximum number of runs; if recipients remain after them, the job is unfinished."""


class FaultRun:
    """All runs of a job whose target is a sandbox with faults.

    Attributes:
        rounds: the number of runs so far.
        reconciliation: the result of the comparison; None before the end.
    """

    def __init__(
        self,
        job: Job,
        target: SandboxServer,
        *,
        clock: AcceleratedClock | None = None,
        max_rounds: int = MAX_ROUNDS,
    ) -> None:
        self.rounds = 0
        self.reconciliation: Reconciliation | None = None
        self._job = job
        self._target = target
        self._clock = clock or AcceleratedClock()
        self._max_rounds = max_rounds
        self._stopped = False

    def prepare(self) -> None:
        """Do nothing: the sandbox has no log-in to ask for."""

    def run_all(self, progress: Callable[[Progress], None] = lambda _: None) -> Summary:
        """Run until no recipient remains, then reconcile the ledger with the server.

        The summary has the real seconds and the messages of all runs. Rejected recipients are not
        an error, because the server refuses some on purpose.

        Raises:
            MailmergeError: as `Job.prepare`.
        """
        enrolled = self._job.enrolled
        with self._target.start() as sandbox:
            summary = self._round(sandbox, progress)
            while self._goes_on(summary):
                self._job.ledger.reopen()
                self._clock.skip(LONGEST_RETRY)
                summary = self._round(sandbox, progress)
        store = self._job.ledger.store()
        found = reconcile(store.iterate(), sandbox.message_ids, enrolled=enrolled)
        self.reconciliation = found
        seconds = self._clock.real_seconds
        store.note_run(seconds, summary.check_seconds)
        sent = summary.states[State.SENT]
        return replace(summary, sent=sent, seconds=seconds, error=self._verdict(summary, found))

    def stop(self) -> None:
        """End the present run, as `Job.stop` does, and start no other."""
        self._stopped = True
        self._job.stop()

    @property
    def giving_up(self) -> bool:
        """Whether the messages in flight are being abandoned."""
        return self._job.giving_up

    def real_seconds(self) -> float:
        """Return the seconds of a real run at the rates of its account; 0 without rates."""
        options = self._job.options
        limits = resolve_limits(
            self._job.campaign.settings.delivery,
            self._target.real_account,
            rates=options.rates,
            limit=options.limit,
        )
        enrolled = self._job.enrolled
        most = enrolled if limits.limit is None else min(enrolled, limits.limit)
        return least_seconds(limits.rates, most)

    def document(self, summary: Summary) -> dict[str, Any]:
        """Return the document of `send --json`."""
        document = self._job.document(summary)
        document |= {"seed": self._target.seed, "rounds": self.rounds}
        if self.reconciliation is not None:
            document["reconciliation"] = self.reconciliation.to_json()
        return document | {"real_seconds": round(self.real_seconds(), 3)}

    def _round(self, sandbox: Sandbox, progress: Callable[[Progress], None]) -> Summary:
        self.rounds += 1
        return self._job.run_over(
            Endpoint(sandbox.server), lambda one: progress(_overall(one)), self._clock
        )

    def _goes_on(self, summary: Summary) -> bool:
        """Whether another run may try recipients that remain."""
        stopped = self._stopped or isinstance(summary.error, Interrupted)
        limited = self._job.options.limit is not None
        return _left(summary) > 0 and not (stopped or limited) and self.rounds < self._max_rounds

    def _verdict(self, summary: Summary, found: Reconciliation) -> MailmergeError | None:
        """Return the error of all runs together, or None."""
        if isinstance(summary.error, Interrupted):
            return summary.error
        if found.wrong:
            wrong = counted(found.wrong, "recipient")
            return MailmergeError(
                tr(
                    "internal error: the ledger and the sandbox disagree about {wrong}", wrong=wrong
                ),
                hint=tr("please report it, with --seed {seed}", seed=self._target.seed),
                code="reconciliation",
            )
        if summary.unmade and not isinstance(summary.error, RunStopped):
            return ending({**summary.states, **by_name(_ON_PURPOSE)}, unmade=summary.unmade)
        if self._stopped and _left(summary):
            return ending(summary.states, stopped=True)
        if _left(summary) and self._job.options.limit is None:
            return summary.error or RunStopped(
                tr(
                    "after {rounds} rounds {recipients} remaining",
                    rounds=self.rounds,
                    recipients=counted(_left(summary), "recipient"),
                ),
                hint=tr("run it again"),
                code="sandbox-unfinished",
            )
        return None


def _left(summary: Summary) -> int:
    return summary.states[State.PENDING] + summary.states[State.DEFERRED]


def _overall(progress: Progress) -> Progress:
    """Return the progress of all runs together, which counts each recipient once."""
    left = progress.states[State.PENDING] + progress.states[State.DEFERRED]
    return replace(
        progress,
        done=sum(progress.states.values()) - left,
        sent=progress.states[State.SENT],
        failed=progress.states[State.REJECTED] + progress.states[State.IN_DOUBT],
    )
