"""mailmerge preview: what the command prints, writes and refuses. The page has tests of its own."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Call


def test_out_writes_static_pages(call: Call, campaign: Path, tmp_path: Path) -> None:
    out = tmp_path / "pages"
    result = call("preview", campaign, "--out", out)
    assert result.exit_code == 0, result.output
    assert "Wrote 3 messages" in result.output
    assert str(out / "index.html") in result.output
    assert sorted(path.name for path in (out / "messages").iterdir()) == ["1", "2", "3"]


def test_a_broken_campaign_writes_nothing(call: Call, campaign: Path, tmp_path: Path) -> None:
    (campaign / "campaign.toml").write_text("[message")
    result = call("preview", campaign, "--out", tmp_path / "pages")
    assert result.exit_code == 2
    assert "campaign.toml" in result.output
    assert not (tmp_path / "pages").exists()


def test_a_missing_campaign_is_an_error(call: Call, tmp_path: Path) -> None:
    result = call("preview", tmp_path / "nowhere", "--no-open")
    assert result.exit_code == 2
    assert "mailmerge init" in result.output


def test_a_port_in_use_is_an_error(call: Call, campaign: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = call("preview", campaign, "--no-open", "--port", port)
    assert result.exit_code == 2
    assert f"port {port} is in use" in result.output


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_must_be_a_port_number(call: Call, campaign: Path, port: str) -> None:
    assert call("preview", campaign, "--no-open", "--port", port).exit_code == 2


def test_lang_is_the_language_of_the_page(
    call: Call, campaign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", "")  # is restored after --lang
    for options, chosen in (([], False), (["--lang", "zh"], True)):
        out = tmp_path / str(chosen)
        result = call("preview", campaign, "--out", out, *options)
        assert ("已写入 3 封邮件" in result.output) == chosen
        page = (out / "index.html").read_text(encoding="utf-8")
        assert ('<html lang="en" data-language="zh_CN">' in page) == chosen
