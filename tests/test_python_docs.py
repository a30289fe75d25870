"""docs/python.md: every example runs, and every value that it shows is the value."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

DOCUMENT = Path(__file__).parents[1] / "docs" / "python.md"

CAMPAIGN = """
[message]
from = "Example News <news@example.org>"
subject = "Hello {{ name }}"
html = "body.html"
text = "body.txt"
"""


def blocks() -> Iterator[tuple[int, str]]:
    """Each example with the number of its first line."""
    text = DOCUMENT.read_text(encoding="utf-8")
    for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, match.start(1)) + 1, match[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the document describes, as the current one."""
    spring = tmp_path / "spring"
    spring.mkdir()
    (spring / "campaign.toml").write_text(CAMPAIGN)
    (spring / "body.html").write_text("<p>Dear {{ name }}</p>\n")
    (spring / "body.txt").write_text("Dear {{ name }},\n")
    shutil.copy(spring / "body.html", tmp_path)
    (tmp_path / "terms.pdf").write_bytes(b"%PDF-1.7\n")
    (spring / "recipients.csv").write_text("email,name\nann@example.org,Ann\n")
    write_guests(tmp_path / "guests.xlsx")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_guests(path: Path) -> None:
    """Ten guests; Ann and Bob live in France."""
    names = ["Ann", "Bob", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hal", "Ida", "Jo"]
    book = openpyxl.Workbook()
    book.active.append(["email", "name", "country"])
    for name in names:
        country = "FR" if name in {"Ann", "Bob"} else "IT"
        book.active.append([f"{name.lower()}@example.org", name, country])
    book.save(path)


def run(source: str, first_line: int, names: dict[str, object]) -> int:
    """Run one example statement by statement, compare what it shows, and count that."""
    lines = source.splitlines()
    compared = 0
    for statement in ast.parse(source).body:
        last = statement.end_lineno or statement.lineno
        _, shown, expected = lines[last - 1].partition("  # -> ")
        where = f"{DOCUMENT.name}:{first_line + last - 1}"
        if not shown:
            code = ast.Module([statement], [])
            exec(compile(code, where, "exec"), names)
            continue
        assert isinstance(statement, ast.Expr), f"{where} shows no value"
        value = eval(compile(ast.Expression(statement.value), where, "eval"), names)
        assert repr(value) == expected, where
        compared += 1
    return compared


def test_examples_run_and_show_their_values(folder: Path) -> None:
    names: dict[str, object] = {}
    compared = [run(source, first_line, names) for first_line, source in blocks()]
    assert len(compared) > 5
    assert sum(compared) > 5


def test_wrong_value_of_an_example_is_noticed() -> None:
    with pytest.raises(AssertionError, match=r"python\.md:11"):
        run("x = 1\nx + 1  # -> 3\n", 10, {})
