from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.errors import (
    AddressError,
    CampaignError,
    RunStopped,
    ServerRefused,
    ServerUnreachable,
    TemplateError,
)
from mailmerge.preview.sandbox_messages import SandboxMailbox, SandboxMessage
from mailmerge.preview.sending import send_test_message
from mailmerge.preview.snapshot import CampaignSnapshot, take_snapshot
from mailmerge.recipients.audience import Recipient
from mailmerge.sandbox import Sandbox
from tests.preview.campaigns import CAMPAIGN, write_campaign

ROW = "anna@example.org"
ME = "me@example.net"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "state" / "sandbox") as running:
        yield running


def campaign_text(port: int, delivery: str = "") -> str:
    text = CAMPAIGN.replace("[message]\n", '[message]\nto_name = "{{ name }}"\n')
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
    return f"{text}{smtp}[delivery]\n{delivery}"


def snapshot_of(folder: Path, port: int, delivery: str = "", **files: str) -> CampaignSnapshot:
    campaign = campaign_text(port, delivery)
    return take_snapshot(write_campaign(folder, campaign=campaign, **files), CampaignSnapshot())


def recipient_of(snapshot: CampaignSnapshot, key: str = ROW) -> Recipient:
    row = snapshot.rows.find(key)
    assert row is not None
    recipient = snapshot.recipient(row)
    assert recipient is not None
    return recipient


def send(snapshot: CampaignSnapshot, address: str = ME) -> str:
    return send_test_message(snapshot, recipient_of(snapshot), address)


def received(tmp_path: Path) -> list[SandboxMessage]:
    mailbox = SandboxMailbox(tmp_path / "state")
    entries, _ = mailbox.page(0, 100)
    found = [mailbox.read(entry.name) for entry in entries]
    return [message for message in found if message is not None]


def parsed(message: SandboxMessage) -> EmailMessage:
    return message_from_bytes(message.data, policy=SMTP_POLICY)


class Answering:
    """A server with a reply of its own to RCPT or to the message."""

    def __init__(self, *, recipient: str = "", content: str = "") -> None:
        self.recipient, self.content = recipient, content

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self.recipient:
            envelope.rcpt_tos.append(address)
        return self.recipient or "250 2.1.5 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.content


@contextmanager
def answering(handler: Answering, port: int) -> Iterator[None]:
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def test_the_message_goes_to_the_typed_address_only(tmp_path: Path, sandbox: Sandbox) -> None:
    reply = send(snapshot_of(tmp_path / "campaign", sandbox.server.port), f" {ME} ")
    assert reply.startswith("250 ")
    (message,) = received(tmp_path)
    assert message.forward_path == ME
    assert message.reverse_path == "news@example.org"
    assert parsed(message)["To"] == ME
    assert b"Dear Anna Schmidt" in message.data


def test_the_subject_names_the_recipient(tmp_path: Path, sandbox: Sandbox) -> None:
    send(snapshot_of(tmp_path / "campaign", sandbox.server.port))
    (message,) = received(tmp_path)
    assert parsed(message)["Subject"] == f"[test for {ROW}] Anna Schmidt, your invoice 1001"


def test_each_test_message_has_its_own_message_id(tmp_path: Path, sandbox: Sandbox) -> None:
    snapshot = snapshot_of(tmp_path / "campaign", sandbox.server.port)
    send(snapshot)
    send(snapshot)
    first, second = received(tmp_path)
    assert parsed(first)["Message-ID"] != parsed(second)["Message-ID"]
    assert ROW not in parsed(first)["Message-ID"]


def without_identity(message: SandboxMessage) -> bytes:
    """The bytes without what differs from one message to the next."""
    data = re.sub(rb"^(Message-ID|Date): .*\r\n", b"", message.data, flags=re.MULTILINE)
    for boundary in set(re.findall(rb'boundary="([^"]+)"', data)):
        data = data.replace(boundary, b"BOUNDARY")
    return data


