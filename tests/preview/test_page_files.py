from __future__ import annotations

import re

import pytest

from mailmerge.preview.page_files import PAGE_FOLDER, index_page, read_page_file

NAMES = sorted(path.name for path in PAGE_FOLDER.iterdir())


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("index.html", "text/html"),
        ("main.js", "text/javascript"),
        ("style.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_a_file_is_read_with_its_content_type(name: str, content_type: str) -> None:
    assert read_page_file(name) == ((PAGE_FOLDER / name).read_bytes(), content_type)


@pytest.mark.parametrize("name", ["", ".", "..", "../routes.py", "/etc/passwd", "nothing.js"])
def test_no_other_file_is_read(name: str) -> None:
    assert read_page_file(name) is None


@pytest.mark.parametrize("name", NAMES)
def test_no_file_of_the_page_names_the_network(name: str) -> None:
    found = read_page_file(name)
    assert found is not None
    text = found[0].decode().replace("http://www.w3.org/2000/svg", "")
    assert "http://" not in text
    assert "https://" not in text


def translations() -> tuple[dict[str, str], dict[str, str]]:
    text = (PAGE_FOLDER / "texts.js").read_text(encoding="utf-8")
    english, chinese = (
        dict(re.findall(r'^    "?([\w-]+)"?: "(.*)",$', part, re.MULTILINE))
        for part in text.split("\n  zh: {")
    )
    return english, chinese


def test_both_languages_have_the_same_texts() -> None:
    english, chinese = translations()
    assert list(english) == list(chinese)
    assert len(english) > 100


def test_both_languages_have_the_same_placeholders() -> None:
    english, chinese = translations()
    differing = {
        key: (text, chinese[key])
        for key, text in english.items()
        if set(re.findall(r"\{\w+\}", text)) != set(re.findall(r"\{\w+\}", chinese[key]))
    }
    assert differing == {}


def test_every_text_is_used() -> None:
    english, _ = translations()
    sources = "\n".join(
        re.sub(r"const TEXTS = \{.*?\n\};", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for path in PAGE_FOLDER.iterdir()
        if path.suffix in {".js", ".html"}
    )
    quoted = set(re.findall(r"""["'`]([\w-]+)["'`]""", sources))
    shorthand = set(re.findall(r"\b([a-zA-Z]+):", sources))
    composed = {key for key in english if key.startswith(("status-", "reason-", "all-", "state-"))}
    assert set(english) - quoted - shorthand - composed == set()


def test_the_page_names_the_language_that_was_chosen() -> None:
    assert index_page() == (PAGE_FOLDER / "index.html").read_text(encoding="utf-8")
    assert '<html lang="en" data-language="zh_CN">' in index_page("zh_CN")


def test_the_script_takes_the_chosen_language_first() -> None:
    script = (PAGE_FOLDER / "texts.js").read_text(encoding="utf-8")
    assert "document.documentElement.dataset.language ?? navigator.language" in script
