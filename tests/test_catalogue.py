"""The catalogues: every text for users is in them, and every text in them is translated."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge import errors, language
from mailmerge.language import LANGUAGES, tr, use
from tests import catalogue

PACKAGE = Path(language.__file__).parent
CHINESE = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
ERRORS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.MailmergeError)
}
OUTPUT = {"echo", "say", "show_result", "print"}
TRANSLATES = {"tr", "trn", "listed", "marked"}
WORDS = re.compile(r"[A-Za-z]{2,}")

EXEMPT = {
    ("cli/__init__.py", "mailmerge {}"),  # the name and the version
    ("cli/connect.py", "  [smtp]"),  # lines of campaign.toml
    ("cli/providers.py", "  [smtp]"),
    ("cli/providers.py", '  provider = "{}"'),
    ("cli/providers.py", '  host = "{}"'),
    ("cli/providers.py", '  username = "..."'),
    ("cli/send.py", "--rate: {}"),  # an option before a sentence
    ("cli/send.py", "--wait: {}"),
    ("cli/send.py", "--test-to: {}"),
    ("engine/worker.py", "{}: {}"),  # a defect: the name of an exception
}
"""Output that is the same in every language."""


def shape(node: ast.expr) -> str:
    """The text of a literal, with {} for each value."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    assert isinstance(node, ast.JoinedStr)
    return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)


def literals(node: ast.expr) -> Iterator[ast.expr]:
    """The literals with words that reach the user from this expression as they are."""
    match node:
        case ast.Constant() | ast.JoinedStr():
            if WORDS.search(shape(node).replace("{}", "")):
                yield node
        case ast.IfExp():
            yield from literals(node.body)
            yield from literals(node.orelse)
        case ast.BinOp():
            yield from literals(node.left)
            yield from literals(node.right)
        case ast.BoolOp():
            for one in node.values:
                yield from literals(one)
        case ast.Call(func=ast.Name(id=name)) if name in TRANSLATES:
            return
        case ast.Call(func=ast.Name(id="one_line" | "folded" | "printable" | "style")):
            yield from literals(node.args[0])
        case _:
            return


def untranslated(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each literal that an error or an output shows as it is."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        shown: list[ast.expr] = []
        if name in ERRORS or name in OUTPUT:
            shown = node.args[:1]
        elif name == "Problem":
            shown = node.args[2:3]
        shown += [one.value for one in node.keywords if one.arg in {"hint", "message"}]
        for one in shown:
            yield from ((found.lineno, shape(found)) for found in literals(one))


def sources() -> list[Path]:
    """The modules with texts for users; the SMTP library has its own, which are recognised."""
    found = [one for one in sorted(PACKAGE.rglob("*.py")) if one.parts[-2] != "smtp"]
    assert len(found) > 300
    return found


@pytest.mark.parametrize("name", catalogue.LANGUAGES)
def test_every_text_is_translated_with_its_placeholders(name: str) -> None:
    assert list(catalogue.problems(name)) == []


def test_there_are_many_texts() -> None:
    assert len(catalogue.source_texts()) > 700
    assert len(set(catalogue.help_texts())) > 80


def test_every_language_has_a_catalogue() -> None:
    assert catalogue.LANGUAGES == [name for name in LANGUAGES if name != "en"] != []
    for name in catalogue.LANGUAGES:
        assert catalogue.po_file(name).with_suffix(".mo").is_file()


def test_chinese_texts_have_chinese_characters() -> None:
    names = [
        str(one.id)
        for one in catalogue.read(catalogue.po_file("zh_CN"))
        if one.id and not CHINESE.search(str(one.string))
    ]
    assert len(names) < 25, names


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_errors_and_output_are_translated(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    found = list(untranslated(path.read_text(encoding="utf-8")))
    assert [(line, text) for line, text in found if (name, text) not in EXEMPT] == []


def test_the_scan_finds_literals() -> None:
    source = """
raise CampaignError(f"no {name} here", hint="add one" if a else tr("add two"))
Problem("error", "code", "a message", hint=tr("fix it"))
typer.echo(one_line("some words"))
say(tr("known"))
"""
    assert [text for _, text in untranslated(source)] == [
        "no {} here", "add one", "a message", "some words",
    ]  # fmt: skip


def test_placeholders_are_names_with_formats() -> None:
    assert catalogue.placeholders("{count:,} of {name!r}") == {
        ("count", "", ","),
        ("name", "r", ""),
    }
    assert catalogue.placeholders("a { in a text") == set()


def test_an_update_keeps_translations_and_drops_old_texts() -> None:
    first = catalogue.updated("zh_CN", ["a", "b"], [])
    found = first.get("a")
    assert found is not None
    found.string = "甲"
    again = catalogue.updated("zh_CN", ["a", "c"], [first])
    assert {one.id: one.string for one in again if one.id} == {"a": "甲", "c": ""}


def test_an_update_takes_the_translations_of_another_file() -> None:
    mine, others = (catalogue.updated("zh_CN", ["a", "b"], []) for _ in range(2))
    for one, text, string in ((mine, "a", "甲"), (others, "b", "乙")):
        found = one.get(text)
        assert found is not None
        found.string = string
    merged = catalogue.updated("zh_CN", ["b", "a"], [mine, others])
    assert [(one.id, one.string) for one in merged if one.id] == [("a", "甲"), ("b", "乙")]


def test_a_translation_is_used() -> None:
    use("zh_CN")
    assert tr("there is no message to show") == "没有可显示的邮件"
    assert str(errors.CampaignError("x", file="a.csv", row=7, hint="y")) == "a.csv，第 7 行：x（y）"
