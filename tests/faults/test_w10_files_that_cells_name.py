"""A cell could attach, show or include the ledger, the settings, the spreadsheet or a key file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import mailmerge
from tests.campaign_folder import CampaignFolder, make_campaign_folder

SECRET = "the-secret"

PRIVATE = [
    ".mailmerge/ledger.sqlite",
    ".mailmerge/preview.json",
    ".git/config",
    ".env",
    "sub/.hidden/a.txt",
    ".MailMerge/x",
    "\u200c.env",
    "campaign.toml",
    "./campaign.toml",
    "Campaign.TOML",
    "sub/campaign.toml",
    "campaign.toml.",
    "recipients.csv",
    "RECIPIENTS.CSV",
    "suppressed.csv",
    "key.pem",
    "sub/tls.KEY",
    "id_rsa",
    "sub/id_ed25519",
    "store.p12",
    "alias.txt",
    "hard.txt",
]
"""Paths of files that are never part of a message; `alias.txt` and `hard.txt` are links to two."""

RESERVED = ["CON", "nul.txt", "sub/aux.pdf", "COM1", "lpt9.txt", "a.pdf.", "a.pdf ", "sub. /a.pdf"]
OUTSIDE = [
    "C:x.pdf",
    "c:\\x.pdf",
    "\\\\server\\share\\x.pdf",
    "//server/x.pdf",
    "a.pdf:stream",
    "..\\x",
]

Prepare = Callable[[CampaignFolder], None]


def _attachment(folder: CampaignFolder) -> None:
    folder.configure(message={"attachments": '["{{ file }}"]'})


def _part_of_attachment(folder: CampaignFolder) -> None:
    folder.configure(message={"attachments": '["{{ name }}/../{{ file }}"]'})


def _image(folder: CampaignFolder) -> None:
    folder.configure(message={"html": '"body.html"'})
    folder.write("body.html", '<html><body><img src="{{ file }}" alt="x"></body></html>')


def _style_sheet(folder: CampaignFolder) -> None:
    folder.configure(message={"html": '"body.html"'})
    folder.write(
        "body.html", '<html><head><link rel="stylesheet" href="{{ file }}"></head><p>x</p>'
    )


def _include(folder: CampaignFolder) -> None:
    folder.write("body.txt", "{% include file ignore missing %}\nhello\n")


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    """A campaign with every private file, and with other names of two of them."""
    made = make_campaign_folder(tmp_path / "campaign")
    for path in (*PRIVATE, "a.pdf"):
        if not path.startswith("alias") and "campaign.toml" not in path:
            made.write(path, SECRET)
    made.write("recipients.csv", "email,name,file\nann@x-firma.de,Ann,a.pdf\n")
    made.write("suppressed.csv", "email\n")
    (made.path / "alias.txt").symlink_to("recipients.csv")
    (made.path / "hard.txt").unlink()
    os.link(made.path / "campaign.toml", made.path / "hard.txt")
    return made


def problems_of(folder: CampaignFolder, path: str) -> list[mailmerge.Problem]:
    """The problems of a recipient whose cell is this path; Bob's cell names no file of note."""
    quoted = path.replace('"', '""')
    folder.write(
        "recipients.csv",
        f'email,name,file\nbob@x-firma.de,Bob,a.pdf\nann@x-firma.de,Ann,"{quoted}"\n',
    )
    campaign = mailmerge.Campaign.load(folder.path)
    report = mailmerge.check(campaign, campaign.recipients())
    return [one for one in report.problems if one.severity == "error"]


@pytest.mark.parametrize("path", PRIVATE)
@pytest.mark.parametrize("prepare", [_attachment, _image, _include])
def test_no_cell_reaches_a_private_file(
    folder: CampaignFolder, prepare: Prepare, path: str
) -> None:
    prepare(folder)
    found = [one for one in problems_of(folder, path) if one.row == 3]
    assert {one.code for one in found} & {
        "asset-private",
        "asset-reserved",
        "template-reserved",
    }
    [problem] = found
    assert (problem.file, problem.row, problem.column) == ("recipients.csv", 3, "file")
    assert "never part of a message" in problem.message or "Windows" in problem.message
    assert SECRET not in str(problem)


