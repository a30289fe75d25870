"""providers.toml: complete, sourced, and found by its usual names and hosts."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest

from mailmerge.engine.retry import decide
from mailmerge.errors import CampaignError
from mailmerge.ledger.states import State
from mailmerge.providers.lookup import (
    FIGURES,
    Provider,
    as_json,
    find_provider,
    load_providers,
    provider_of_host,
    service_of,
)
from mailmerge.settings import parse_rate
from mailmerge.smtp import Outcome, Reply, Stage, Verdict

EVERY = list(load_providers().values())
NAMES = [provider.name for provider in EVERY]


def test_the_common_services_are_known() -> None:
    personal = {"gmail", "outlook", "icloud", "yahoo", "163", "126", "qq", "fastmail", "yandex"}
    offices = {"workspace", "office365", "exmail", "zoho"}
    senders = {"aliyun-dm", "ses", "sendgrid", "mailgun", "postmark", "brevo"}
    assert personal | offices | senders <= set(NAMES)


@pytest.mark.parametrize("provider", EVERY, ids=NAMES)
def test_every_figure_and_rule_has_a_dated_source(provider: Provider) -> None:
    sourced = ["port", "security", "login", "auth", "login_must_equal_from"]
    sourced += [*FIGURES, "host", "host_hint", "also", "replies", "imap"]
    sourced += ["files_sent"] * provider.files_sent
    for field in sourced:
        value = getattr(provider, field)
        if value not in ("", None, ()):
            source = provider.source_of(field)
            assert source is not None, field
            assert source.url.startswith("https://")
            assert source.checked >= dt.date(2026, 11, 1)
    mentioned = {rule.of for rule in provider.rules}
    assert {field for source in provider.sources for field in source.of} <= {*sourced, *mentioned}


@pytest.mark.parametrize("provider", EVERY, ids=NAMES)
def test_every_sentence_has_a_source(provider: Provider) -> None:
    """Sentences hold figures too: of a plan, of a sandbox."""
    for rule in provider.rules:
        assert provider.source_of(rule.of) is not None, rule.en


@pytest.mark.parametrize("name", ["mailgun", "brevo", "aliyun-dm", "sendgrid", "ses", "postmark"])
def test_the_limit_of_a_plan_is_only_mentioned(name: str) -> None:
    """The plan of an account is not known: its limit must not slow down one that permits more."""
    assert find_provider(name).rates == ()


@pytest.mark.parametrize("provider", EVERY, ids=NAMES)
def test_every_value_can_be_used(provider: Provider) -> None:
    assert provider.host or "REGION" in provider.host_hint
    assert provider.security in ("tls", "starttls")
    assert all(parse_rate(rate).count for rate in provider.rates)
    assert all(re.compile(rule.match) for rule in provider.replies)
    assert {rule.action for rule in provider.replies} <= {"reconnect", "pause", "stop", "fail"}
    assert provider.login_hint("en") != provider.login_hint("zh")
    assert all(rule.text("zh").endswith("。") for rule in provider.rules)
    assert all(rule.text().endswith(".") for rule in provider.rules)
    assert json.loads(json.dumps(as_json(provider)))["name"] == provider.name


def test_a_name_or_an_alias_belongs_to_one_service() -> None:
    owners: dict[str, str] = {}
    for provider in EVERY:
        for name in {provider.name, *provider.aliases, *provider.domains}:
            assert owners.setdefault(name, provider.name) == provider.name


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("gmail", "gmail"),
        ("GoogleMail.com", "gmail"),
        (" 163.com", "163"),
        ("hotmail.com", "outlook"),
    ],
)
def test_a_service_is_found_by_alias_and_domain(asked: str, found: str) -> None:
    assert find_provider(asked).name == found


def test_services_of_every_country_are_known() -> None:
    germany = {"gmx", "web.de", "t-online", "ionos", "strato", "posteo", "mailbox.org"}
    europe = {"ovh", "gandi", "infomaniak", "orange", "free", "laposte", "libero", "aruba", "wp"}
    europe |= {"onet", "seznam", "proton", "mail.ru", "yandex"}
    others = {"naver", "zoho", "fastmail", "feishu"}
    senders = {"resend", "mailersend", "mailjet", "smtp2go", "scaleway", "azure"}
    assert germany | europe | others | senders <= set(NAMES)
    assert find_provider("proton-bridge").port == 1025


@pytest.mark.parametrize(
    "region",
    ["eu-central-1", "eu-west-3", "us-gov-east-1", "ap-southeast-5", "il-central-1", "sa-east-1"],
)
def test_region_of_a_service_is_a_name_of_its_own(region: str) -> None:
    for name in (f"ses-{region}", f"SES-{region.upper()}", f"aws-{region}"):
        found = find_provider(name)
        assert (found.name, found.host) == ("ses", f"email-smtp.{region}.amazonaws.com")
    assert provider_of_host(found.host) == find_provider("ses")


@pytest.mark.parametrize(
    "name", ["ses-", "ses-mars-1", "ses-eu-west-1.evil.org", "gmail-eu-west-1"]
)
def test_region_that_cannot_be_is_an_unknown_name(name: str) -> None:
    with pytest.raises(CampaignError, match="unknown provider"):
        find_provider(name)


def test_an_unknown_name_is_answered_with_similar_ones() -> None:
    with pytest.raises(CampaignError, match="did you mean gmail"):
        find_provider("gmial")
    with pytest.raises(CampaignError, match="mailmerge providers"):
        find_provider("xxxxxxxxxxxx")


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("SMTP.qq.com.", "qq"),
        ("smtp.gmail.com", "gmail"),
        ("email-smtp.eu-west-1.amazonaws.com", "ses"),
        ("email-smtp-fips.us-east-1.amazonaws.com", "ses"),
        ("email-smtp.cn-north-1.amazonaws.com.cn", "ses"),
        ("smtp.eu.mailgun.org", "mailgun"),
        ("smtp.zoho.eu", "zoho"),
        ("smtppro.zoho.com.au", "zoho-pro"),
        ("smtp.vip.163.com", "163"),
        ("smtp.yeah.net", "163"),
        ("smtp.vip.126.com", "126"),
        ("smtpdm-ap-southeast-1.aliyun.com", "aliyun-dm"),
        ("smtp.zoho.eu.example.org", None),
        ("email-smtp.us-east-2.api.aws", "ses"),
        ("mail.example.org", None),
        ("127.0.0.1", None),
        ("", None),
    ],
)
def test_a_host_belongs_to_its_service(host: str, found: str | None) -> None:
    provider = provider_of_host(host)
    assert (provider.name if provider else None) == found


@pytest.mark.parametrize(
    ("name", "code", "text", "action"),
    [
        ("163", 451, "MI:DMC 163 smtp1", "reconnect"),
        ("163", 450, "RP:DRC 163 smtp1", "reconnect"),
        ("163", 554, "MI:STC 163 smtp5,D9GowABXqd==", "stop"),
        ("126", 554, "5.5.3 RP:TRC 126 smtp2", "stop"),
        ("126", 554, "5.7.3 HL:ITC 126 smtp2", "stop"),
        ("163", 554, "MI:SPB 163 smtp5", "stop"),
        ("163", 554, "HL:IPB 163 smtp5", "stop"),
        ("163", 554, "DT:SUM 163 smtp5", "stop"),
        ("163", 553, "Mail from must equal authorized user", "stop"),
        ("163", 451, "RP:QRC 163 smtp1", "pause"),
        ("163", 451, "MI:SFQ 163 smtp1", "pause"),
        ("126", 421, "HL:IFC 126 smtp1", "pause"),
        ("126", 421, "HL:MEP 126 smtp1", "pause"),
        ("126", 554, "HL:IHU 126 smtp1", "pause"),
        ("126", 554, "DT:SPM 126 smtp1", None),
        ("163", 550, "MI:NTE 163 smtp1", None),
        ("sendgrid", 451, "Authentication failed: Maximum credits exceeded", "stop"),
        ("sendgrid", 550, "The from address does not match a verified Sender Identity.", "stop"),
        ("aliyun-dm", 440, "mail from account doesn't conform with authentication", "stop"),
        ("aliyun-qiye", 440, "mail from account doesn't conform with authentication", "stop"),
        ("aliyun-qiye", 554, "Reject by behaviour spam", "stop"),
        ("aliyun-qiye", 505, "the total of RCPTs is achieved the maximum threshold", "pause"),
        ("gmail", 550, "5.4.5 Daily user sending limit exceeded", "pause"),
        ("qq", 550, "Connection frequency limited", "pause"),
        ("qq", 550, 'The "From" header is missing or invalid', "stop"),
        ("ses", 454, "Throttling failure: Maximum sending rate exceeded.", "pause"),
        ("ses", 454, "Throttling failure: Daily message quota exceeded.", "pause"),
        ("office365", 432, "4.3.2 Concurrent connections limit exceeded", "reconnect"),
        ("gmail", 550, "5.1.1 no such user", None),
        ("office365", 550, "5.7.236 exceeded the limit of external recipients", "stop"),
        ("office365", 554, "5.2.0 X.Exception:SubmissionQuotaExceededException; failed", "stop"),
        ("office365", 550, "5.2.251 throttled", "pause"),
        ("office365", 550, "5.2.252 cannot send as", "stop"),
        ("office365", 550, "5.2.255 throttled", "pause"),
        ("outlook", 554, "5.2.0 X.Exception:SubmissionQuotaExceededException; failed", "stop"),
        ("outlook", 550, "5.2.252 throttled", "pause"),
    ],
)
def test_a_reply_rule_overrides_the_first_digit(
    name: str, code: int, text: str, action: str | None
) -> None:
    assert find_provider(name).action_for(code, text) == action


@pytest.mark.parametrize("name", ["163", "126"])
@pytest.mark.parametrize(
    ("code", "text"), [(554, "MI:STC 163 smtp5"), (550, "RP:TRC"), (451, "RP:QRC"), (554, "HL:IHU")]
)
def test_a_limit_of_the_netease_sender_rejects_no_message(name: str, code: int, text: str) -> None:
    """The limit is the sender's; the next recipient must not be marked as rejected for it."""
    reply = Reply(code, (text,))
    verdict = Verdict.REJECTED if code >= 500 else Verdict.DEFERRED
    outcome = Outcome(1, verdict, Stage.RCPT, reply)
    decision = decide(outcome, attempts=0, rules=find_provider(name).action_for)
    assert decision.state in (None, State.DEFERRED)
    assert decision.stop or decision.cool_down


