"""A file that cannot be read during a run costs no recipient the message."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import mailmerge as mm
from mailmerge.jobs.targets import RealServer
from mailmerge.ledger.states import State, Transition
from mailmerge.recipients.audience import Selection
from tests.campaign_folder import CampaignFolder, Finished, make_campaign_folder
from tests.ledgers import open_store
from tests.scripted_server import Rule, ScriptedServer, Sleep, Stage, Usual, When, serve

RECIPIENTS = 30
FIRST = 20
SECOND_RUN = Rule(When(Stage.GREETING, connection=(1, 2)), (Sleep(0.5), Usual()))
"""The second run waits for its greeting, and meanwhile the test takes a file away."""


def make_folder(path: Path, port: int, **message: str) -> CampaignFolder:
    folder = make_campaign_folder(path, port=port, **message)
    rows = (f"u{number}@x-firma.de,{number}\n" for number in range(RECIPIENTS))
    folder.recipients("email,name\n" + "".join(rows))
    return folder


def job_of(folder: CampaignFolder, **options: Any) -> mm.Job:
    campaign = mm.Campaign.load(folder.path)
    return mm.Job(campaign, Selection(), RealServer.of_settings(campaign.settings), **options)


def send(folder: CampaignFolder, *options: str) -> tuple[int, dict[str, Any], str]:
    done = folder.run("send", "--yes", "--json", *options)
    return done.status, json.loads(done.out or "{}"), done.err


@contextmanager
def during_the_second_run(server: ScriptedServer, change: Callable[[], object]) -> Iterator[None]:
    """Make a change while the second connection waits for its greeting."""

    def wait() -> None:
        until = time.monotonic() + 60
        while server.connections < 2 and time.monotonic() < until:
            time.sleep(0.002)
        change()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def reached(server: ScriptedServer) -> list[str]:
    return sorted(path for message in server.taken for path in message.forward_paths)


EVERYONE = sorted(f"u{number}@x-firma.de" for number in range(RECIPIENTS))


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[CampaignFolder, ScriptedServer]]:
    """A campaign with an attachment, of which some messages were sent by an earlier run."""
    with serve(SECOND_RUN) as server:
        folder = make_folder(tmp_path / "spring", server.port, attachments='["terms.pdf"]')
        folder.write("terms.pdf", b"%PDF-1.4 terms")
        assert send(folder, "--limit", str(FIRST))[0] == 0
        yield folder, server


def test_attachment_away_for_a_moment_skips_no_one(
    started: tuple[CampaignFolder, ScriptedServer],
) -> None:
    folder, server = started
    terms, elsewhere = folder.path / "terms.pdf", folder.path.parent / "elsewhere"

    def blink() -> None:
        terms.rename(elsewhere)
        time.sleep(0.9)
        elsewhere.rename(terms)

    with during_the_second_run(server, blink):
        status, document, _ = send(folder)
    assert (status, document["states"]["sent"]) == (0, RECIPIENTS)
    assert reached(server) == EVERYONE


def test_attachment_that_stays_away_stops_the_run_and_is_named(
    started: tuple[CampaignFolder, ScriptedServer],
) -> None:
    folder, server = started
    terms, elsewhere = folder.path / "terms.pdf", folder.path.parent / "elsewhere"
    with during_the_second_run(server, lambda: shutil.move(terms, elsewhere)):
        status, document, error = send(folder)
    assert status == 75
    assert (
        "3 messages in a row could not be made; terms.pdf, row 24: there is no such file" in error
    )
    assert "send again: no recipient is lost" in error
    assert document["states"]["pending"] == RECIPIENTS - FIRST
    assert document["states"]["skipped"] == 0
    shown = folder.run("status").out
    assert "3  of them not reached" in shown
    assert (
        "row 22  u20@x-firma.de  pending  20\n      terms.pdf, row 22: there is no such file"
        in shown
    )
    assert send(folder)[0] == 3, "the check is repeated, and finds it"
    elsewhere.rename(terms)
    status, document, _ = send(folder)
    assert (status, document["states"]["sent"]) == (0, RECIPIENTS)
    assert reached(server) == EVERYONE


def test_missing_file_of_one_recipient_delays_only_that_one(tmp_path: Path) -> None:
    with serve(SECOND_RUN) as server:
        folder = make_folder(tmp_path / "spring", server.port, attachments='["{{ name }}.pdf"]')
        for number in range(RECIPIENTS):
            folder.write(f"{number}.pdf", f"%PDF-1.4 {number}".encode())
        assert send(folder, "--limit", str(FIRST))[0] == 0
        missing = folder.path / "25.pdf"
        with during_the_second_run(server, missing.unlink):
            status, document, error = send(folder)
        assert status == 5
        assert "1 whose message could not be made" in error
        assert document["states"]["sent"] == RECIPIENTS - 1
        assert (document["states"]["pending"], document["unmade"]) == (1, 1)
        assert "25.pdf, row 27: there is no such file" in folder.run("status").out
        folder.write("25.pdf", b"%PDF-1.4 25")
        assert send(folder)[0] == 0
        assert reached(server) == EVERYONE


@pytest.mark.parametrize("content", ["", "{{ "])
def test_missing_or_half_written_template_skips_no_one(tmp_path: Path, content: str) -> None:
    """A template that a row names is read when the first such row needs it."""
    with serve() as server:
        folder = make_folder(tmp_path / "spring", server.port)
        folder.write("body.txt", '{% include name[-1] ~ ".txt" %}\n')
        late = [folder.write(f"{digit}.txt", "hello\n") for digit in range(10)][3:]
        with job_of(folder, limit=FIRST) as job:
            assert job.run_all().error is None
        with job_of(folder) as job:
            job.plan()
            for path in late:
                path.write_text(content) if content else path.unlink()
            summary = job.run_all()
        assert summary.error is not None
        assert summary.error.problem.code == "file-unreadable"
        assert summary.states["skipped"] == 0
        for path in late:
            path.write_text("hello\n")
        with job_of(folder) as job:
            assert job.run_all().error is None
        assert reached(server) == EVERYONE


def skip(folder: CampaignFolder, reason: str) -> None:
    """Skip the first recipient, as a run does if its message cannot be made."""
    with open_store(folder.campaign) as store:
        [one] = store.claim("w", 1, time.time())
        store.apply([Transition(one.id, State.SKIPPED, time.time(), 0, 0, None, "mail", reason)])


@pytest.fixture
def skipped(tmp_path: Path) -> Iterator[tuple[CampaignFolder, ScriptedServer]]:
    """A campaign of which one recipient was skipped by an earlier run."""
    with serve() as server:
        folder = make_folder(tmp_path / "spring", server.port)
        assert send(folder, "--limit", str(FIRST))[0] == 0
        skip(folder, "body.txt, row 22: the variable nickname is not defined")
        yield folder, server


def test_skipped_recipient_is_found_by_the_next_send(
    skipped: tuple[CampaignFolder, ScriptedServer],
) -> None:
    folder, server = skipped
    planned = folder.run("send", "--dry-run")
    assert f"{RECIPIENTS - FIRST} messages would be sent" in planned.out
    status, document, _ = send(folder)
    assert (status, document["states"]["sent"]) == (0, RECIPIENTS)
    assert reached(server) == EVERYONE


def test_skipped_recipient_counts_as_not_reached(
    skipped: tuple[CampaignFolder, ScriptedServer], tmp_path: Path
) -> None:
    folder, _ = skipped
    done: Finished = folder.run("send", "--yes", "--json", "--only", "u29@x-firma.de")
    assert done.status == 5
    assert "1 whose message could not be made" in done.err
    assert json.loads(done.out)["unmade"] == 1
    assert json.loads(folder.run("status", "--json").out)["unmade"] == 1
    shown = folder.run("status").out
    assert "1  of them not reached: the message could not be made" in shown
    assert "row 22  u20@x-firma.de  skipped  20\n      body.txt, row 22: the variable" in shown
    failed = tmp_path / "failed.csv"
    folder.run("status", "--failed", str(failed))
    assert "u20@x-firma.de" in failed.read_text("utf-8-sig")


def test_removed_recipient_is_not_found_again(
    skipped: tuple[CampaignFolder, ScriptedServer],
) -> None:
    folder, server = skipped
    rows = (f"u{number}@x-firma.de,{number}\n" for number in range(RECIPIENTS) if number != FIRST)
    folder.recipients("email,name\n" + "".join(rows))
    status, document, _ = send(folder, "--accept-changes")
    assert (status, document["states"]["skipped"]) == (0, 1)
    assert "unmade" not in document
    assert len(reached(server)) == RECIPIENTS - 1
