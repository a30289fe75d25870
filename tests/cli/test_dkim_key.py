"""mailmerge dkim-key: a key for this user alone, and the record for the DNS."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest

from mailmerge.signing.keys import read_key
from tests.cli.conftest import Call


def test_it_writes_a_private_key_and_prints_the_record(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "dkim.pem"
    done = call("dkim-key", "Example.org.", "s1", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith('s1._domainkey.example.org. IN TXT ( "v=DKIM1; k=rsa; p=')
    assert 'selector = "s1"' in done.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert read_key(out.read_bytes(), "").bits == 2048


def test_json_has_the_record_as_one_text(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "e.pem"
    done = call("dkim-key", "x.org", "e1", "--out", str(out), "--algorithm", "ed25519", "--json")
    document = json.loads(done.stdout)
    key = read_key(out.read_bytes(), "")
    assert (document["name"], document["record"]) == ("e1._domainkey.x.org", key.record())


def test_an_existing_key_is_never_replaced(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "dkim.pem"
    out.write_text("mine")
    done = call("dkim-key", "x.org", "s1", "--out", str(out))
    assert done.exit_code == 2
    assert out.read_text() == "mine"


def test_a_selector_is_a_name_of_the_dns(call: Call, tmp_path: Path) -> None:
    done = call("dkim-key", "x.org", "s 1", "--out", str(tmp_path / "dkim.pem"))
    assert done.exit_code == 2
    assert "selector" in done.stderr


def test_printed_settings_are_toml_that_finds_the_key(
    call: Call, campaign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / 'the "best" keys'
    elsewhere.mkdir()
    monkeypatch.chdir(campaign)
    for out, written in ((Path("dkim.pem"), "dkim.pem"), (elsewhere / "a.pem", None)):
        shown = call("dkim-key", "x.org", "s1", "--out", str(out)).stderr
        [section] = tomllib.loads(shown[shown.index("[message.dkim]") :])["message"].values()
        assert (section["selector"], section["domain"]) == ("s1", "x.org")
        assert section["key_file"] == (written or out.as_posix())
        assert (campaign / section["key_file"]).exists()
