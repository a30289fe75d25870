"""explanations.toml: every reply is explained in both languages, by the most exact entry."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.providers.catalogue import Language
from mailmerge.providers.explanations import Explanations, Step, explain, step_of
from mailmerge.providers.lookup import load_providers
from tests.smtp.replies import HEARD, Heard

SOURCE = resources.files("mailmerge.providers").joinpath("explanations.toml").read_text("utf-8")
TABLE: dict[str, Any] = tomllib.loads(SOURCE)
NEEDS_THE_STEP = {"machine-name-hello"}
WITHOUT_WORDS = {"login-weak", "login-weak-status"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")


KNOWN: list[tuple[int, str, str, str]] = [
    (535, "5.7.8 Username and Password not accepted. - gsmtp", "", "app passwords"),
    (
        534,
        "5.7.9 Application-specific password required. gsmtp",
        "gmail",
        "needs an app password",
    ),
    (535, "5.7.8 BadCredentials", "gmail", "app passwords"),
    (
        535,
        "Login Fail. Please enter your authorization code to login.",
        "qq",
        "authorization code",
    ),
    (535, "Error: authentication failed", "163", "authorization code"),
    (535, "请使用授权码登录", "", "authorization code"),
    (550, "User has no permission", "", "authorization code"),
    (
        535,
        "5.7.139 SmtpClientAuthentication is disabled",
        "office365",
        "switched off for this mailbox",
    ),
    (535, "5.7.139 Authentication unsuccessful", "", "basic authentication"),
    (535, "5.7.3 Authentication unsuccessful", "office365", "Microsoft refused"),
    (535, "5.7.8 Error: authentication failed", "icloud", "app password"),
    (535, "Authentication Credentials Invalid", "ses", "SMTP credentials"),
    (535, "5.7.8 no", "", "user name or the password"),
    (454, "4.7.0 Too many login attempts, please try again later", "gmail", "Too many log-ins"),
    (454, "4.7.0 Temporary authentication failure", "", "cannot check the log-in"),
    (454, "TLS not available due to local problem", "", "cannot start TLS"),
    (454, "Throttling failure: Daily message quota exceeded", "ses", "daily quota"),
    (454, "Throttling failure: Maximum sending rate exceeded", "ses", "faster than"),
    (432, "4.3.2 Concurrent connections limit exceeded", "office365", "Too many connections"),
    (432, "4.7.12 A password transition is needed", "", "password to be changed"),
    (530, "5.7.0 Must issue a STARTTLS command first", "", "without TLS"),
    (530, "5.7.0 Authentication Required", "", "log-in before"),
    (538, "5.7.11 Encryption required", "", "clear text"),
    (534, "5.7.9 Please log in via your web browser", "", "too weak"),
    (432, "4.7.12 A password transition is needed", "qq", "password to be changed"),
    (550, 'The "From" header is missing or invalid. RFC5322', "qq", "QQ refuses the From"),
    (
        553,
        "Mail from must equal authorized user, must be same as login",
        "163",
        "may not send as",
    ),
    (
        550,
        "5.7.60 SMTP; Client does not have permissions to send as this sender",
        "",
        "send as",
    ),
    (554, "Message rejected: Email address is not verified", "ses", "verified addresses"),
    (554, "5.7.1 <b@example.org>: Relay access denied", "", "relay mail"),
    (550, "5.4.5 Daily user sending limit exceeded", "gmail", "daily sending limit"),
    (550, "5.7.1 you have exceeded your daily sending limit", "icloud", "daily sending limit"),
    (421, "4.7.28 unusual rate of unsolicited mail", "", "too much mail at once"),
    (451, "MI:DMC 163 smtp", "", "as many messages"),
    (452, "4.5.3 Too many messages sent", "", "as many messages"),
    (450, "RP:DRC", "126", "as many recipients"),
    (451, "MI:SFQ", "163", "15 minutes"),
    (421, "HL:ICC", "163", "Too many connections"),
    (421, "HL:REP", "163", "blocks this network"),
    (550, "Connection frequency limited", "qq", "faster than"),
    (450, "4.2.0 Greylisted, see http://postgrey", "", "Greylisting"),
    (554, "DT:SPM 163 smtp5", "", "spam"),
    (554, "5.7.1 Service unavailable; blocked using zen.spamhaus.org", "", "block list"),
    (550, "5.7.26 Unauthenticated email", "", "SPF and DKIM both fail"),
    (550, "5.7.27 SPF did not pass. gsmtp", "", "Gmail requires SPF"),
    (550, "5.7.515 Access denied, sending domain does not meet the level", "", "Outlook.com"),
    (550, "5.7.0 DMARC policy violation", "", "own rules"),
    (550, "5.7.1 likely unsolicited mail", "", "message spam"),
    (552, "5.7.0 Message blocked: virus found", "", "attachment"),
    (552, "5.3.4 Message size exceeds fixed limit", "", "larger than"),
    (552, "Too many recipients", "", "recipients in one message"),
    (550, "5.6.7 SMTPUTF8 is required", "", "ASCII"),
    (550, "5.7.1 Messages missing a valid Message-ID header", "", "header field"),
    (552, "5.2.2 The mailbox is over quota", "", "mailbox is full"),
    (550, "5.1.1 User unknown in virtual mailbox table", "", "no such mailbox"),
    (550, "account disabled", "", "switched off"),
    (554, "5.5.1 Error: no valid recipients", "", "No recipient"),
    (554, "5.5.0 Error: SMTP protocol synchronization", "", "order of the dialogue"),
    (421, "4.4.2 idle timeout", "", "was idle"),
    (450, "4.7.25 cannot find your reverse hostname", "", "name or the network address"),
    # the tables of RFC 3463 and RFC 5248, from exact to general
    (550, "5.1.10 recipient", "", "null MX"),
    (450, "4.3.1 sorry", "", "disk is full"),
    (550, "5.2.99 odd", "", "recipient's mailbox"),
    (550, "5.99.1 odd", "", "refuses this recipient"),
    (421, "bye", "", "closes the connection"),
    (571, "blocked", "", "Refused for good"),
    (471, "hm", "", "Refused for now"),
    (250, "2.1.0 Ok", "", "Done"),
    (354, "go ahead", "", "waits for the message"),
    (299, "?", "", "Done"),
    (700, "HTTP", "", "not an SMTP reply"),
]


@pytest.mark.parametrize(("code", "text", "provider", "meaning"), KNOWN)
def test_a_known_reply_is_explained(code: int, text: str, provider: str, meaning: str) -> None:
    assert meaning in explain(code, text, provider=provider).meaning


@pytest.mark.parametrize(
    "heard", HEARD, ids=[f"{heard.who}-{heard.code}-{heard.text[:30]}" for heard in HEARD]
)
def test_a_real_reply_is_explained(heard: Heard) -> None:
    found = explain(heard.code, heard.text, provider=heard.provider, step=heard.step)
    assert found.key == heard.key, found.meaning


@pytest.mark.parametrize(
    "heard",
    [heard for heard in HEARD if heard.step != "token" and heard.key not in NEEDS_THE_STEP],
    ids=lambda heard: f"{heard.who}-{heard.code}-{heard.text[:30]}",
)
def test_a_recorded_reply_is_explained_without_its_step(heard: Heard) -> None:
    """The ledger keeps the reply without its step; the words of most replies are enough."""
    assert explain(heard.code, heard.text, provider=heard.provider).key == heard.key


def test_the_step_decides_where_the_words_do_not() -> None:
    assert explain(454, "4.3.0 Try again", step="login").key == "login-unchecked"
    assert explain(454, "4.3.0 Try again", step="rcpt").key == "status 3.0"
    assert explain(534, "no").key == "login-weak"
    assert explain(554, "5.7.9 no", step="login").key == "login-weak-status"
    assert explain(554, "5.7.9 no", step="content").key == "subject 7"


KINDS = [
    'step = ["token"]',
    'status = "5.9.9"\ntext = "odd"',
    'status = "5.9.9"',
    'text = "odd"\nprovider = ["qq"]',
    'text = "odd"',
    'provider = ["qq"]\nstep = ["login"]',
    'provider = ["qq"]',
    'step = ["login"]',
    "code = [535]",
]
"""What an entry may be for, from exact to general; all of them fit the reply below."""


def test_the_most_exact_entry_wins_wherever_it_stands() -> None:
    """A token before a status, a status before words, words before a service, a step, a code."""
    rest = SOURCE[SOURCE.index("\n[status]\n") :]
    only = '[only.login]\ncode = []\ntext = "authentication"\n[speaker]\n'
    for number in range(len(KINDS)):
        entries = "".join(
            f'[reply.kind{index}]\n{kind}\nen = {{ meaning = "x", action = "y" }}\n'
            f'zh = {{ meaning = "x", action = "y" }}\n'
            for index, kind in reversed([*enumerate(KINDS)][number:])
        )
        table = Explanations.parse(f"{only}{entries}{rest}")
        found = table.explain(535, "5.9.9 odd", provider="qq", step="token")
        assert found.key == f"kind{number}"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("5.2.2 full", "status 2.2"),
        ("<a@b.example>: 5.2.2", "status 2.2"),
        ("sorry (#5.2.2)", "status 2.2"),
        ("[192.0.2.7] 5.2.2: sorry", "status 2.2"),
        ("Your address 5.2.2.14 is refused", "code 550"),
        ("Your address is 15.2.2", "code 550"),
        ("version 4.2.2 of this server", "code 550"),
    ],
)
def test_an_address_or_version_is_no_status(text: str, key: str) -> None:
    assert explain(550, text).key == key


def test_the_entries_of_the_file_are_ranked_too() -> None:
    """A status says more than words, words more than the service, that more than a code alone."""
    assert explain(535, "5.7.139 no", provider="office365").key == "microsoft-login-rule"
    assert explain(535, "授权码", provider="gmail").key == "authorization-code-words"
    assert explain(535, "no", provider="gmail").key == "gmail-login"
    assert explain(535, "no").key == "login-refused"


@pytest.mark.parametrize(
    ("command", "step"),
    [
        ("GREETING", "greeting"),
        ("EHLO me.example", "hello"),
        ("LHLO me.example", "hello"),
        ("helo me.example", "hello"),
        ("STARTTLS", "tls"),
        ("AUTH PLAIN ****", "login"),
        ("AUTH XOAUTH2 ****", "token"),
        ("AUTH OAUTHBEARER", "token"),
        ("MAIL FROM:<a@b.example>", "mail"),
        ("RCPT TO:<a@b.example>", "rcpt"),
        ("DATA", "content"),
        ("BDAT 10 LAST", "content"),
        ("RSET", None),
        ("", None),
    ],
)
def test_a_command_has_its_step(command: str, step: str | None) -> None:
    assert step_of(command) == step


def test_the_class_of_the_status_is_that_of_the_code() -> None:
    assert explain(451, "5.7.28 x") == explain(421, "4.7.28 x")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_code_is_explained_in_sentences(language: Language) -> None:
    for code in range(1000):
        explanation = explain(code, "", language=language)
        assert explanation.meaning.endswith((".", "。")), code
        assert explanation.action.endswith((".", "。")), code


@given(
    code=st.integers(0, 999),
    text=st.text(max_size=80),
    provider=st.sampled_from(["", *load_providers()]),
    language=st.sampled_from(["en", "zh"]),
)
def test_every_reply_has_an_explanation(
    code: int, text: str, provider: str, language: Language
) -> None:
    explanation = explain(code, text, provider=provider, language=language)
    assert explanation.meaning.endswith((".", "。"))
    assert explanation.action.endswith((".", "。"))
    assert bool(CHINESE.search(explanation.meaning)) == (language == "zh")


def test_every_entry_explains_some_reply() -> None:
    """An entry that explains nothing is hidden by another one, or was never seen in use."""
    examples = [explain(*example[:2], provider=example[2]).key for example in KNOWN]
    assert TABLE["reply"].keys() <= {*examples, *(heard.key for heard in HEARD), *WITHOUT_WORDS}


def test_the_table_names_only_what_exists() -> None:
    entries = TABLE["reply"].values()
    named = {name for entry in entries for name in entry.get("provider", [])}
    assert named | TABLE["speaker"].keys() <= load_providers().keys()
    steps = {step for entry in entries for step in entry.get("step", [])}
    assert steps | TABLE["only"].keys() <= set(get_args(Step))
    keys = {key for entry in entries for key in entry}
    assert keys <= {"code", "provider", "step", "status", "text", "en", "zh"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_entry_is_in_sentences_of_its_language(language: Language) -> None:
    for name, entry in TABLE["reply"].items():
        for words in (entry[language]["meaning"], entry[language]["action"]):
            assert words.endswith("。" if language == "zh" else "."), name
            bare = words.replace("授权码", "")
            assert bool(CHINESE.search(bare)) == (language == "zh"), name
