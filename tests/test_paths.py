from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.language import use
from mailmerge.paths import (
    RefusedPath,
    find_inside,
    inside,
    never_sent,
    path_of,
    resolve_content,
    same_file_as,
)


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("a.pdf", "a.pdf"),
        ("./a//b/./c.pdf", "a/b/c.pdf"),
        ("sub\\a.pdf", "sub/a.pdf"),
        (".hidden/a", ".hidden/a"),
        ("..a/b..", "..a/b.."),
        ("sub/a:b.pdf", "sub/a:b.pdf"),
        (".", "."),
        ("报价单.csv", "报价单.csv"),
    ],
)
def test_path_inside_has_a_normal_form(path: str, normal: str) -> None:
    assert inside(path) == normal


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "a\0b",
        "//server/a",
        "\\a",
        "\\\\server\\a",
        "..",
        "../a",
        "a/../b",
        "a\\..\\b",
        "a/..",
    ],
)
@pytest.mark.parametrize("colon", [False, True])
def test_path_that_leads_out_has_no_normal_form(path: str, colon: bool) -> None:
    assert inside(path, colon=colon) is None


@pytest.mark.parametrize("path", ["C:/a", "C:a", "c:\\a", "file:a", "./C:/a", "https://e.org/a"])
def test_colon_in_the_first_part_leads_out_unless_allowed(path: str) -> None:
    assert inside(path) is None
    assert inside(path, colon=True) is not None


@given(st.text("ab./\\:", max_size=12))
def test_normal_form_stays_normal_and_inside(path: str) -> None:
    normal = inside(path)
    if normal is not None:
        assert inside(normal) == normal
        assert not normal.startswith("/")
        assert ".." not in normal.split("/")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, links that stay inside, and links that lead out."""
    campaign = tmp_path / "campaign"
    (campaign / "sub").mkdir(parents=True)
    (campaign / "sub" / "a.txt").write_text("a", encoding="utf-8")
    (campaign / ".hidden").write_text("h", encoding="utf-8")
    (tmp_path / "campaign-secret").write_text("secret", encoding="utf-8")
    (campaign / "link.txt").symlink_to("sub/a.txt")
    (campaign / "out.txt").symlink_to(tmp_path / "campaign-secret")
    (campaign / "out").symlink_to(tmp_path, target_is_directory=True)
    (campaign / "loop").symlink_to("loop")
    return campaign


@pytest.mark.parametrize(
    ("path", "target"),
    [("sub/a.txt", "sub/a.txt"), ("link.txt", "sub/a.txt"), (".hidden", ".hidden"), (".", ".")],
)
def test_link_inside_is_followed(folder: Path, path: str, target: str) -> None:
    assert find_inside(folder, path) == folder.resolve() / target


@pytest.mark.parametrize("path", ["out.txt", "out/campaign-secret", "out", "../campaign/.hidden"])
def test_link_that_leads_out_is_outside(folder: Path, path: str) -> None:
    assert find_inside(folder, path) is None


def test_folder_may_itself_be_reached_by_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(folder, target_is_directory=True)
    assert find_inside(tmp_path / "alias", "link.txt") == folder.resolve() / "sub/a.txt"


@pytest.mark.parametrize("path", ["gone", "loop", "sub/a.txt/b"])
def test_path_that_leads_nowhere_is_an_os_error(folder: Path, path: str) -> None:
    with pytest.raises(OSError, match=path.partition("/")[0]):
        find_inside(folder, path)


def test_colon_is_part_of_a_name_where_it_is_allowed(folder: Path) -> None:
    (folder / "a:b").write_text("x", encoding="utf-8")
    assert find_inside(folder, "a:b") is None
    assert find_inside(folder, "a:b", colon=True) == folder.resolve() / "a:b"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        *((path, "private") for path in (".env", "a/.b/c", ".mailmerge/x", "\u200b.env", "．env")),
        *((path, "private") for path in ("campaign.toml", "a/CAMPAIGN.toml", "a/list.csv")),
        *((path, "private") for path in ("A/LIST.csv", "tls.pem", "TLS.KEY", "a/id_rsa", "x.kdbx")),
        *(
            (path, "reserved")
            for path in ("con", "NUL.txt", "a/aux", "lpt1.a.b", "com¹", "x.", "x ")
        ),
        *((path, "reserved") for path in ("a./b", "conin$", "nul .txt")),
    ],
)
def test_some_names_are_never_sent(path: str, reason: str) -> None:
    for windows in (False, True):
        refusal = never_sent(path, {"a/list.csv"}, windows=windows)
        assert refusal is not None
        assert refusal.code == f"asset-{reason}"
        assert refusal.message
        assert refusal.hint


@pytest.mark.parametrize(
    "path",
    [
        "a.pdf",
        "list.csv",
        "a/b/list.csv",
        "id_rsa.pub",
        "console",
        "comx",
        "com10",
        "a.b",
        "公.pdf",
        ".",
    ],
)
def test_other_names_may_be_sent(path: str) -> None:
    for windows in (False, True):
        assert never_sent(path, {"a/list.csv"}, windows=windows) is None


def test_colon_is_a_stream_on_windows_only() -> None:
    assert never_sent("sub/a.pdf:stream", windows=False) is None
    refusal = never_sent("sub/a.pdf:stream", windows=True)
    assert refusal is not None
    assert refusal.code == "asset-reserved"


def test_content_is_found_by_its_real_path(folder: Path) -> None:
    real = str(folder.resolve())
    assert resolve_content(real, "sub/a.txt") == ("sub", "a.txt")
    assert resolve_content(real, "link.txt") == ("sub", "a.txt")


@pytest.mark.parametrize("path", ["out.txt", "out/campaign-secret", ".hidden", "to-hidden", "../x"])
def test_content_is_refused_by_its_text_and_by_its_real_path(folder: Path, path: str) -> None:
    (folder / "to-hidden").symlink_to(".hidden")
    with pytest.raises(RefusedPath):
        resolve_content(str(folder.resolve()), path)


@pytest.mark.parametrize("name", ["en", "zh_CN"])
@pytest.mark.parametrize(
    "path", [".env", "sub/campaign.toml", "list.csv", "dkim.pem", "nul", "a/../b"]
)
def test_the_path_before_a_refusal_is_found_in_each_language(name: str, path: str) -> None:
    use(name)
    refusal = never_sent(path, {"list.csv"}) or same_file_as("list.csv")
    assert path_of(f"{path} {refusal.message}") == f"{path} "
    assert refusal.hint
    assert path_of(f"{path}: something else") == f"{path}: something else"
