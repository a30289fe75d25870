"""The help of every command in Chinese, and its usage errors."""

from __future__ import annotations

import re
from typing import Annotated

import pytest
import typer

from mailmerge.cli.translated_help import lines
from mailmerge.wording import columns_of
from tests.cli.conftest import Call
from tests.cli.reference import commands

WORDS = re.compile(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}")
"""Three English words in a row."""


@pytest.fixture(autouse=True)
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("name", ["", *commands()])
def test_help_is_chinese_and_fits_the_terminal(call: Call, name: str) -> None:
    shown = call(*name.split(), "--help").stdout
    lines = shown.splitlines()
    assert lines[0].startswith(f"用法：mailmerge {name}".rstrip())
    assert max(map(columns_of, lines)) <= 80
    assert not WORDS.search("\n".join(lines[1:]))
    assert "显示此帮助并退出。" in shown


def test_every_option_is_in_the_help(call: Call) -> None:
    for name, command in commands().items():
        shown = call(*name.split(), "--help").stdout
        assert [one for one in command.options if one not in shown] == []


def test_texts_begin_at_one_column(call: Call) -> None:
    shown = call("send", "--help").stdout
    sections = shown.split("\n\n")
    assert len(sections) > 5
    for section in sections:
        lines = section.splitlines()
        starts = {columns_of(line[: found.start()]) for line in lines if (found := first(line))}
        assert len(starts) <= 1


def first(line: str) -> re.Match[str] | None:
    """The first Chinese character of a line."""
    return re.search(r"[\u4e00-\u9fff]", line) if line.startswith("  -") else None


def test_defaults_and_ranges_are_chinese(call: Call) -> None:
    shown = call("send", "--help").stdout
    assert "[默认值：hold]" in shown
    assert "[1 到 100]" in shown
    assert "[必填]" in call("suppress", "add", "--help").stdout


def test_a_long_name_stands_on_a_line_of_its_own() -> None:
    app = typer.Typer()

    @app.command()
    def go(
        name: Annotated[
            str, typer.Option("--" + "very-" * 8 + "long-name", help="Text of the option.")
        ] = "x",
        secret: Annotated[bool, typer.Option("--secret", hidden=True)] = False,
    ) -> None:
        print(name, secret)

    command = typer.main.get_command(app)
    with command.make_context("go", []) as context:
        shown = list(lines(command, context, str))
    at = next(number for number, line in enumerate(shown) if "long-name" in line)
    assert "Text of the option." not in shown[at]
    assert "Text of the option." in shown[at + 1]
    assert not any("--secret" in line for line in shown)


def test_help_lists_the_commands_of_a_group(call: Call) -> None:
    shown = call("suppress", "--help").stdout
    assert "  import  把表格中的所有地址加入屏蔽名单。" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["send", "--limit", "x"], "错误：'--limit' 的值无效：请写整数，例如 3"),
        (["send", "--connections", "0"], "错误：'--connections' 的值无效：请写至少 1"),
        (["send", "--bogus"], "错误：没有选项 --bogus"),
        (["send", "--limti", "3"], "错误：没有选项 --limti（可用的选项：--limit，--wait）"),
        (["send", "--limit"], "错误：--limit 需要一个值"),
        (["sedn"], "错误：没有命令 sedn。是不是要写 'send'？"),
        (["suppress", "add"], "错误：缺少参数 'ADDRESS'。"),
        (["status", "a", "b"], "错误：多余的内容：b"),
    ],
)
def test_usage_errors_are_chinese(call: Call, arguments: list[str], message: str) -> None:
    done = call(*arguments)
    assert done.exit_code == 2
    *before, last = done.stderr.splitlines()
    assert last == message
    assert [line[:2] for line in before] in (["用法", "运行", ""], [])
