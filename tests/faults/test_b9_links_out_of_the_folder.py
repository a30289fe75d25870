"""Some loaders followed a symbolic link out of the campaign folder and sent what they found."""

from __future__ import annotations

import ast
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import mailmerge
from mailmerge.content_files import ContentFiles
from mailmerge.paths import RefusedPath
from tests.campaign_folder import CampaignFolder, make_campaign_folder

SECRET = "root:x:0:0:the-secret"
PACKAGE = Path(mailmerge.__file__).parent

Prepare = Callable[[CampaignFolder, str], None]


@dataclass(frozen=True)
class Loader:
    """A way to name a file, and the code of its refusal."""

    name: str
    prepare: Prepare
    code: str


def text(source: str) -> Prepare:
    def prepare(folder: CampaignFolder, path: str) -> None:
        folder.write("body.txt", source.replace("PATH", path))

    return prepare


def page(source: str) -> Prepare:
    def prepare(folder: CampaignFolder, path: str) -> None:
        folder.configure(message={"html": '"body.html"'})
        folder.write("body.html", "<html><body>" + source.replace("PATH", path) + "</body></html>")

    return prepare


def key(section: str, name: str, value: str = '"PATH"') -> Prepare:
    return lambda folder, path: folder.configure(**{section: {name: value.replace("PATH", path)}})


def by_cell(prepare: Prepare) -> Prepare:
    """The path is in the cell of the only recipient."""

    def in_cell(folder: CampaignFolder, path: str) -> None:
        folder.recipients(f"email,name,file\nann@x-firma.de,Ann,{path}\n")
        prepare(folder, "")

    return in_cell


LOADERS = [
    Loader("text", key("message", "text"), "asset-outside"),
    Loader("html", key("message", "html"), "asset-outside"),
    Loader("include", text('{% include "PATH" %}'), "asset-outside"),
    Loader("include list", text('{% include ["PATH", "x"] %}'), "asset-outside"),
    Loader("include by cell", by_cell(text("{% include file %}")), "asset-outside"),
    Loader(
        "optional include by cell",
        by_cell(text("{% include file ignore missing %}")),
        "asset-outside",
    ),
    Loader(
        "include in a subject",
        key("message", "subject", "'{% include \"PATH\" %}'"),
        "asset-outside",
    ),
    Loader("extends", page('{% extends "PATH" %}'), "asset-outside"),
    Loader("import", text('{% import "PATH" as x %}x'), "asset-outside"),
    Loader("from import", text('{% from "PATH" import x %}x'), "asset-outside"),
    Loader("style sheet", page('<link rel="stylesheet" href="PATH"><p>x</p>'), "asset-outside"),
    Loader("image", page('<img src="PATH" alt="x">'), "asset-outside"),
    Loader("image by cell", by_cell(page('<img src="{{ file }}" alt="x">')), "asset-outside"),
    Loader("background", page('<table background="PATH"><tr><td>x</table>'), "asset-outside"),
    Loader("url in a style", page('<p style="background: url(PATH)">x</p>'), "asset-outside"),
    Loader("attachment", key("message", "attachments", '["PATH"]'), "asset-outside"),
    Loader(
        "attachment by cell",
        by_cell(key("message", "attachments", '["{{ file }}"]')),
        "asset-outside",
    ),
    Loader("spreadsheet", key("recipients", "file"), "file-outside"),
    Loader("suppression list", key("recipients", "suppress"), "file-outside"),
]

