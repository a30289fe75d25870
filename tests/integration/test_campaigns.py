"""The samples, sent by the real command to real servers, and read back by the standard parser."""

from __future__ import annotations

import email
import email.policy
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.recipients.audience import Recipient, open_audience
from mailmerge.settings import load_settings
from tests import forked, servers

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


@dataclass
class Inbox:
    """What the aiosmtpd server took: (forward path, content), and by how many connections.

    `declared` are the parameters of each MAIL; what is `withheld` is not offered.
    """

    messages: list[tuple[str, bytes]] = field(default_factory=list)
    connections: set[object] = field(default_factory=set)
    declared: list[list[str]] = field(default_factory=list)
    withheld: str = ""
    port: int = 0

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [line for line in answers if line[4:] != self.withheld]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("refused"):
            return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        (forward_path,) = envelope.rcpt_tos
        self.messages.append((str(forward_path), envelope.content))
        self.connections.add(session.peer)
        self.declared.append(envelope.mail_options)
        return "250 2.0.0 OK"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    kept = Inbox()
    kept.port = servers.free_port()
    controller = Controller(kept, hostname="127.0.0.1", port=kept.port, enable_SMTPUTF8=True)
    controller.start()
    yield kept
    controller.stop()


def sample(name: str, folder: Path, port: int, *, delivery: str = "") -> Path:
    """A copy of a sample that sends to a port of loopback, without a log-in or a rate."""
    copy = folder / name
    shutil.copytree(SAMPLES / name, copy, ignore=shutil.ignore_patterns(".mailmerge"))
    path = copy / "campaign.toml"
    text = re.sub(
        r"^\[(smtp|delivery)\]\n(?:(?!\[).*\n?)*", "", path.read_text(), flags=re.MULTILINE
    )
    text += (
        f'\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n[delivery]\n{delivery}\n'
    )
    path.write_text(text)
    return copy