@pytest.mark.parametrize(
    ("host", "code", "text", "action"),
    [
        ("smtp.yeah.net", 451, "MI:DMC", "reconnect"),
        ("smtp.vip.163.com", 554, "MI:STC", "stop"),
        ("email-smtp.eu-west-1.amazonaws.com", 454, "Throttling failure: Daily", "pause"),
        ("smtpdm-eu.aliyun.com", 440, "doesn't conform with authentication", "stop"),
    ],
)
def test_a_host_alone_has_the_rules_of_its_service(
    host: str, code: int, text: str, action: str
) -> None:
    provider = provider_of_host(host)
    assert provider is not None
    assert provider.action_for(code, text) == action


def test_the_netease_services_know_the_same_replies() -> None:
    assert find_provider("163").replies == find_provider("126").replies


def test_unverified_figures_are_marked() -> None:
    broadcast = find_provider("postmark-broadcast")
    assert not broadcast.is_verified("host")
    assert broadcast.is_verified("port")
    assert find_provider("brevo").is_verified("port")
    assert not find_provider("brevo").is_verified("also")
    gmail = find_provider("gmail")
    assert gmail.is_verified("host")
    assert not gmail.is_verified("rates")
    assert not gmail.is_verified("max_connections")
    assert gmail.source_of("max_connections") is None


@pytest.mark.parametrize(
    ("provider", "host", "name"),
    [
        ("google", "", "gmail"),
        ("ses-eu-west-1", "", "ses"),
        ("", "smtp.office365.com", "office365"),
        ("gmail", "smtp.office365.com", "gmail"),
        ("unknown", "smtp.office365.com", ""),
        ("", "", ""),
    ],
)
def test_service_has_one_name(provider: str, host: str, name: str) -> None:
    assert service_of(provider, host) == name
