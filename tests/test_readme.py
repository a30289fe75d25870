"""README.md: its Python example runs, and the links of all documents lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from tests.preview.picture import SIZE

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])

_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives the headings of a document."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = [title.lower().replace("`", "") for title in _HEADING.findall(prose)]
    return {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in titles}


def broken_links(document: Path, text: str) -> Iterator[str]:
    for link in _LINK.findall(_CODE.sub("", text)):
        path, _, anchor = link.partition("#")
        if link.startswith("https:"):
            continue
        target = document.parent / path if path else document
        if not target.is_file() or (
            anchor and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            yield link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_a_file_and_a_heading(document: Path) -> None:
    assert list(broken_links(document, document.read_text(encoding="utf-8"))) == []


def test_a_broken_link_is_noticed() -> None:
    text = "[a](docs/none.md) [b](docs/delivery.md#none) [c](docs/delivery.md#limits) `[d](e)`"
    found = list(broken_links(ROOT / "README.md", text))
    assert found == ["docs/none.md", "docs/delivery.md#none"]


def test_every_document_is_linked_from_the_readme() -> None:
    linked = {ROOT / link for link in _LINK.findall(README)}
    assert set(DOCUMENTS) - {ROOT / "README.md"} <= linked


def test_commands_for_an_environment_are_there() -> None:
    """`.ci/run` runs these two lines."""
    commands = re.findall(r"^ {4}python3 -m venv .+$", README, re.MULTILINE)
    assert ["--sandbox" in one for one in commands] == [True, False]
    assert "pytest" in commands[1]


def test_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workbook = openpyxl.Workbook()
    for row in (["email", "name"], ["ann@example.org", "Ann"], ["bob@example.org", "Bob"]):
        workbook.active.append(row)
    workbook.save(tmp_path / "guests.xlsx")
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    exec(
        compile(
            f"{example}subjects = [one['Subject'] for one in sandbox.messages]", "README.md", "exec"
        ),
        names,
    )
    assert names["subjects"] == ["Welcome, Ann", "Welcome, Bob"]


def blocks(text: str) -> list[list[str]]:
    """The lines of each block of code, without comments."""
    found = re.findall(r"(?:^ {4}.*\n|^```\w*\n(?:.*\n)*?^```\n)+", text, re.MULTILINE)
    return [[line.partition("  #")[0].rstrip() for line in one.splitlines()] for one in found]


def test_chinese_readme_has_the_same_commands_and_headings() -> None:
    chinese = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    expected = [[line.replace("or .tsv", "或 .tsv") for line in one] for one in blocks(README)]
    assert len(expected) > 8
    assert blocks(chinese) == expected
    assert re.findall(r"^#+", chinese, re.MULTILINE) == re.findall(r"^#+", README, re.MULTILINE)
    others = {"README.md", "README.zh-CN.md"}
    assert set(_LINK.findall(chinese)) - others == set(_LINK.findall(README)) - others


def test_the_readmes_link_to_each_other() -> None:
    chinese = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    assert "(README.zh-CN.md)" in README
    assert "(README.md)" in chinese


def test_the_picture_is_small_and_current_in_size() -> None:
    """`python -m tests.preview.picture` takes it again."""
    (shown,) = re.findall(r"^!\[[^\]]+\]\(([^)]+)\)$", README, re.MULTILINE)
    content = (ROOT / shown).read_bytes()
    assert content.startswith(b"\x89PNG\r\n")
    assert len(content) < 150_000
    width, height = (int.from_bytes(content[at : at + 4]) for at in (16, 20))
    assert (width, height) == SIZE
