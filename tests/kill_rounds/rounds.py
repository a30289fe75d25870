"""Plays a round: the server in this process, each run in another one, the judge between them."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import Delivery
from mailmerge.settings import load_settings
from tests.kill_rounds.judge import UNSETTLED, Judge, addresses
from tests.kill_rounds.run import UNEXPECTED, Order, perform
from tests.kill_rounds.scenario import Edit, End, RunPlan, Scenario, last_run, scenario
from tests.scripted_server import ScriptedServer

HOUR = 3600.0
"""How far the clock goes ahead between two runs, so that deferred recipients are due."""
PATIENCE = 120.0
"""Seconds after which a run that does not end is a finding."""
MOST_RUNS = 12
"""Runs without a kill in which everything must be settled."""

_CAMPAIGN = """\
[campaign]
name = "killed"
[recipients]
file = "recipients.csv"
[message]
from = "Example News <news@example.org>"
subject = "For {{ name }}"
text = "body.txt"
[smtp]
host = "127.0.0.1"
security = "none"
"""

_COPIES = 'cc = "copy-{{ email }}; no-copy-{{ email }}"\n'


@dataclass(slots=True)
class Result:
    """What a round has shown.

    `early` is the number of kills before the first message of their run: while it checks, enrols or
    recovers. `seconds` is the duration of the round.
    """

    scenario: Scenario
    kills: int = 0
    sigkills: int = 0
    early: int = 0
    edits: int = 0
    looks: int = 0
    taken: int = 0
    doubts: int = 0
    most_doubts: float = 0.0
    twice: int = 0
    seconds: float = 0.0
    breaches: list[str] = field(default_factory=list)


def play(seed: int) -> Result:
    """Play the round of a seed."""
    began = time.monotonic()
    planned = scenario(seed)
    with tempfile.TemporaryDirectory(prefix="kill-round-") as folder:
        os.environ["MAILMERGE_STATE_HOME"] = str(Path(folder) / "state-home")
        with ScriptedServer(planned.script) as server:
            stage = _Stage(planned, Path(folder) / "campaign", server)
            stage.play()
    stage.result.seconds = time.monotonic() - began
    return stage.result


class _Stage:
    """A round that is being played."""

    def __init__(self, planned: Scenario, folder: Path, server: ScriptedServer) -> None:
        self._scenario = planned
        more = _COPIES if planned.copies else ""
        self._sheet = _Sheet(folder, planned.recipients, more, grouped=planned.grouped)
        self._server = server
        self._judge = Judge()
        self._later = 0.0
        self.result = Result(planned, breaches=self._judge.breaches)

    def play(self) -> None:
        """Do all runs, and the judge's comparisons between them."""
        for plan in self._scenario.runs:
            self._run(plan)
        for number in range(MOST_RUNS):
            self._run(last_run(number))
            if number and not self._remaining():
                break
        deliveries = self._deliveries()
        self._judge.finish(deliveries, self._sheet.addresses)
        if self._scenario.copies and self._scenario.mode.protocol == "smtp":
            self._judge.copies(deliveries, self._server.taken)
        self._judge.breaches += [f"I8: {one.kind}: {one.detail}" for one in self._server.violations]
        taken = addresses(self._server.taken)
        self.result.taken = len(taken)
        self.result.twice = sum(count > 1 for count in taken.values())

    # --- one run

    def _run(self, plan: RunPlan) -> None:
        self._sheet.edit(plan.edit)
        self.result.edits += plan.edit is not Edit.NONE
        self._judge.begin(resend=plan.resend)
        remaining, taken = self._remaining(), len(self._server.taken)
        unended = self._unended()
        process = self._start(plan)
        ended_early = self._wait_for_moment(process, plan, taken, remaining)
        if not ended_early and plan.end is not End.BY_ITSELF:
            self._end(process, plan)
        self._join(process)
        self._wait_for_server()
        self.result.early += plan.end.kills and len(self._server.taken) == taken
        self._compare(plan, self._unended() - unended)

    def _start(self, plan: RunPlan) -> ForkServerProcess:
        order = Order(self._sheet.folder, self._server.port, self._scenario, plan, self._later)
        self._later += HOUR
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.kill_rounds.run"])
        process = context.Process(target=perform, args=(order,), daemon=True)
        process.start()
        return process

    def _wait_for_moment(
        self, process: ForkServerProcess, plan: RunPlan, taken: int, remaining: int
    ) -> bool:
        """Wait until the process is to end. Returns whether it has ended before that."""
        if plan.end is End.BY_ITSELF:
            return False
        if not plan.end.waits_for_messages:
            process.join(plan.after)
            return not process.is_alive()
        for target in _targets(taken, max(1, int(remaining * plan.after)), plan.looks):
            while len(self._server.taken) < target:
                process.join(0.002)
                if not process.is_alive():
                    return True
            self._look()
        return False

    def _end(self, process: ForkServerProcess, plan: RunPlan) -> None:
        self.result.kills += 1
        if plan.end.kills:
            self.result.sigkills += 1
            _signal(process, signal.SIGKILL)
        elif plan.end is End.SIGTERM_LATER:
            _signal(process, signal.SIGTERM)
        else:
            _signal(process, signal.SIGINT)
            process.join(plan.pause)
            _signal(process, signal.SIGINT)

    def _join(self, process: ForkServerProcess) -> None:
        process.join(PATIENCE)
        if process.is_alive():
            self._judge.breaches.append("a run does not end")
            process.kill()
            process.join()
        if process.exitcode == UNEXPECTED:
            text = (self._sheet.folder / "errors.txt").read_text()
            self._judge.breaches.append(f"unexpected: {text.strip().splitlines()[-1]}")
        process.close()

    def _wait_for_server(self) -> None:
        """Wait until the server has judged everything that a killed client has sent."""
        self._server.wait_for_end(self._server.connections)

    # --- the judge

    def _unended(self) -> int:
        """The number of connections that ended without QUIT."""
        return sum(not one.quit for one in self._server.counts)

    def _look(self) -> None:
        before = self._server.taken
        deliveries = self._deliveries()
        self._judge.look(before, deliveries, self._server.taken)
        self.result.looks += 1

    def _compare(self, plan: RunPlan, unended: int) -> None:
        planned = self._scenario
        # Connections that the server has dropped have no QUIT, nor have those of a killed process.
        most = planned.mode.window * max(unended, 0)
        if not planned.drops:
            most = min(most, planned.bound)
        new = self._judge.after(self._deliveries(), self._server.taken, most)
        self.result.doubts += new
        if plan.end is End.BY_ITSELF:
            return
        self.result.most_doubts = max(self.result.most_doubts, new / planned.bound)

    def _deliveries(self) -> dict[str, Delivery]:
        reader = Ledger.read(load_settings(self._sheet.folder))
        return {one.address: one for one in reader.iterate()} if reader else {}

    def _remaining(self) -> int:
        deliveries = self._deliveries()
        if not deliveries:
            return len(self._sheet.addresses)
        return sum(one.state in UNSETTLED for one in deliveries.values())


