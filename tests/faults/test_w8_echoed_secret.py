"""A reply that repeats the log-in shows, logs and stores no secret."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from urllib.parse import quote

import pytest

from mailmerge.engine.events import EventLog
from mailmerge.smtp import Client, Credentials, Server
from mailmerge.smtp.errors import SmtpError
from tests.campaign_folder import make_campaign_folder
from tests.engine.driver import make_campaign, make_recipients, make_run
from tests.ledgers import open_store
from tests.scripted_server import Close, Offer, Reply, Rule, Send, Stage, When, serve

USER = "news@example.org"
SECRET = "Tr0ub4dor&3 \u00fcber/geheim"
TOKEN = "ya29.A0ARrdaM-token_of-Ann"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAIN = encoded(f"\0{USER}\0{SECRET}")
XOAUTH2 = encoded(f"user={USER}\1auth=Bearer {TOKEN}\1\1")

ECHOES = {
    "command": f"5.5.4 AUTH PLAIN {PLAIN} is wrong",
    "no padding": f"5.5.4 {PLAIN.rstrip('=')}",
    "another separator": "5.5.4 " + encoded(f"{USER}\0{USER}\0{SECRET}"),
    "base64": f"5.5.4 password {encoded(SECRET)}",
    "url-safe base64": "5.5.4 " + encoded(SECRET).replace("/", "_").replace("+", "-"),
    "raw": f"5.7.8 {SECRET} is not the password of {USER}",
    "decoded": f"5.7.8 {USER} {SECRET} refused",
    "capitals": f"5.7.8 {SECRET.upper()}",
    "percent-encoded": f"5.7.8 http://help.example/?p={quote(SECRET, safe='')}",
    "form-encoded": f"5.7.8 p={quote(SECRET, safe='').replace('%20', '+')}",
    "percent-encoded base64": f"5.7.8 ?auth={quote(PLAIN, safe='')}",
    "hexadecimal": f"5.7.8 {SECRET.encode().hex()}",
    "escaped": "5.7.8 " + "".join(f"\\x{byte:02x}" for byte in SECRET.encode()),
    "cut short": f"5.7.8 AUTH PLAIN {PLAIN[:40]}...",
    "two lines": f"5.7.8 AUTH PLAIN {PLAIN[:30]}\n5.7.8 {PLAIN[30:]}",
    "quoted": f'5.7.8 you said "{SECRET}"',
    "html": "5.7.8 " + SECRET.replace("&", "&amp;"),
}


def leaks(text: str, secret: str = SECRET) -> bool:
    """Whether a text reveals a part of the secret."""
    parts = {secret, secret.upper(), secret[:9], quote(secret, safe="")[:9], secret.encode().hex()}
    for sent in (PLAIN, XOAUTH2, encoded(secret)):
        parts |= {sent[start : start + 16] for start in range(24, len(sent) - 16)}
    return any(part in text for part in parts)


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_refused_login_shows_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mechanism: str, echo: str
) -> None:
    """Neither the summary, nor the event log, nor Python's logging has it."""
    caplog.set_level(logging.DEBUG)
    campaign = make_campaign(tmp_path)
    refused = Rule(When(Stage.AUTH), (Reply(535, ECHOES[echo]),))
    credentials = Credentials(USER, SECRET, mechanism=mechanism, allow_plain_text=True)
    log = tmp_path / "events.jsonl"
    with (
        serve(refused, users={USER: "other"}, auth_in_clear=True) as server,
        open_store(campaign) as store,
        EventLog(log) as listener,
    ):
        store.enrol(make_recipients(2), campaign.fingerprint())
        more = {"credentials": credentials, "listener": listener}
        summary = make_run(campaign, store, server.port, more=more).execute()
    shown = [str(summary.error), json.dumps(summary.to_json()), log.read_text(), caplog.text]
    assert "535" in shown[0]
    for text in shown:
        assert not leaks(text), text


def test_refused_token_shows_no_token(tmp_path: Path) -> None:
    """The error of a token comes in base64, and may repeat the token."""
    problem = encoded(json.dumps({"status": "400", "token": TOKEN}))
    for reply in (
        (Reply(334, problem), Reply(535, f"5.7.8 {XOAUTH2}")),
        (Reply(535, f"5.7.8 Bearer {TOKEN}"),),
    ):
        with serve(
            Rule(When(Stage.AUTH), reply[:1]),
            tokens={USER: "other"},
            auth_in_clear=True,
            offer=Offer(auth=("XOAUTH2",)),
        ) as server:
            client = Client(
                Server("127.0.0.1", server.port, "none"),
                Credentials(USER, token=TOKEN, allow_plain_text=True),
            )
            with pytest.raises(SmtpError) as refused:
                client.open()
            assert not leaks(str(refused.value), TOKEN)


def test_dialogue_and_malformed_replies_show_no_secret() -> None:
    lines: list[str] = []
    malformed = f"what is AUTH PLAIN {PLAIN} supposed to mean, and why {SECRET}\r\n".encode()
    with serve(
        Rule(When(Stage.AUTH), (Send(malformed), Close())),
        users={USER: SECRET},
        auth_in_clear=True,
    ) as server:
        client = Client(
            Server("127.0.0.1", server.port, "none"),
            Credentials(USER, SECRET, mechanism="plain", allow_plain_text=True),
            trace=lambda who, line, awaited: lines.append(f"{who} {line}"),
        )
        with pytest.raises(SmtpError) as error:
            client.open()
    assert "not an SMTP reply" in str(error.value)
    assert not leaks(str(error.value))
    assert not leaks("\n".join(lines))


def test_later_replies_are_stored_without_the_secret(tmp_path: Path) -> None:
    campaign = make_campaign(tmp_path)
    rules = (
        Rule(When(Stage.RCPT, recipient="u0@*"), (Reply(550, f"5.7.1 {SECRET} may not relay"),)),
        Rule(When(Stage.END_OF_DATA), (Reply(250, f"2.0.0 queued for {PLAIN}"),)),
    )
    credentials = Credentials(USER, SECRET, mechanism="plain", allow_plain_text=True)
    with (
        serve(*rules, users={USER: SECRET}, auth_in_clear=True) as server,
        open_store(campaign) as store,
    ):
        store.enrol(make_recipients(2), campaign.fingerprint())
        make_run(campaign, store, server.port, more={"credentials": credentials}).execute()
        replies = {one.key: one.reply for one in store.iterate()}
    assert replies == {
        "u0@example.org": "550 5.7.1 **** may not relay",
        "u1@example.org": "250 2.0.0 queued for ****",
    }
    for path in campaign.state_folder.iterdir():
        assert SECRET.encode() not in path.read_bytes()


def test_command_prints_no_secret(tmp_path: Path) -> None:
    refused = Rule(When(Stage.AUTH), (Reply(535, ECHOES["command"]),))
    with serve(refused, users={USER: "other"}, auth_in_clear=True) as server:
        folder = make_campaign_folder(tmp_path / "spring", port=server.port)
        keys = {"username": f'"{USER}"', "plain_text_login": "true", "auth": '"plain"'}
        folder.configure(smtp={**folder.sections["smtp"], **keys})
        log = tmp_path / "events.jsonl"
        done = folder.run(
            "send", "--yes", "--json", "--log-json", str(log), MAILMERGE_SMTP_PASSWORD=SECRET
        )
    assert done.status == 4
    assert "535 5.5.4 AUTH PLAIN **** is wrong" in done.err
    for text in (done.out, done.err, log.read_text()):
        assert not leaks(text)