def test_the_message_is_that_of_send_test_to(tmp_path: Path, sandbox: Sandbox) -> None:
    send(snapshot_of(tmp_path / "campaign", sandbox.server.port))
    command = [sys.executable, "-m", "mailmerge", "send", str(tmp_path / "campaign"), "--yes",
               "--test-to", ME, "--limit", "1"]  # fmt: skip
    # The campaign has rows with errors on purpose; `send` checks the whole campaign first.
    rows = (tmp_path / "campaign" / "recipients.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "campaign" / "recipients.csv").write_text("\n".join(rows[:3]), encoding="utf-8")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sent, previewed = received(tmp_path)
    assert without_identity(sent) == without_identity(previewed)
    assert (sent.reverse_path, sent.forward_path) == (
        previewed.reverse_path,
        previewed.forward_path,
    )


def test_a_test_message_counts_towards_the_limit(tmp_path: Path, sandbox: Sandbox) -> None:
    snapshot = snapshot_of(tmp_path / "campaign", sandbox.server.port, 'rate = "2/day"')
    send(snapshot)
    send(snapshot)
    with pytest.raises(RunStopped, match="limit for today is used up") as raised:
        send(snapshot)
    assert raised.value.problem.code == "quota"
    assert len(sandbox.messages) == 2


def test_unused_parts_of_the_limit_are_given_back(tmp_path: Path, sandbox: Sandbox) -> None:
    snapshot = snapshot_of(tmp_path / "campaign", sandbox.server.port, 'rate = "40/day"')
    for _ in range(3):  # two messages are reserved at a time
        send(snapshot)
    other = snapshot_of(tmp_path / "campaign", sandbox.server.port, 'rate = "3/day"')
    send(other)
    assert len(sandbox.messages) == 4


def test_a_failed_connection_does_not_count(tmp_path: Path) -> None:
    port = free_port()
    snapshot = snapshot_of(tmp_path / "campaign", port, 'rate = "1/day"')
    with pytest.raises(ServerUnreachable):
        send(snapshot)
    with answering(Answering(content="250 2.0.0 fine"), port):
        assert send(snapshot) == "250 2.0.0 fine"


def test_a_slow_rate_is_an_error_and_closes_the_connection(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    snapshot = snapshot_of(tmp_path / "campaign", sandbox.server.port, 'rate = "1/hour"')
    send(snapshot)
    with pytest.raises(RunStopped, match="send the test message after") as raised:
        send(snapshot)
    assert raised.value.problem.code == "rate"
    assert len(sandbox.messages) == 1


def test_a_quick_rate_delays_the_message(tmp_path: Path, sandbox: Sandbox) -> None:
    snapshot = snapshot_of(tmp_path / "campaign", sandbox.server.port, 'rate = "2/second"')
    send(snapshot)
    send(snapshot)
    assert len(sandbox.messages) == 2


@pytest.mark.parametrize("address", [ROW, "Anna@EXAMPLE.org", f"  {ROW}"])
def test_the_recipients_own_address_is_refused(
    tmp_path: Path, sandbox: Sandbox, address: str
) -> None:
    with pytest.raises(AddressError) as raised:
        send(snapshot_of(tmp_path / "campaign", sandbox.server.port), address)
    assert raised.value.problem.code == "test-to-row"
    assert len(sandbox.messages) == 0


@pytest.mark.parametrize(
    "address", ["", "nothing", "a@example.org, b@example.org", "a@b\r\nRCPT TO:<x@y.z>"]
)
def test_only_a_single_mailbox_is_accepted(tmp_path: Path, sandbox: Sandbox, address: str) -> None:
    with pytest.raises(AddressError):
        send(snapshot_of(tmp_path / "campaign", sandbox.server.port), address)
    assert len(sandbox.messages) == 0


def test_a_message_that_cannot_be_made_is_not_sent(tmp_path: Path, sandbox: Sandbox) -> None:
    snapshot = snapshot_of(
        tmp_path / "campaign", sandbox.server.port, body="<p>{{ 1 // (invoice|int - 1001) }}</p>"
    )
    with pytest.raises(TemplateError):
        send(snapshot)
    assert len(sandbox.messages) == 0


@pytest.mark.parametrize(
    ("handler", "reply"),
    [
        (Answering(recipient="550 5.1.1 no such mailbox"), r"550 .*no such mailbox"),
        (Answering(content="451 4.3.0 not now"), r"451 .*not now"),
    ],
)
def test_a_refusal_shows_the_servers_reply(tmp_path: Path, handler: Answering, reply: str) -> None:
    port = free_port()
    with answering(handler, port), pytest.raises(ServerRefused, match=reply) as raised:
        send(snapshot_of(tmp_path / "campaign", port))
    assert raised.value.problem.code == "test-refused"


def test_an_unreachable_server_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServerUnreachable):
        send(snapshot_of(tmp_path / "campaign", 1))


def test_a_campaign_without_a_server_is_an_error(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path / "campaign", 1)
    assert snapshot.campaign is not None
    smtp = snapshot.campaign.smtp.model_copy(update={"host": ""})
    nameless = replace(snapshot, campaign=replace(snapshot.campaign, smtp=smtp))
    with pytest.raises(CampaignError, match="no server") as raised:
        send(nameless)
    assert raised.value.problem.code == "no-server"
