from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.preview.session import PreviewSession, SessionEvent
from tests.preview.campaigns import write_campaign


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ("body.html", "changed"),
        ("images/logo.png", "changed"),
        ("campaign.toml", "changed"),
        ("recipients.csv", "changed"),
        (".mailmerge/sandbox/new/1.x", "progress"),
        (".mailmerge/sandbox/cur/1.x:2,S", "progress"),
        (".mailmerge/sandbox/tmp/1.x", None),
        (".mailmerge/sandbox", None),
        (".mailmerge/ledger.sqlite", "progress"),
        (".mailmerge/ledger.sqlite-wal", None),
        (".mailmerge/ledger-00000002.journal", "progress"),
        (".mailmerge/ledger.lock", None),
        (".mailmerge/sandbox.sqlite", None),
        (".body.html.swp", None),
        ("body.html~", None),
        (".git/index", None),
        ("../elsewhere", None),
    ],
)
def test_event_for_depends_on_the_path(
    tmp_path: Path, path: str, event: SessionEvent | None
) -> None:
    folder = tmp_path / "campaign"
    folder.mkdir()
    where = folder / path if not path.startswith("..") else tmp_path / "elsewhere"
    assert PreviewSession(folder).event_for(where) == event


@pytest.mark.parametrize("name", ["", "campaign.toml", "other.toml"])
def test_a_folder_or_a_file_names_the_campaign(tmp_path: Path, name: str) -> None:
    session = PreviewSession(tmp_path / name)
    assert session.folder == tmp_path
    assert session.campaign_file == tmp_path / (name or "campaign.toml")
    assert session.state_folder == tmp_path / ".mailmerge"


def test_reload_replaces_snapshot_and_checks(tmp_path: Path) -> None:
    session = PreviewSession(write_campaign(tmp_path))
    events: list[SessionEvent] = []
    session.subscribe(events.append)
    session.reload()
    first, checks = session.snapshot, session.checks
    assert events[0] == "changed"
    session.reload()
    assert session.snapshot.generation == first.generation + 1
    assert session.checks is not checks
    session.checks.join()
    assert session.checks.done
    assert events[-1] == "progress"


def test_an_ended_subscription_gets_no_events(tmp_path: Path) -> None:
    session = PreviewSession(tmp_path)
    events: list[SessionEvent] = []
    unsubscribe = session.subscribe(events.append)
    session.notify("changed")
    unsubscribe()
    unsubscribe()
    session.notify("progress")
    assert events == ["changed"]


def test_close_cancels_the_checks_and_notifies(tmp_path: Path) -> None:
    session = PreviewSession(tmp_path)
    events: list[SessionEvent] = []
    session.subscribe(events.append)
    session.close()
    assert events == ["closed"]
    session.checks.start()
    session.checks.join()
    assert events == ["closed"]
