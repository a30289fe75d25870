"""--lang, at any place, else the language of the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailmerge.cli import app
from mailmerge.language import language
from tests.cli.conftest import Call

CHINESE_HELP = "显示哪些收件人收到了邮件"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "")  # is restored after a test of --lang


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lang", "zh_CN", "status", "--help"],
        ["status", "--lang", "zh", "--help"],
        ["status", "--help", "--lang=zh-Hans"],
        ["--lang=en", "status", "--help", "--lang", "zh_CN.UTF-8"],
    ],
)
def test_lang_may_stand_anywhere(call: Call, arguments: list[str]) -> None:
    assert CHINESE_HELP in call(*arguments).stdout


@pytest.mark.parametrize(
    ("variables", "chinese"),
    [
        ({"LANG": "zh_CN.UTF-8"}, True),
        ({"LANG": "de_DE.UTF-8"}, False),
        ({"LANG": "C.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, True),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de:zh_CN"}, True),
    ],
)
def test_the_environment_decides_otherwise(variables: dict[str, str], chinese: bool) -> None:
    shown = CliRunner().invoke(app, ["status", "--help"], env=variables).stdout
    assert (CHINESE_HELP in shown) == chinese


def test_lang_comes_before_the_environment(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    shown = call("--lang", "en", "status", "--help").stdout
    assert "Show which recipients" in shown


def test_an_unknown_language_is_a_usage_error(call: Call) -> None:
    done = call("status", "--lang", "tlh")
    assert done.exit_code == 2
    assert "--lang: no texts in 'tlh'; use en, zh_CN" in done.stderr


def test_lang_needs_a_value(call: Call) -> None:
    done = call("status", "--lang")
    assert done.exit_code == 2
    assert "--lang needs a value" in done.stderr


def test_child_processes_get_the_language(call: Call) -> None:
    call("--lang", "zh", "--version")
    assert os.environ["LANGUAGE"] == "zh_CN"
    assert language() == "zh_CN"


def test_arguments_after_two_dashes_are_no_options(call: Call, tmp_path: Path) -> None:
    done = call("status", "--", "--lang")
    assert "--lang" in done.stderr
    assert "needs a value" not in done.stderr
    assert language() == "en"


def test_errors_are_in_the_language(call: Call, tmp_path: Path) -> None:
    done = call("render", tmp_path, "--all", "--lang", "zh")
    assert done.exit_code == 2
    assert done.stderr == "错误：--all 需要文件夹（请加上 --out DIR）\n"
