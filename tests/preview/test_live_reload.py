from __future__ import annotations

from pathlib import Path

from mailmerge.preview.session import PreviewSession, SessionEvent
from tests.preview.campaigns import running, until, write_campaign


def events_of(session: PreviewSession) -> list[SessionEvent]:
    events: list[SessionEvent] = []
    session.subscribe(events.append)
    return events


def touched(path: Path, events: list[SessionEvent]) -> bool:
    path.write_text("<p>touched</p>")
    return bool(events)


def test_a_saved_file_reloads_the_session(tmp_path: Path) -> None:
    write_campaign(tmp_path)
    with running(tmp_path) as preview:
        events = events_of(preview.session)
        generation = preview.session.snapshot.generation
        # The watcher starts with the server: write until it notices.
        until(lambda: touched(tmp_path / "body.html", events))
        until(lambda: preview.session.snapshot.generation > generation)
        assert "changed" in events
        (tmp_path / "body.html").write_text("{% if")
        until(lambda: preview.session.snapshot.broken is not None)
        (tmp_path / "body.html").write_text("<p>whole</p>")
        until(lambda: preview.session.snapshot.broken is None)


def test_a_sandbox_message_notifies_without_a_reload(tmp_path: Path) -> None:
    write_campaign(tmp_path)
    new = tmp_path / ".mailmerge" / "sandbox" / "new"
    new.mkdir(parents=True)
    with running(tmp_path) as preview:
        events = events_of(preview.session)
        until(lambda: touched(new / "1.x", events))
        assert preview.session.snapshot.generation == 1
        assert set(events) == {"progress"}
