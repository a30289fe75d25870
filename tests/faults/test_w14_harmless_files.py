"""A file that the preview or an export writes runs as a script, or other users can read it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailmerge.cli import app
from mailmerge.preview.static_pages import write_static_pages

RUNS = (
    *("xml", "xht", "xhtml", "shtml", "html", "htm", "svg", "svgz", "hta", "js", "mjs", "vbs"),
    *("mht", "xsl", "php", "exe", "lnk", "url", "scf", "docm"),
)
HARMLESS = ("pdf", "png", "txt", "csv", "docx", "xlsx", "zip", "ics")
TOML = """[campaign]
name = "files"
[message]
from = "A <a@example.org>"
subject = "News"
text = "body.txt"
attachments = [{}]
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    folder = tmp_path / "campaign"
    folder.mkdir()
    names = [f"a.{suffix}" for suffix in (*RUNS, *HARMLESS)]
    for name in names:
        (folder / name).write_text("<script>alert(1)</script>")
    (folder / "campaign.toml").write_text(TOML.format(", ".join(f'"{name}"' for name in names)))
    (folder / "body.txt").write_text("Hello\n")
    (folder / "recipients.csv").write_text("email\nann@example.org\n")
    return folder


def test_attachments_of_static_pages_cannot_run(campaign: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_static_pages(campaign, out)
    parts = [path.suffix[1:] for path in (out / "messages" / "1").glob("part-*")]
    assert len(parts) == 1 + len(RUNS) + len(HARMLESS)
    assert set(parts) == {*HARMLESS, "bin"}


@pytest.mark.skipif(os.name != "posix", reason="the platform has no modes of files")
@pytest.mark.parametrize("form", ["mbox", "maildir", "eml", "text"])
def test_rendered_files_are_for_the_user_alone(campaign: Path, tmp_path: Path, form: str) -> None:
    out, old = tmp_path / "out", os.umask(0o022)
    try:
        arguments = ["render", str(campaign), "--all", "--out", str(out), "--format", form]
        for _ in range(2):  # a file that exists already stays private, too
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, result.output
    finally:
        os.umask(old)
    for path in (out, *out.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
