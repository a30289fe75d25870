"""The promise of docs/delivery.md (invariants I1 to I9), checked by the server's own log."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from mailmerge.engine.plan import CLAIM_AT_ONCE
from mailmerge.errors import LedgerHeld
from mailmerge.ledger.journal_file import HEADER_BYTES
from mailmerge.ledger.states import State
from mailmerge.settings import Settings
from tests.engine.conftest import StartJob
from tests.engine.driver import Comparison, Job, compare, make_campaign, send
from tests.forked import KILLED
from tests.ledgers import DURABLE, JOURNALED
from tests.scripted_server import (
    Accept,
    Close,
    Rule,
    Script,
    ServerProcess,
    Stage,
    When,
    server_process,
)
from tests.scripted_server import (
    Settings as ServerSettings,
)

HOUR = 3600.0
FAST = ServerSettings(fsync=False, keep=False)
JOB = Job(Path(), 0, recipients=4)

every_store = pytest.mark.parametrize("store", DURABLE)


def run_until_done(start_job: StartJob, job: Job) -> None:
    process = start_job(job)
    process.join(60)
    assert process.exitcode == 0


def check(campaign: Settings, server: ServerProcess, recipients: int) -> Comparison:
    found = compare(campaign, server)
    found.check(recipients)
    found.check_once()
    assert not server.violations, "I8"
    return found


@every_store
def test_a_second_run_sends_nothing_again(
    campaign: Settings, start_job: StartJob, tmp_path: Path, store: str
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        job = Job(campaign.folder, server.port, recipients=50, connections=2, store=store)
        run_until_done(start_job, job)
        assert len(check(campaign, server, 50).in_state(State.SENT)) == 50
        run_until_done(start_job, job)
        assert len(server.messages) == 50, "I9"


def crash_and_resume(
    start_job: StartJob, server: ServerProcess, folder: Path, job: Job
) -> tuple[bool, Comparison]:
    """Run a job that may crash, then resume twice; return whether it crashed, and the result."""
    campaign = make_campaign(folder)
    server.wait_until_idle()
    before = len(server.messages)
    process = start_job(replace(job, folder=folder))
    process.join(60)
    assert process.exitcode in (0, 9, KILLED)
    crashed = process.exitcode != 0
    found = compare(campaign, server, since=before)
    if found.deliveries:
        found.check(job.recipients)
    in_doubt = found.in_state(State.IN_DOUBT)
    assert len(in_doubt) <= job.connections * job.window, "I5"
    resume = replace(job, folder=folder, crash_at=0, later=HOUR)
    for _ in range(2):
        run_until_done(start_job, resume)
        found = compare(campaign, server, since=before)
        found.check(job.recipients)
        found.check_once()
        assert found.in_state(State.IN_DOUBT) == in_doubt
        assert found.in_state(State.SENT, State.IN_DOUBT) == set(found.deliveries), "I3"
    return crashed, found


def crash_at_every(
    step: int, start_job: StartJob, server: ServerProcess, tmp_path: Path, job: Job
) -> int:
    """Crash at every `step`-th boundary until a run completes. Returns how many runs crashed."""
    crashes = 0
    while True:
        folder = tmp_path / f"round-{crashes}"
        planned = replace(job, crash_at=1 + crashes * step)
        crashed, _ = crash_and_resume(start_job, server, folder, planned)
        if not crashed:
            return crashes
        crashes += 1


@every_store
def test_some_crash_points_lose_and_repeat_nothing(
    start_job: StartJob, tmp_path: Path, store: str
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        job = replace(JOB, port=server.port, store=store)
        assert crash_at_every(9, start_job, server, tmp_path, job) >= 5


@pytest.mark.long
@every_store
@pytest.mark.parametrize("window", [1, 4])
def test_every_crash_point_loses_and_repeats_nothing(
    start_job: StartJob, tmp_path: Path, window: int, store: str
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        job = replace(JOB, port=server.port, recipients=6, window=window, store=store)
        assert crash_at_every(1, start_job, server, tmp_path, job) >= 60


def end(process: BaseProcess, job: Job, chance: random.Random) -> None:
    """Kill a run, or interrupt it twice as a user does who presses Ctrl-C again."""
    if not job.stops_at_interrupts or chance.random() < 0.3:
        process.kill()
        return
    assert process.pid is not None
    for _ in range(2):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGINT)
        time.sleep(chance.choice([0.0, 0.02, 0.2]))


def kill_at_random(
    rounds: int, start_job: StartJob, server: ServerProcess, tmp_path: Path, job: Job
) -> None:
    """Kill the run again and again at random times, until every recipient is settled."""
    chance = random.Random(20261123)
    campaign = make_campaign(tmp_path / "killed")
    killed = settled = earlier = 0
    before = set[str]()
    while killed < rounds:
        process = start_job(replace(job, folder=campaign.folder, later=HOUR * killed))
        process.join(chance.uniform(0.05, 0.6))
        if process.is_alive():
            end(process, job, chance)
            killed += 1
        process.join()
        found = compare(campaign, server, since=earlier)
        if found.deliveries:
            found.check(job.recipients)
        found.check_once()
        in_doubt = found.in_state(State.IN_DOUBT)
        assert before <= in_doubt
        assert len(in_doubt - before) <= job.connections * job.window, "I5, for each end"
        before = in_doubt
        if found.deliveries and not found.in_state(State.PENDING, State.DEFERRED):
            settled += 1
            campaign = make_campaign(tmp_path / f"killed-{settled}")
            before = set()
            server.wait_until_idle()
            earlier = len(server.messages)
    assert not server.violations, "I8"


@every_store
def test_kill_9_at_random_times_loses_and_repeats_nothing(
    start_job: StartJob, tmp_path: Path, store: str
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        job = replace(JOB, port=server.port, recipients=400, store=store)
        kill_at_random(8, start_job, server, tmp_path, job)


@pytest.mark.parametrize(
    ("connections", "window"), [pytest.param(3, 1, marks=pytest.mark.long), (2, 8)]
)
def test_pairs_of_interrupts_lose_nothing_and_bound_the_doubt(
    start_job: StartJob, tmp_path: Path, connections: int, window: int
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        job = replace(
            JOB,
            port=server.port,
            recipients=1000,
            connections=connections,
            window=window,
            stops_at_interrupts=True,
            commit_seconds=0.1,
        )
        kill_at_random(8, start_job, server, tmp_path, job)


@pytest.mark.long
@pytest.mark.parametrize(
    ("connections", "window", "store"),
    [(1, 1, JOURNALED), (3, 1, JOURNALED), (2, 8, JOURNALED), (2, 8, DURABLE[1])],
)
def test_200_times_kill_9_loses_and_repeats_nothing(
    start_job: StartJob, tmp_path: Path, connections: int, window: int, store: str
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        job = replace(
            JOB,
            port=server.port,
            recipients=1000,
            connections=connections,
            window=window,
            store=store,
        )
        kill_at_random(70, start_job, server, tmp_path, job)


TAKEN_IN_SILENCE = Rule(When(Stage.END_OF_DATA, transaction=2), (Accept(), Close()))


@every_store
def test_doubts_are_resent_only_on_request_with_equal_bytes(
    campaign: Settings, start_job: StartJob, tmp_path: Path, store: str
) -> None:
    once = replace(TAKEN_IN_SILENCE, when=replace(TAKEN_IN_SILENCE.when, times=1))
    with server_process(Script(FAST, (once,)), tmp_path) as server:
        job = replace(JOB, folder=campaign.folder, port=server.port, store=store)
        run_until_done(start_job, job)
        [doubtful] = check(campaign, server, 4).in_state(State.IN_DOUBT)
        run_until_done(start_job, replace(job, in_doubt="hold"))
        assert len(server.messages) == 4
        run_until_done(start_job, replace(job, in_doubt="resend", later=HOUR))
        found = compare(campaign, server)
        found.check(4)
        assert found.in_state(State.SENT) == set(found.deliveries)
        first, second = [one for one in server.messages if doubtful in one.forward_paths]
        assert first.sha256 == second.sha256
        assert first.message_id == second.message_id != ""


def freeze(process: BaseProcess) -> None:
    """Stop a process, and wait until it has stopped, since the signal returns earlier."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    until = time.monotonic() + 10
    while state_of(process.pid) != "T":
        assert time.monotonic() < until, "the process does not stop"
        time.sleep(0.005)


