"""Templates are loaded from the campaign folder, as FileSystemLoader does, by the rule of paths."""

from __future__ import annotations

from pathlib import Path

import jinja2
import pytest

from mailmerge.content_files import ContentFiles
from mailmerge.paths import RefusedPath
from mailmerge.rendering.loader import FolderLoader


def source(folder: Path, name: str) -> str:
    loader = FolderLoader(folder)
    return loader.get_source(jinja2.Environment(autoescape=True), name)[0]


@pytest.mark.parametrize("name", ["a.txt", "/a.txt", "./a.txt", "sub/b.txt", "sub//b.txt"])
def test_names_mean_what_they_mean_to_jinja(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    for path in ("a.txt", "sub/b.txt"):
        (tmp_path / path).write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    assert source(tmp_path, name) == "one\ntwo\nthree\n"
    environment = jinja2.Environment(autoescape=True)
    theirs = jinja2.FileSystemLoader(tmp_path, encoding="utf-8-sig").get_source(environment, name)
    assert theirs[0] == source(tmp_path, name)


@pytest.mark.parametrize("name", ["gone", "", ".", "sub", "../x", "a.txt/b", "loop", "x" * 300])
def test_what_is_no_template_is_not_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "campaign" / "sub").mkdir(parents=True)
    (tmp_path / "x").write_text("x")
    (tmp_path / "campaign" / "a.txt").write_text("x")
    (tmp_path / "campaign" / "loop").symlink_to("loop")
    with pytest.raises(jinja2.TemplateNotFound):
        source(tmp_path / "campaign", name)


def test_refused_file_is_not_a_missing_template(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("secret")
    with pytest.raises(RefusedPath):
        source(tmp_path, ".env")


def test_text_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"\xe9")
    with pytest.raises(UnicodeDecodeError):
        source(tmp_path, "latin")


def test_templates_are_noted(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("{% include ['gone', 'b.txt'] %}")
    (tmp_path / "b.txt").write_text("b")
    files = ContentFiles(tmp_path)
    environment = jinja2.Environment(autoescape=True, loader=FolderLoader(files))
    assert environment.get_template("a.txt").render() == "b"
    assert set(files.read_so_far) == {"a.txt", "b.txt", "gone"}
    assert not files.read_so_far["gone"]
