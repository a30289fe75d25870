"""Command line > campaign.toml > provider, resolved once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.credentials import Account, require_account
from mailmerge.engine.limits import Limits, resolve_limits
from mailmerge.engine.plan import make_plan
from mailmerge.settings import Settings, load_settings, parse_rate

MESSAGE = '[message]\nfrom = "a@example.org"\nsubject = "s"\ntext = "body.txt"\n'
GMAIL = '[smtp]\nprovider = "gmail"\nusername = "me@gmail.com"\n'
OFFICE = '[smtp]\nprovider = "office365"\nusername = "me@x.org"\n'
SES = '[smtp]\nprovider = "ses"\nhost = "email-smtp.eu-west-1.amazonaws.com"\nusername = "k"\n'


def campaign_of(folder: Path, more: str = "") -> Settings:
    (folder / "campaign.toml").write_text(MESSAGE + more)
    (folder / "body.txt").write_text("Hello")
    return load_settings(folder)


def resolved(folder: Path, more: str) -> tuple[Limits, Account]:
    campaign = campaign_of(folder, more)
    account = require_account(campaign.smtp, campaign.folder)
    return resolve_limits(campaign.delivery, account), account


def test_defaults_without_any_setting(tmp_path: Path) -> None:
    limits = resolve_limits(campaign_of(tmp_path).delivery, counted_as="sandbox")
    assert limits.rates == ()
    assert (limits.connections, limits.window, limits.messages_per_connection) == (1, 1, None)
    assert (limits.wait, limits.limit, limits.in_doubt) == (900.0, None, "hold")
    assert (limits.size_limit, limits.account) == (None, "sandbox")
    assert limits.rules(421, "4.7.28") is None


def test_provider_fills_in_what_the_campaign_leaves_open(tmp_path: Path) -> None:
    limits, account = resolved(tmp_path, GMAIL)
    assert account.provider is not None
    assert limits.rates == tuple(map(parse_rate, account.provider.rates)) != ()
    assert limits.size_limit == account.provider.max_size is not None
    assert limits.account == account.name
    assert limits.rules(421, "4.7.28 Unusual rate") == "pause"


def test_campaign_wins_over_the_provider(tmp_path: Path) -> None:
    limits, _ = resolved(
        tmp_path,
        GMAIL + '[delivery]\nrate = "1/second"\nmessages_per_connection = 3\nwindow = 2\n'
        'wait = "1 minute"\ndomain_rates = { "x.org" = ["1/minute"] }\n',
    )
    assert limits.rates[0] == parse_rate("1/second")
    assert (limits.messages_per_connection, limits.window, limits.wait) == (3, 2, 60.0)
    assert limits.domain_rates == {"x.org": (parse_rate("1/minute"),)}


def test_limits_of_all_three_places_hold(tmp_path: Path) -> None:
    campaign = campaign_of(
        tmp_path, GMAIL + '[delivery]\nrate = "1/second"\nconnections = 2\nwindow = 2\n'
    )
    limits = resolve_limits(
        campaign.delivery,
        require_account(campaign.smtp, campaign.folder),
        rates=[parse_rate("5/minute")],
        connections=7,
        window=8,
        wait=0.0,
        limit=0,
        in_doubt="resend",
    )
    assert limits.rates == tuple(map(parse_rate, ["5/minute", "1/second", "500/day"]))
    assert [rate.origin for rate in limits.rates] == ["--rate", "campaign.toml", "Gmail"]
    assert (limits.connections, limits.window, limits.wait) == (7, 8, 0.0)
    assert (limits.limit, limits.in_doubt) == (0, "resend")
    assert resolve_limits(campaign.delivery, rates=()).rates == (), "no rate is an answer, too"


def test_connections_are_at_most_those_of_the_provider(tmp_path: Path) -> None:
    limits, account = resolved(tmp_path, OFFICE + "[delivery]\nconnections = 50\n")
    assert account.provider is not None
    assert limits.connections == account.provider.max_connections == 3
    unset, _ = resolved(tmp_path, OFFICE)
    assert unset.connections == 1, "more than one is a choice of the user"
    few, _ = resolved(tmp_path, OFFICE + "[delivery]\nconnections = 2\n")
    assert few.connections == 2
    many, _ = resolved(tmp_path, GMAIL + "[delivery]\nconnections = 50\n")
    assert many.connections == 50, "its number is not known"


def test_rules_of_a_provider_that_only_its_host_names(tmp_path: Path) -> None:
    limits, account = resolved(tmp_path, '[smtp]\nhost = "smtp.qq.com"\nport = 465\n')
    assert account.provider is None
    assert limits.rules(550, "Mailbox frequency limited") == "pause"
    assert limits.rates == ()


def test_rules_of_the_named_provider_win_over_those_of_the_host(tmp_path: Path) -> None:
    limits, _ = resolved(tmp_path, GMAIL + 'host = "relay.example.org"\nport = 587\n')
    assert limits.rules(421, "4.7.28 Unusual rate") == "pause"


@pytest.mark.parametrize("more", ["", GMAIL, SES, GMAIL + "[delivery]\nconnections = 9\n"])
def test_plan_shows_the_limits_of_the_run(tmp_path: Path, more: str) -> None:
    campaign = campaign_of(tmp_path, more)
    account = require_account(campaign.smtp, campaign.folder) if more else None
    limits = resolve_limits(campaign.delivery, account)
    plan = make_plan(limits, {}, to_send=1, sender="", server="")
    assert (plan.rates, plan.connections, plan.window) == (
        limits.rates,
        limits.connections,
        limits.window,
    )


def test_the_stricter_of_two_rates_governs_and_is_named(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path, GMAIL + '[delivery]\nrate = ["60/minute", "2000/day"]\n')
    account = require_account(campaign.smtp, campaign.folder)
    limits = resolve_limits(campaign.delivery, account, rates=[parse_rate("90/minute")])
    assert limits.rates == (parse_rate("60/minute"), parse_rate("500/day"))
    plan = str(make_plan(limits, {}, to_send=702, sender="", server=""))
    assert "60/minute (campaign.toml, stricter than 90/minute of --rate)" in plan
    assert "500/day (Gmail, stricter than 2000/day of campaign.toml)" in plan
    assert "at the earliest (500/day governs)" in plan


def test_connections_of_the_command_line_are_within_the_provider(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path, OFFICE)
    account = require_account(campaign.smtp, campaign.folder)
    assert resolve_limits(campaign.delivery, account, connections=9).connections == 3