@pytest.mark.parametrize("path", [*RESERVED, *OUTSIDE])
@pytest.mark.parametrize("prepare", [_attachment, _image])
def test_no_cell_reaches_a_name_of_windows(
    folder: CampaignFolder, prepare: Prepare, path: str
) -> None:
    prepare(folder)
    if prepare is _image and path.startswith("//"):
        return  # a remote image
    if path == "a.pdf ":
        path = "a.pdf /x"  # spaces around a path do not count
    found = [one for one in problems_of(folder, path) if one.row == 3]
    assert {one.code for one in found} <= {"asset-reserved", "asset-outside"}
    assert found


def test_a_way_back_does_not_hide_a_private_file(folder: CampaignFolder) -> None:
    for prepare, code in ((_attachment, "asset-outside"), (_image, "asset-private")):
        prepare(folder)
        assert [one.code for one in problems_of(folder, "sub/../campaign.toml")] == [code]
        folder.configure(message={"attachments": ""})


def test_a_style_sheet_of_a_cell_is_refused(folder: CampaignFolder) -> None:
    _style_sheet(folder)
    found = problems_of(folder, ".env")
    assert ("asset-private", 3, "file") in {(one.code, one.row, one.column) for one in found}


def test_other_files_may_be_named(folder: CampaignFolder) -> None:
    _attachment(folder)
    for path in ("a.pdf", "sub/prices.csv", "key.pub", "id_rsa.pub", "console.txt", "公开.pdf"):
        folder.write(path, "x")
        assert problems_of(folder, path) == []


@pytest.mark.parametrize(
    ("name", "code", "keys"),
    [
        (".env", "asset-private", {"attachments": '[".env"]'}),
        ("recipients.csv", "asset-private", {"attachments": '["recipients.csv"]'}),
        ("key.pem", "asset-private", {"attachments": '["key.pem"]'}),
        (".env", "asset-private", {"text": '".env"'}),
        ("campaign.toml", "asset-private", {"text": '"campaign.toml"'}),
        ("key.pem", "asset-private", {"html": '"key.pem"'}),
    ],
)
def test_campaign_toml_cannot_name_them_either(
    folder: CampaignFolder, name: str, code: str, keys: dict[str, str]
) -> None:
    folder.configure(message=keys)
    assert any(
        one.code == code and name in f"{one.file} {one.message}" for one in problems_of(folder, "x")
    )


def test_settings_with_another_name_are_private(folder: CampaignFolder) -> None:
    _attachment(folder)
    other = folder.write("spring.toml", (folder.path / "campaign.toml").read_bytes())
    folder.write("recipients.csv", "email,name,file\nann@x-firma.de,Ann,spring.toml\n")
    campaign = mailmerge.Campaign.load(other)
    report = mailmerge.check(campaign, campaign.recipients())
    assert [one.code for one in report.problems if one.severity == "error"] == ["asset-private"]


def test_the_command_names_row_column_and_file(folder: CampaignFolder) -> None:
    _attachment(folder)
    folder.write(
        "recipients.csv",
        "email,name,file\nann@x-firma.de,Ann,a.pdf\nbob@x-firma.de,Bob,.mailmerge/ledger.sqlite\n",
    )
    done = folder.run("send", "--sandbox", "--yes")
    assert done.status == 3
    assert (
        "recipients.csv, row 3 (Bob, bob@x-firma.de), column file: "
        'the attachment ".mailmerge/ledger.sqlite": '
        "is a hidden file, which is never part of a message"
    ) in done.err
    [problem] = json.loads(folder.run("check", "--json").out)["problems"]
    assert (problem["code"], problem["row"], problem["column"]) == ("asset-private", 3, "file")
