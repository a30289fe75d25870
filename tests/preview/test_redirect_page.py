"""The browser is led to the preview by a private file, which is removed at the end."""

from __future__ import annotations

from pathlib import Path

from mailmerge.language import use
from mailmerge.preview.redirect_page import opened_in_browser

ADDRESS = "http://127.0.0.1:8000/token&more/"


def test_file_leads_to_the_address_and_is_removed(tmp_path: Path) -> None:
    opened: list[str] = []

    def open_file(url: str) -> bool:
        opened.append(url)
        return True

    state = tmp_path / ".mailmerge"
    with opened_in_browser(ADDRESS, state, open_file):
        (path,) = state.iterdir()
        assert opened == [path.as_uri()]
        assert 'content="0; url=http://127.0.0.1:8000/token&amp;more/"' in path.read_text()
    assert list(state.iterdir()) == []


def test_folder_that_is_not_writable_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    opened: list[str] = []

    def open_file(url: str) -> bool:
        opened.append(url)
        return True

    with opened_in_browser(ADDRESS, tmp_path / "state", open_file):
        assert opened == []


def test_the_file_is_in_the_language_of_the_user(tmp_path: Path) -> None:
    use("zh_CN")
    state = tmp_path / ".mailmerge"
    with opened_in_browser(ADDRESS, state, lambda _: True):
        (path,) = state.iterdir()
        page = path.read_text(encoding="utf-8")
    assert '<html lang="zh-CN">' in page
    assert ">打开预览</a>" in page
