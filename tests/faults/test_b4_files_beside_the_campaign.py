"""A log, an export or a lock file in the campaign folder made `send` refuse to go on."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from mailmerge.content_files import ContentFiles
from mailmerge.errors import Declined
from mailmerge.jobs.job import Job
from mailmerge.jobs.targets import RealServer
from mailmerge.recipients.audience import Selection
from mailmerge.sandbox import Sandbox
from tests.campaign_folder import CampaignFolder, Finished, make_campaign_folder

PNG = b"\x89PNG\r\n\x1a\n"
SHEET = "email,name,part\nann@x-firma.de,Ann,a\nbob@x-firma.de,Bob,b\n"
NOTHING = "Nothing to send: all recipients are done."
FILES: dict[str, str | bytes] = {
    "body.html": (
        '{% extends "base.html" %}{% block body %}<p>Dear {{ name }}</p>'
        '<img src="logo.png" alt="x"><img src="photos/{{ part }}.png" alt="y">'
        '{% include ["news.html", "old.html"] %}{% include part ~ ".html" %}{% endblock %}'
    ),
    "base.html": '<html><head><link rel="stylesheet" href="style.css"></head>'
    '<body>{% from "macros.jinja" import x %}{{ x() }}{% block body %}{% endblock %}</body></html>',
    "macros.jinja": "{% macro x() %}<b>x</b>{% endmacro %}",
    "old.html": "<p>old</p>",
    "a.html": "<p>A</p>",
    "b.html": "<p>B</p>",
    "style.css": 'p { color: red; background: url("back.png") }',
    "terms.pdf": "terms",
    "invoices/Ann.pdf": "Ann",
    "invoices/Bob.pdf": "Bob",
    **dict.fromkeys(("logo.png", "back.png", "photos/a.png", "photos/b.png"), PNG),
}
SHAPING = sorted({*FILES, "body.txt"})


@pytest.fixture
def folder(tmp_path: Path, sandbox: Sandbox) -> CampaignFolder:
    """A campaign that uses files in every way, to a server on this machine."""
    made = make_campaign_folder(tmp_path / "campaign", port=sandbox.server.port)
    made.configure(
        message={
            "html": '"body.html"',
            "attachments": '["terms.pdf", "invoices/{{ name }}.pdf"]',
        }
    )
    made.recipients(SHEET)
    for name, content in FILES.items():
        made.write(name, content)
    return made


def send(folder: CampaignFolder, *options: str) -> Finished:
    return folder.run("send", "--yes", *options)


def put_strangers(folder: CampaignFolder) -> None:
    """Files that other programs, other people and mailmerge itself leave in a folder."""
    for name in (
        *("send.log", "out.csv", "~$people.xlsx", ".~lock.people.ods#", ".DS_Store", "Thumbs.db"),
        *("body.html~", ".body.html.swp", "#body.html#", "4913", "notes.txt", "old/body.html"),
        *("photos/c.png", "invoices/Cleo.pdf", "desktop.ini", "recipients.csv.bak"),
    ):
        folder.write(name, "x")


def test_files_of_others_change_nothing(folder: CampaignFolder, sandbox: Sandbox) -> None:
    assert send(folder).status == 0
    put_strangers(folder)
    folder.run("status", "--export", str(folder.path / "export.csv"))
    again = send(folder, "--log-json", str(folder.path / "events.json"))
    assert (again.status, NOTHING in again.out, len(sandbox.messages)) == (0, True, 2)
    assert "Already checked" in again.err
    assert send(folder).status == 0


def test_an_unattended_run_resumes_beside_its_own_log(
    folder: CampaignFolder, sandbox: Sandbox
) -> None:
    log = str(folder.path / "events.json")
    assert send(folder, "--limit", "1", "--log-json", log).status == 0
    put_strangers(folder)
    done = send(folder, "--log-json", log)
    assert (done.status, len(sandbox.messages)) == (0, 2)


def test_a_huge_file_beside_the_campaign_is_not_read(folder: CampaignFolder) -> None:
    with (folder.path / "backup.img").open("wb") as file:
        file.truncate(3 << 30)
    assert send(folder).status == 0
    assert NOTHING in send(folder).out


def test_a_large_file_is_hashed_in_pieces(tmp_path: Path) -> None:
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    try:
        assert ContentFiles(tmp_path).digest("large.bin")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_change_of_a_file_that_shapes_messages_is_noticed(folder: CampaignFolder) -> None:
    assert send(folder, "--limit", "1").status == 0
    for name in SHAPING:
        path = folder.path / name
        old, times = path.read_bytes(), path.stat()
        path.write_bytes(old[:-1] + b"~" if name.endswith((".png", ".pdf")) else old + b"~")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        campaign = Campaign.load(folder.path)
        target = RealServer.of_settings(campaign.settings)
        with Job(campaign, Selection(), target) as job, pytest.raises(Declined) as caught:
            job.enrol()
        assert f"content changed: {name} (1 already sent)" in str(caught.value)
        path.write_bytes(old)
    assert send(folder).status == 0


def test_a_file_that_a_template_looked_for_is_noticed(folder: CampaignFolder) -> None:
    assert send(folder, "--limit", "1").status == 0
    folder.write("news.html", "<p>it is there now</p>")
    again = send(folder)
    assert (again.status, "content changed: news.html" in again.err) == (2, True)


@pytest.mark.long
def test_a_setting_that_shapes_messages_is_noticed(folder: CampaignFolder) -> None:
    assert send(folder, "--limit", "1").status == 0
    folder.configure(delivery={"rate": '"1000/second"'}, message={"inline_css": "true"})
    assert send(folder, "--limit", "1").status == 0
    folder.configure(message={"subject": '"Hi {{ name }}"'})
    again = send(folder)
    assert (again.status, "content changed: campaign.toml" in again.err) == (2, True)


@pytest.mark.long
def test_more_recipients_with_more_files_are_no_other_content(
    folder: CampaignFolder, sandbox: Sandbox
) -> None:
    assert send(folder, "--where", "name == 'Ann'").status == 0
    folder.recipients(SHEET + "cleo@x-firma.de,Cleo,b\n")
    folder.write("invoices/Cleo.pdf", "Cleo")
    again = send(folder)
    assert (again.status, "changed since the first run: +2 new; nothing" in again.err) == (2, True)
    assert send(folder, "--accept-changes").status == 0
    folder.write("invoices/Ann.pdf", "another invoice")
    assert "content changed: invoices/Ann.pdf (3 already sent)" in send(folder).err
    assert len(sandbox.messages) == 3


# --- ledgers of earlier versions


EARLIER_KEYS = {
    "from_", "to_name", "reply_to", "reverse_path", "subject", "html", "text", "attachments",
    "related_by", "content_base", "encoding", "inline_css", "headers",
}  # fmt: skip
"""The keys of [message] that an earlier version had."""


def earlier_fingerprint(folder: CampaignFolder) -> str:
    """The fingerprint of earlier versions: every visible file of the folder, read whole."""
    settings = folder.campaign
    digest = hashlib.sha256()
    message = settings.message.model_dump_json(by_alias=True, include=EARLIER_KEYS)
    digest.update(f"{settings.name}\0{message}".encode())
    left_out = {"campaign.toml", "recipients.csv", "suppressed.csv"}
    for path in sorted(folder.path.rglob("*")):
        relative = path.relative_to(folder.path)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.is_file() and not hidden and relative.as_posix() not in left_out:
            content = hashlib.sha256(path.read_bytes()).digest()
            digest.update(relative.as_posix().encode() + b"\0" + content)
    return digest.hexdigest()


def make_earlier(folder: CampaignFolder) -> None:
    """Change the ledger of a campaign to one that an earlier version wrote."""
    database = sqlite3.connect(folder.path / ".mailmerge" / "ledger.sqlite")
    with database:
        database.execute("DROP TABLE content_file")
        database.execute("DELETE FROM migration WHERE name = 'files of the content'")
        fingerprint = earlier_fingerprint(folder)
        database.execute("UPDATE campaign SET checked = 'x', fingerprint = ?", (fingerprint,))
    database.close()


@pytest.mark.long
@pytest.mark.parametrize("strangers", ["never", "before", "after"])
def test_an_earlier_ledger_goes_on(
    folder: CampaignFolder, sandbox: Sandbox, strangers: str
) -> None:
    assert send(folder, "--limit", "1").status == 0
    if strangers == "before":
        put_strangers(folder)
    make_earlier(folder)
    if strangers == "after":
        put_strangers(folder)
    done = send(folder)
    assert (done.status, len(sandbox.messages)) == (0, 2)
    put_strangers(folder)
    assert NOTHING in send(folder).out
    folder.write("terms.pdf", "other terms")
    assert send(folder).status == 2


@pytest.mark.long
def test_a_change_since_an_earlier_version_is_noticed(folder: CampaignFolder) -> None:
    assert send(folder, "--limit", "1").status == 0
    make_earlier(folder)
    folder.write("body.txt", "Something else, {{ name }}\n")
    again = send(folder)
    assert (again.status, "content changed (1 already sent)" in again.err) == (2, True)