def mailmerge(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run the real command as a user would."""
    return forked.run(*arguments, timeout=240)


def send(campaign: Path, *options: str) -> dict[str, Any]:
    done = mailmerge("send", campaign, "--yes", "--json", *options)
    assert done.returncode == 0, done.stderr.decode()
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


def people_of(campaign: Path) -> dict[str, Recipient]:
    loaded = load_settings(campaign)
    found = {}
    for one in open_audience(loaded):
        assert isinstance(one, Recipient), one
        found[one.mailbox.forward_path] = one
    return found


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def shape(message: EmailMessage) -> Any:
    """The tree of content types."""
    if not message.is_multipart():
        return message.get_content_type()
    parts = [shape(part) for part in message.iter_parts() if isinstance(part, EmailMessage)]
    return (message.get_content_type(), *parts)


def check_common(messages: dict[str, EmailMessage], people: dict[str, Recipient]) -> None:
    """What holds for every sample: each recipient once, own headers, no two of the same id."""
    assert set(messages) == set(people)
    ids = {str(message["Message-ID"]) for message in messages.values()}
    assert len(ids) == len(messages)
    for forward_path, message in messages.items():
        (to,) = message["To"].addresses
        assert to.addr_spec == people[forward_path].mailbox.address
        assert not message.defects
        assert message["Date"].datetime is not None
        assert message["MIME-Version"] == "1.0"


def check_newsletter(campaign: Path, taken: list[tuple[str, bytes]]) -> None:
    people = people_of(campaign)
    messages = {forward_path: parsed(content) for forward_path, content in taken}
    assert len(taken) == len(people) >= 200
    check_common(messages, people)
    images = {path.name: path.read_bytes() for path in (campaign / "images").iterdir()}
    for forward_path, message in messages.items():
        cells = people[forward_path].cells
        assert shape(message) == (
            "multipart/alternative",
            "text/plain",
            ("multipart/related", "text/html", "image/png", "image/jpeg"),
        )
        (to,) = message["To"].addresses
        assert to.display_name == cells["name"]
        text = message.get_body(("plain",))
        html = message.get_body(("html",))
        assert text is not None
        assert html is not None
        assert cells["name"] in text.get_content()
        assert cells["email"] in text.get_content()
        assert cells["token"] in html.get_content()
        assert "style=" in html.get_content()
        assert "@media" in html.get_content()
        assert cells["token"] in str(message["List-Unsubscribe"])
        check_images(message, html.get_content(), images)
    raw = dict(taken)
    for content in raw.values():
        unsubscribe = re.search(
            rb"^List-Unsubscribe: (.*)\r?\n", content, re.MULTILINE | re.IGNORECASE
        )
        assert unsubscribe is not None
        assert b"=?" not in unsubscribe[1]


def check_images(message: EmailMessage, html: str, images: dict[str, bytes]) -> None:
    for part in message.walk():
        if part.get_content_maintype() != "image":
            continue
        assert part.get_payload(decode=True) == images[str(part.get_filename())]
        content_id = str(part["Content-ID"])
        assert content_id.startswith("<")
        assert f"cid:{content_id[1:-1]}" in html


def test_the_newsletter_reaches_everybody_over_one_connection(tmp_path: Path, inbox: Inbox) -> None:
    campaign = sample("newsletter", tmp_path, inbox.port)
    began = time.monotonic()
    document = send(campaign)
    took = time.monotonic() - began
    assert document["total"] == document["states"]["sent"] == len(inbox.messages)
    assert set(document["states"]) == {
        "pending", "sent", "rejected", "deferred", "in_doubt", "skipped",
    }  # fmt: skip
    assert min(document["seconds"], document["check_seconds"]) > 0
    assert document["seconds"] + document["check_seconds"] < took
    assert len(inbox.connections) == 1
    check_newsletter(campaign, inbox.messages)


def test_sending_again_sends_nothing(tmp_path: Path, inbox: Inbox) -> None:
    campaign = sample("plain", tmp_path, inbox.port)
    send(campaign)
    once = len(inbox.messages)
    document = send(campaign)
    assert once == len(inbox.messages) == document["states"]["sent"]


def test_a_limited_run_is_finished_by_the_next(tmp_path: Path, inbox: Inbox) -> None:
    campaign = sample("plain", tmp_path, inbox.port)
    first = send(campaign, "--limit", "3")
    assert first["states"]["sent"] == len(inbox.messages) == 3
    second = send(campaign)
    assert second["states"]["sent"] == len(inbox.messages) == len(people_of(campaign))
    assert len({path for path, _ in inbox.messages}) == len(inbox.messages)


def test_a_refused_recipient_does_not_end_the_run(tmp_path: Path, inbox: Inbox) -> None:
    campaign = sample("plain", tmp_path, inbox.port)
    sheet = campaign / load_settings(campaign).recipients.file
    text = sheet.read_text(encoding="utf-8")
    first = next(iter(people_of(campaign).values())).mailbox.address
    sheet.write_text(text.replace(first, "refused@example.org"), encoding="utf-8")
    done = mailmerge("send", campaign, "--yes", "--json")
    assert done.returncode == 5, done.stderr
    states = json.loads(done.stdout)["states"]
    assert states["rejected"] == 1
    assert states["sent"] == len(inbox.messages) == len(people_of(campaign)) - 1


def test_invoices_carry_each_their_own_attachment(tmp_path: Path, inbox: Inbox) -> None:
    campaign = sample("invoices", tmp_path, inbox.port)
    send(campaign)
    people = people_of(campaign)
    messages = {forward_path: parsed(content) for forward_path, content in inbox.messages}
    check_common(messages, people)
    terms = (campaign / "terms.pdf").read_bytes()
    own = set()
    for message in messages.values():
        assert message.get_content_type() == "multipart/mixed"
        files = {str(part.get_filename()): part.get_payload(decode=True)
                 for part in message.iter_attachments()}  # fmt: skip
        assert files["terms.pdf"] == terms
        (name,) = set(files) - {"terms.pdf"}
        assert files[name] == (campaign / "invoices" / name).read_bytes()
        own.add(name)
    assert len(own) == len(people)


def test_plain_text_is_one_part(tmp_path: Path, inbox: Inbox) -> None:
    campaign = sample("plain", tmp_path, inbox.port)
    send(campaign)
    messages = {forward_path: parsed(content) for forward_path, content in inbox.messages}
    check_common(messages, people_of(campaign))
    assert {shape(message) for message in messages.values()} == {"text/plain"}


def in_8bit(folder: Path, port: int) -> Path:
    campaign = sample("plain", folder, port)
    settings = campaign / "campaign.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[message]", '[message]\nencoding = "8bit"'), encoding="utf-8")
    body = "Dear {{ voice }},\n{% if voice == 'Tenor' %}Grüße, 编辑部{% endif %}\n"
    (campaign / "body.txt").write_text(body, encoding="utf-8")
    return campaign


def test_texts_leave_as_they_stand_where_the_campaign_and_the_server_want_it(
    tmp_path: Path, inbox: Inbox
) -> None:
    campaign = in_8bit(tmp_path, inbox.port)
    send(campaign)
    assert len(inbox.messages) == len(people_of(campaign))
    for (_, content), declared in zip(inbox.messages, inbox.declared, strict=True):
        assert ("BODY=8BITMIME" in declared) is not content.isascii()
        assert b"quoted-printable" not in content
    assert sum("\r\nGrüße, 编辑部\r\n".encode() in content for _, content in inbox.messages) == 2
    assert {content.isascii() for _, content in inbox.messages} == {True, False}


def test_texts_of_8_bits_are_not_sent_to_a_server_that_does_not_offer_it(
    tmp_path: Path, inbox: Inbox
) -> None:
    inbox.withheld = "8BITMIME"
    done = mailmerge("send", in_8bit(tmp_path, inbox.port), "--yes", "--json")
    assert done.returncode == 5, done.stderr
    states = json.loads(done.stdout)["states"]
    assert states["rejected"] > 0
    assert states["sent"] == len(inbox.messages)
    assert all(content.isascii() for _, content in inbox.messages)


@pytest.mark.real
@pytest.mark.parametrize("window", [1, 16])
def test_a_real_postfix_takes_the_newsletter_over_one_connection(
    tmp_path: Path, postfix: servers.Postfix, window: int
) -> None:
    campaign = sample("newsletter", tmp_path, postfix.port, delivery=f"window = {window}")
    sheet = campaign / "recipients.csv"
    text = sheet.read_text(encoding="utf-8")
    sheet.write_text(
        re.sub(r"^([^,@\n]+)@", rf"\1.w{window}@", text, flags=re.MULTILINE), encoding="utf-8"
    )
    postfix.wait_until_idle()
    before = postfix.connections()
    send(campaign)
    people = people_of(campaign)
    taken = [
        (path, one.content)
        for one in postfix.accepted()
        for path in one.forward_paths
        if path in people
    ]
    servers.wait_until(lambda: postfix.connections() > before, "the log of the connection")
    postfix.wait_until_idle()
    assert postfix.connections() == before + 1
    check_newsletter(campaign, taken)