LINKS = ["link.txt", "links/secret.txt"]


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    """A campaign with links to a file and to a folder outside, and with one that stays inside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text(f"email,name\n{SECRET}@x-firma.de,x\n")
    made = make_campaign_folder(tmp_path / "campaign")
    (made.path / "link.txt").symlink_to(outside / "secret.txt")
    (made.path / "links").symlink_to(outside, target_is_directory=True)
    return made


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("loader", LOADERS, ids=lambda one: one.name)
def test_no_loader_follows_a_link_out_of_the_folder(
    folder: CampaignFolder, loader: Loader, link: str, capsys: pytest.CaptureFixture[str]
) -> None:
    loader.prepare(folder, link)
    campaign = mailmerge.Campaign.load(folder.path)
    report = (
        mailmerge.check(campaign, campaign.recipients()) if loader.code != "file-outside" else None
    )
    problems = report.problems if report is not None else _check(folder)
    assert loader.code in {one.code for one in problems}, problems
    named = [one for one in problems if one.code == loader.code]
    assert any(link in f"{one.file} {one.message}" for one in named)
    assert SECRET not in str(problems)
    if "by cell" in loader.name:
        assert {(one.file, one.row, one.column) for one in named} == {("recipients.csv", 2, "file")}


def _check(folder: CampaignFolder) -> list[mailmerge.Problem]:
    from mailmerge.preflight.check import check_campaign

    return list(check_campaign(folder.campaign).problems)


@pytest.mark.parametrize("loader", LOADERS[:1] + LOADERS[-3:], ids=lambda one: one.name)
def test_nothing_is_sent_or_said_of_the_file(folder: CampaignFolder, loader: Loader) -> None:
    loader.prepare(folder, "link.txt")
    done = folder.run("send", "--sandbox", "--yes")
    assert done.status == 3
    assert SECRET not in done.out + done.err
    assert not list(folder.path.glob(".mailmerge/sandbox/new/*"))
    problems = json.loads(folder.run("check", "--json").out)["problems"]
    assert [one["code"] for one in problems if one["severity"] == "error"] == [loader.code]


def test_links_inside_the_folder_are_followed(folder: CampaignFolder) -> None:
    folder.write("files/terms.pdf", "terms")
    folder.write("files/people.csv", "email,name\nann@x-firma.de,Ann\n")
    folder.write("files/never.csv", "email\nbob@x-firma.de\n")
    for link, target in (
        *(("terms.pdf", "files/terms.pdf"), ("people.csv", "files/people.csv")),
        *(("never.csv", "files/never.csv"), ("text", "body.txt"), ("more", "files")),
    ):
        (folder.path / link).symlink_to(target)
    folder.configure(
        message={"text": '"text"', "attachments": '["terms.pdf", "more/terms.pdf"]'},
        recipients={"file": '"people.csv"', "suppress": '"never.csv"'},
    )
    campaign = mailmerge.Campaign.load(folder.path)
    [ann] = campaign.recipients()
    assert campaign.message(ann).attachments == ("terms.pdf", "more/terms.pdf")


def test_a_suppression_list_that_cannot_be_reached_is_an_error(folder: CampaignFolder) -> None:
    for link, target in (("gone.csv", "../gone.csv"), ("here.csv", "not-here.csv")):
        (folder.path / link).symlink_to(target)
        folder.configure(recipients={"suppress": f'"{link}"'})
        done = folder.run("check")
        assert (done.status, link in done.err) == (3, True)
        assert folder.run("suppress", "ann@x-firma.de").status != 0
        assert (folder.path / link).is_symlink()


def test_spreadsheets_of_the_user_may_be_anywhere(folder: CampaignFolder, tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("email,name\nann@x-firma.de,Ann\n")
    (tmp_path / "alias.csv").symlink_to(people)
    assert len(mailmerge.read_recipients(tmp_path / "alias.csv")) == 1


# --- a link that is put in place of a file at the worst moment


@contextmanager
def swapping(path: Path, file: Path, target: Path) -> Iterator[None]:
    """Replace `path` by the file and by a link to the target, as fast as possible."""
    stop = threading.Event()
    link, copy = path.with_name("next-link"), path.with_name("next-copy")

    def swap() -> None:
        while not stop.is_set():
            link.symlink_to(target)
            link.replace(path)
            os.link(file, copy)
            copy.replace(path)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_file_that_becomes_a_link_is_never_read(folder: CampaignFolder, tmp_path: Path) -> None:
    file = folder.write("original.txt", "mine")
    files = ContentFiles(folder.path)
    found = set()
    with swapping(folder.path / "swapped.txt", file, tmp_path / "outside" / "secret.txt"):
        for _ in range(2000):
            try:
                found.add(files.read("swapped.txt"))
            except RefusedPath:
                found.add(b"refused")
            except OSError:
                pass
    assert found <= {b"mine", b"refused"}
    assert b"mine" in found


def test_a_folder_that_becomes_a_link_is_never_entered(
    folder: CampaignFolder, tmp_path: Path
) -> None:
    folder.write("way/secret.txt", "mine")
    files = ContentFiles(folder.path)
    way, link, away = (folder.path / name for name in ("way", "next-link", "away"))
    link.symlink_to(tmp_path / "outside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for place, spare, next_one in ((way, away, link), (way, link, away)):
                place.rename(spare)
                next_one.rename(place)

    thread = threading.Thread(target=swap)
    thread.start()
    found = set()
    try:
        for _ in range(5000):
            with suppress(OSError):
                found.add(files.read("way/secret.txt"))
    finally:
        stop.set()
        thread.join()
    assert found == {b"mine"}


# --- no other way to a file


def test_messages_are_made_of_files_that_one_module_opens() -> None:
    """rendering/ and mime/ open no file by themselves."""
    opening = {"open", "read_bytes", "read_text", "fdopen", "FileSystemLoader", "Path.open"}
    found = []
    for module in (*(PACKAGE / "rendering").rglob("*.py"), *(PACKAGE / "mime").rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr
                    if isinstance(node.func, ast.Attribute)
                    else getattr(node.func, "id", "")
                )
                if name in opening:
                    found.append(f"{module.name}:{node.lineno}")
    assert found == []
