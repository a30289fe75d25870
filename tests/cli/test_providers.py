"""mailmerge providers: the list, one service, both languages, JSON."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from mailmerge.cli import app
from mailmerge.cli.exit_status import ExitStatus
from mailmerge.providers.lookup import load_providers
from mailmerge.wording import columns_of


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return CliRunner()


def test_every_service_has_a_line(run: CliRunner) -> None:
    result = run.invoke(app, ["providers"])
    assert result.exit_code == ExitStatus.DONE
    names = [line.split()[0] for line in result.stdout.splitlines()]
    assert names == list(load_providers())


@pytest.mark.parametrize("name", load_providers())
@pytest.mark.parametrize("language", ["en_GB.UTF-8", "zh_CN.UTF-8"])
def test_a_service_is_shown_within_the_terminal(run: CliRunner, name: str, language: str) -> None:
    result = run.invoke(app, ["providers", name], env={"LANG": language})
    assert result.exit_code == ExitStatus.DONE
    assert ("服务器" in result.stdout) == (language == "zh_CN.UTF-8")
    assert f'provider = "{name}"' in result.stdout
    lines = [line for line in result.stdout.splitlines() if "https://" not in line]
    assert max(map(columns_of, lines)) <= 80


def test_an_unverified_figure_is_marked(run: CliRunner) -> None:
    lines = run.invoke(app, ["providers", "gmail"]).stdout.splitlines()
    by_word = {line[2:20].strip(): line for line in lines if line.startswith("  ")}
    assert by_word["Limit"].endswith("500/day (not verified)")
    assert by_word["Server"].endswith("smtp.gmail.com 465 tls")
    assert by_word["Size"].endswith("25.0 MB (not verified)")


def test_a_service_without_one_host_shows_its_form(run: CliRunner) -> None:
    shown = run.invoke(app, ["providers", "ses"]).stdout
    assert 'host = "email-smtp.REGION.amazonaws.com"' in shown
    assert "not known; send slowly" in shown


def test_an_unverified_sentence_is_marked(run: CliRunner) -> None:
    shown = " ".join(run.invoke(app, ["providers", "brevo"]).stdout.split())
    assert "300 messages a day: set rate if yours is that one (not verified)." in shown
    broadcast = run.invoke(app, ["providers", "postmark-broadcast"]).stdout
    assert "587 starttls (not verified)" in " ".join(broadcast.split())
    sandbox = " ".join(run.invoke(app, ["providers", "ses"]).stdout.split())
    assert "only to verified addresses. The console" in sandbox


def test_chinese_has_its_own_rates_and_brackets(run: CliRunner) -> None:
    shown = run.invoke(app, ["providers", "office365"], env={"LANG": "zh_CN.UTF-8"}).stdout
    assert "每分钟 30 封、每天 10,000 封" in shown
    assert "/minute" not in shown
    doubtful = run.invoke(app, ["providers", "gmail"], env={"LANG": "zh_CN.UTF-8"}).stdout
    assert "每天 500 封（未核实）" in doubtful
    assert " （" not in doubtful
    chinese = run.invoke(app, ["providers", "brevo"], env={"LANG": "zh_CN.UTF-8"}).stdout
    assert "请设置 rate（未核实）。" in "".join(chinese.split("\n  "))


def test_json_is_one_document(run: CliRunner) -> None:
    one = json.loads(run.invoke(app, ["providers", "qq", "--json"]).stdout)
    assert (one["host"], one["port"], one["login"]) == ("smtp.qq.com", 465, "authorization-code")
    every = json.loads(run.invoke(app, ["providers", "--json"]).stdout)
    assert [item["name"] for item in every] == list(load_providers())
    assert all("sources" in item for item in every)


def test_an_unknown_service_is_a_usage_error(run: CliRunner) -> None:
    result = run.invoke(app, ["providers", "gmial"])
    assert result.exit_code == ExitStatus.USAGE
    assert result.stdout == ""
    assert "did you mean gmail" in result.stderr


def test_region_of_a_service_is_shown_with_its_host(run: CliRunner) -> None:
    lines = run.invoke(app, ["providers", "ses-eu-west-1"]).stdout.splitlines()
    assert '  host = "email-smtp.eu-west-1.amazonaws.com"' in lines
    assert (
        '  host = "email-smtp.REGION.amazonaws.com"'
        in run.invoke(app, ["providers", "ses"]).stdout.splitlines()
    )
