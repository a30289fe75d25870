"""`check --deep` as a whole: each finding once, and no false alarm in the starters."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mailmerge.preflight.check import CheckOptions, check_campaign
from mailmerge.preflight.deep.spam import SpamServers
from mailmerge.preflight.deep.stage import DeepOptions
from mailmerge.preview.documents import campaign_document
from mailmerge.preview.session import PreviewSession
from mailmerge.settings import load_settings
from tests.forked import run
from tests.preflight.checked import Folder

TEMPLATES = Path(__file__).parents[3] / "templates"
QUIET = DeepOptions(spam=SpamServers("", "", ""))


@pytest.mark.parametrize("name", sorted(one.name for one in TEMPLATES.iterdir()))
def test_starters_give_no_alarm(name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(TEMPLATES / name, tmp_path / name)
    plain = check_campaign(load_settings(folder))
    deep = check_campaign(load_settings(folder), CheckOptions(deep=QUIET))
    assert deep.problems == plain.problems
    if name != "plain":
        codes = {"client-support", "preview-text", "message-size", "spam-score"}
        assert {one.code for one in deep.notes} == codes
        assert all(one.line for one in deep.notes if one.code == "client-support")


def test_findings_come_once_for_many_recipients(folder: Folder) -> None:
    rows = "".join(f"a{number}@x-firma.de,N{number}\n" for number in range(50))
    folder.page('<div style="display:flex">x</div>', f"email,name\n{rows}")
    report = folder.check(deep=QUIET)
    (flex,) = (one for one in report.problems if one.code == "client-support")
    assert (flex.file, flex.line, flex.row) == ("body.html", 3, None)
    assert len([one for one in report.notes if one.code == "message-size"]) == 1


def test_structures_of_later_rows_are_looked_at(folder: Folder) -> None:
    folder.page("{% if name == 'Bob' %}<div style='position:absolute'>x</div>{% endif %}")
    report = folder.check(deep=QUIET)
    assert any("position" in one.message for one in report.problems)


def test_only_the_first_structures_are_looked_at(folder: Folder) -> None:
    rows = "".join(f"a{number}@x-firma.de,{'N' * number}\n" for number in range(1, 30))
    odd = "{% if name|length == 29 %}<b style='position:absolute'>x</b>{% endif %}"
    folder.page(f"{{% for one in name %}}<i>x</i>{{% endfor %}}{odd}", f"email,name\n{rows}")
    report = folder.check(deep=QUIET)
    assert not any("position" in one.message for one in report.problems)


def test_nothing_runs_without_deep(folder: Folder) -> None:
    folder.page('<div style="display:flex">x</div>')
    assert "client-support" not in {one.code for one in folder.check().problems}


def test_json_has_the_line(folder: Folder) -> None:
    folder.page('<div style="display:flex">x</div>')
    document = json.loads(run("check", folder.path, "--deep", "--json").stdout)
    (flex,) = (one for one in document["problems"] if one["code"] == "client-support")
    assert (flex["file"], flex["line"], flex["severity"]) == ("body.html", 3, "warning")
    assert "message-size" in {one["code"] for one in document["notes"]}


def test_links_are_asked_with_their_option_only(folder: Folder) -> None:
    folder.page('<a href="https://127.0.0.1:9/x">A shop</a>')
    assert "link-status" not in {one.code for one in folder.check(deep=QUIET).problems}
    asking = DeepOptions(links=True, spam=QUIET.spam)
    assert "link-status" in {one.code for one in folder.check(deep=asking).problems}
    done = run("check", folder.path, "--links")
    assert done.returncode == 2
    assert "--links is used with --deep only" in done.stderr.decode()


def test_preview_shows_the_findings(folder: Folder) -> None:
    folder.page('<div style="display:flex">x</div>')
    session = PreviewSession(folder.path, extra=CheckOptions(deep=QUIET))
    session.reload()
    session.checks.join()
    problems = campaign_document(session)["problems"]
    assert "client-support" in {one["code"] for one in problems["groups"]}
    notes = {one["code"]: one for one in problems["notes"]}
    assert notes["message-size"]["severity"] == "note"