def state_of(pid: int) -> str:
    """The state of a process; every thread of a process that has stopped stands still."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def freeze_in_mid_run(
    campaign: Settings, start_job: StartJob, server: ServerProcess
) -> BaseProcess:
    """Start a run and freeze it while it sends."""
    process = start_job(Job(campaign.folder, server.port, recipients=300))
    while not server.messages:
        time.sleep(0.01)
    freeze(process)
    return process


def thaw(process: BaseProcess) -> None:
    """Let a frozen process continue, and wait for its end."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGCONT)
    process.join(60)
    assert process.exitcode == 0


def test_a_frozen_run_resumes_where_it_stopped(
    campaign: Settings, start_job: StartJob, tmp_path: Path
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        process = freeze_in_mid_run(campaign, start_job, server)
        compare(campaign, server).check(300)
        thaw(process)
        assert len(check(campaign, server, 300).in_state(State.SENT)) == 300


def test_a_second_process_sends_nothing_and_names_the_first(
    campaign: Settings, start_job: StartJob, tmp_path: Path
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        process = freeze_in_mid_run(campaign, start_job, server)
        with pytest.raises(LedgerHeld, match=f"process {process.pid} on "):
            send(Job(campaign.folder, server.port))
        thaw(process)
        assert len(check(campaign, server, 300).in_state(State.SENT)) == 300


def test_a_full_disk_stops_the_run_and_loses_nothing(
    campaign: Settings, start_job: StartJob, tmp_path: Path
) -> None:
    run_until_full = Job(campaign.folder, 0, recipients=3000, limit_file_size=2 << 20)
    with server_process(Script(FAST), tmp_path) as server:
        job = replace(run_until_full, port=server.port)
        process = start_job(job)
        process.join(60)
        first = check(campaign, server, 3000)
        assert not first.in_state(State.IN_DOUBT)
        run_until_done(start_job, replace(job, limit_file_size=0))
        assert len(check(campaign, server, 3000).in_state(State.SENT)) == 3000


@every_store
@pytest.mark.parametrize("mutation", ["sending-after-the-terminator", "sent-before-the-reply"])
def test_a_wrong_order_of_writes_is_found(
    start_job: StartJob, tmp_path: Path, mutation: str, store: str
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        job = replace(
            JOB, port=server.port, recipients=2, crash_near="send", mutation=mutation, store=store
        )
        # A slow server may write after the comparison: then the resume shows it (I4).
        with pytest.raises(AssertionError, match=r"I[1-4]\b"):
            crash_at_every(1, start_job, server, tmp_path, job)


OTHER_BOOT = "another start of the machine"


def cut_the_power(campaign: Settings, *, lines_left: bool) -> None:
    """Remove the end of the journal, which was not synced, or all of its lines."""
    for journal in campaign.state_folder.glob("*.journal"):
        content = journal.read_bytes().rstrip(b"\0")
        journal.write_bytes(content[: len(content) // 3 if lines_left else HEADER_BYTES])


@pytest.mark.parametrize("mutation", ["", "claim-never-written"])
def test_after_a_power_cut_every_claim_is_in_doubt(
    campaign: Settings, start_job: StartJob, tmp_path: Path, mutation: str
) -> None:
    with server_process(Script(FAST), tmp_path) as server:
        job = Job(campaign.folder, server.port, recipients=700, mutation=mutation)
        process = start_job(job)
        while len(server.messages) < 20:
            time.sleep(0.01)
        process.kill()
        process.join()
        # A line about a delivery that was never claimed would be damage, and show the mutation.
        cut_the_power(campaign, lines_left=not mutation)
        if mutation:
            with pytest.raises(AssertionError, match="I2"):
                compare(campaign, server, boot_id=OTHER_BOOT).check(700)
            return
        compare(campaign, server, boot_id=OTHER_BOOT).check(700)
        send(replace(job, port=server.port, boot_id=OTHER_BOOT))
        found = check(campaign, server, 700)
        assert 0 < len(found.in_state(State.IN_DOUBT)) <= CLAIM_AT_ONCE + CLAIM_AT_ONCE // 2
        assert found.in_state(State.SENT, State.IN_DOUBT) == set(found.deliveries)
