"""mailmerge unsubscribe-key, and the options of unsubscribe-server."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Call

SECTION = '\n[message.unsubscribe]\nurl = "https://news.x-firma.de/u"\n'


def _with_links(campaign: Path, more: str = "") -> Path:
    settings = campaign / "campaign.toml"
    settings.write_text(settings.read_text("utf-8") + SECTION + more, "utf-8")
    return campaign


def test_key_is_made_and_a_second_one_is_added(call: Call, campaign: Path) -> None:
    _with_links(campaign)
    assert "Added a key to unsubscribe.key" in call("unsubscribe-key", campaign).stderr
    first = (campaign / "unsubscribe.key").read_text("ascii").split()
    assert call("unsubscribe-key", campaign).exit_code == 0
    both = (campaign / "unsubscribe.key").read_text("ascii").split()
    assert (len(first), len(both)) == (1, 2)
    assert set(first) < set(both)


def test_campaign_without_links_has_no_key(call: Call, campaign: Path) -> None:
    done = call("unsubscribe-key", campaign)
    assert done.exit_code == 2
    assert "the campaign uses no key file (add [message.unsubscribe]" in done.stderr
    _with_links(campaign, 'secret_command = "echo secret"\n')
    assert call("unsubscribe-key", campaign).exit_code == 2


def test_list_belongs_to_a_key_file(call: Call, campaign: Path) -> None:
    done = call("unsubscribe-server", campaign, "--list", "suppressed.csv")
    assert (done.exit_code, "--list needs --key-file" in done.stderr) == (2, True)
