from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.preview.live import news_of
from mailmerge.preview.session import News, Session
from tests.preview.campaigns import running, until, write_campaign

FOLDER = Path("/campaign")


@pytest.mark.parametrize(
    ("path", "news"),
    [
        ("body.html", "changed"),
        ("images/logo.png", "changed"),
        ("campaign.toml", "changed"),
        ("people.csv", "changed"),
        (".mailmerge/sandbox/new/1.x", "progress"),
        (".mailmerge/sandbox/tmp/1.x", None),
        (".mailmerge/sandbox", None),
        (".mailmerge/ledger.sqlite", None),
        (".body.html.swp", None),
        ("body.html~", None),
        (".git/index", None),
        ("../elsewhere", None),
    ],
)
def test_what_a_change_of_a_file_means(path: str, news: News | None) -> None:
    where = FOLDER / path if not path.startswith("..") else Path("/elsewhere")
    assert news_of(FOLDER, where) == news


def heard(session: Session) -> list[News]:
    found: list[News] = []
    session.listen(found.append)
    return found


def test_a_change_of_any_file_is_read_and_told(tmp_path: Path) -> None:
    write_campaign(tmp_path)
    with running(tmp_path) as preview:
        news = heard(preview.session)
        generation = preview.session.draft.generation
        # The watcher starts with the server: write until it has been heard.
        until(lambda: _touched(tmp_path / "body.html", news))
        until(lambda: preview.session.draft.generation > generation)
        assert "changed" in news
        (tmp_path / "body.html").write_text("{% if")
        until(lambda: preview.session.draft.broken is not None)
        (tmp_path / "body.html").write_text("<p>whole</p>")
        until(lambda: preview.session.draft.broken is None)


def test_caught_mail_is_told_and_nothing_is_read_again(tmp_path: Path) -> None:
    write_campaign(tmp_path)
    new = tmp_path / ".mailmerge" / "sandbox" / "new"
    new.mkdir(parents=True)
    with running(tmp_path) as preview:
        news = heard(preview.session)
        until(lambda: _touched(new / "1.x", news))
        assert preview.session.draft.generation == 1
        assert set(news) == {"progress"}


def _touched(path: Path, news: list[News]) -> bool:
    path.write_text("<p>touched</p>")
    return bool(news)


def test_who_stops_listening_hears_nothing_more(tmp_path: Path) -> None:
    session = Session(tmp_path)
    found: list[News] = []
    end = session.listen(found.append)
    session.tell("changed")
    end()
    end()
    session.tell("progress")
    assert found == ["changed"]