def _signal(process: ForkServerProcess, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended by itself."""
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


def _targets(taken: int, more: int, looks: int) -> Iterator[int]:
    """The numbers of taken messages at which to look; after the last one the end comes."""
    for number in range(1, looks + 1):
        yield taken + more * number // (looks + 1)
    yield taken + more


class _Sheet:
    """The campaign folder of a round, and its edits."""

    def __init__(
        self, folder: Path, recipients: int, more: str = "", *, grouped: bool = False
    ) -> None:
        self.folder = folder
        self._grouped = grouped
        self._version = 0
        self._rows = {_address(number): f"Name {number}" for number in range(recipients)}
        folder.mkdir()
        text = _CAMPAIGN.replace("[smtp]", f"{more}[smtp]")
        if grouped:
            text = text.replace("[message]", 'group_by = "email"\n[message]')
        (folder / "campaign.toml").write_text(text)
        (folder / "body.txt").write_text(
            f"Dear {{{{ name }}}},\nthis is for {{{{ email }}}}.\n{self._list}"
        )
        self._write()

    @property
    def _list(self) -> str:
        """The part of the template that shows the rows of a group."""
        return "{% for row in rows %}{{ row.part }} {% endfor %}\n" if self._grouped else ""

    @property
    def addresses(self) -> set[str]:
        """The recipients of the spreadsheet as it is now."""
        return set(self._rows)

    def edit(self, edit: Edit) -> None:
        """Change the spreadsheet or the template."""
        self._version += 1
        match edit:
            case Edit.MORE_ROWS:
                more = [_address(self._version * 10_000 + number) for number in range(20)]
                self._rows |= dict.fromkeys(more, "New")
            case Edit.FEWER_ROWS:
                for address in list(self._rows)[-10:]:
                    del self._rows[address]
            case Edit.OTHER_CELLS:
                changed = list(self._rows)[:: 1 + self._version * 7]
                self._rows |= dict.fromkeys(changed, f"Version {self._version}")
            case Edit.OTHER_TEMPLATE:
                text = f"Dear {{{{ name }}}},\nversion {self._version} for {{{{ email }}}}.\n"
                text += self._list
                (self.folder / "body.txt").write_text(text)
            case Edit.NONE:
                return
        self._write()

    def _write(self) -> None:
        rows = [(address, name, 0) for address, name in self._rows.items()]
        if self._grouped:  # one to three rows for each recipient, far apart
            rows += [(address, name, part) for part in (1, 2) for address, name, _ in rows[::part]]
        lines = ["email,name,part", *(f"{address},{name},{part}" for address, name, part in rows)]
        (self.folder / "recipients.csv").write_text("\n".join(lines) + "\n")


def _address(number: int) -> str:
    kind = {3: "refused", 7: "later", 11: "content"}.get(number % 40, "guest")
    return f"{kind}{number}@example.org"
