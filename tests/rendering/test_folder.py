from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AssetError
from mailmerge.rendering.folder import is_local, local_path, read_asset


@pytest.mark.parametrize(
    ("url", "local"),
    [
        *((url, True) for url in ("a.png", "file:///x", "c:/x", "a/b:c", "FILE:x", "é:x")),
        *(
            (url, False)
            for url in ("", "#x", "?x", "cid:x", "HTTPS://x", "mailto:x", "//x", "a+b:")
        ),
    ],
)
def test_local_url_means_a_file_of_the_folder(url: str, local: bool) -> None:
    assert is_local(url) is local


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("./%C3%A9.png?x#y", "é.png"),
        (" é.png ", "é.png"),
        ("sub/../é.png", "é.png"),
        ("sub\\a.png", "sub/a.png"),
        ("./a:b.png", "a:b.png"),
    ],
)
def test_local_path_is_decoded_and_normal(tmp_path: Path, url: str, path: str) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("é.png", "sub/a.png", "a:b.png"):
        (tmp_path / name).write_bytes(b"x")
    assert local_path(url, ContentFiles(tmp_path)) == path


@pytest.mark.parametrize(
    ("url", "message", "code"),
    [
        ("gone.png", "there is no file gone.png", "asset-missing"),
        ("sub", "there is no file sub", "asset-missing"),
        (".", "there is no file .", "asset-missing"),
        ("../x.png", "outside", "asset-outside"),
        ("..", "outside", "asset-outside"),
        ("sub/../../x.png", "outside", "asset-outside"),
        ("/images/logo.png", "outside", "asset-outside"),
        ("%2e%2e/x.png", "outside", "asset-outside"),
        ("..\\x.png", "outside", "asset-outside"),
        ("file:///etc/passwd", "outside", "asset-outside"),
        ("C:/x.png", "outside", "asset-outside"),
        ("a%00.png", "outside", "asset-outside"),
        ("link.png", "is a link to a file outside", "asset-outside"),
        ("loop.png", "there is no file", "asset-missing"),
    ],
)
def test_url_that_leads_nowhere_is_refused(
    tmp_path: Path, url: str, message: str, code: str
) -> None:
    folder = tmp_path / "campaign"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "x.png").write_bytes(b"x")
    (folder / "link.png").symlink_to(tmp_path / "x.png")
    (folder / "loop.png").symlink_to("loop.png")
    with pytest.raises(AssetError, match=message) as caught:
        local_path(url, ContentFiles(folder))
    assert caught.value.problem.code == code


def test_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "link.png").symlink_to("a.png")
    assert local_path("link.png", ContentFiles(tmp_path)) == "link.png"
    assert read_asset("link.png", ContentFiles(tmp_path)) == b"x"


def test_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="gone cannot be read: No such file"):
        read_asset("gone", ContentFiles(tmp_path))
