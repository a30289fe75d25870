"""S/MIME signatures, verified by OpenSSL and read by the standard library."""

from __future__ import annotations

import email
import email.policy
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest

import mailmerge as mm
from mailmerge.campaign import Campaign
from mailmerge.mime.message import Message
from mailmerge.preview.mime_structure import parse_message
from mailmerge.signing.keys import new_key
from mailmerge.signing.smime import SmimeIdentity, SmimeSigner
from tests.campaign_folder import CampaignFolder, make_campaign_folder
from tests.signing.certificates import Issued, issue, new_ec, new_rsa

DATE = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)
FROM = "news@x-firma.de"
ROOT = issue("Test root", authority=True)
BELOW = issue("Test authority", ROOT, authority=True)
KEYS = {"rsa": new_rsa(), "ecdsa": new_ec()}


def own(key: str = "ecdsa") -> Issued:
    return issue("News", BELOW, key=KEYS[key], address=FROM)


def configure(folder: CampaignFolder, issued: Issued, **more: str) -> None:
    issued.write(folder.path)
    folder.write("chain.pem", BELOW.pem)
    smime = '{ certificate = "certificate.pem", key_file = "key.pem", chain = "chain.pem" }'
    folder.configure(message={"smime": smime, **more})


@pytest.fixture
def folder(tmp_path: Path) -> CampaignFolder:
    return make_campaign_folder(tmp_path / "campaign")


def message_of(folder: CampaignFolder) -> Message:
    campaign = Campaign.of(folder.campaign)
    return campaign.messages.sample(next(iter(campaign.recipients())))


def verified(data: bytes, folder: Path, program: str = "cms") -> tuple[bool, bytes]:
    """Whether OpenSSL verifies a message up to the root, and the part that was signed."""
    (folder / "root.pem").write_bytes(ROOT.pem)
    (folder / "m.eml").write_bytes(data)
    out = folder / "content"
    command = ["openssl", program, "-verify", "-in", "m.eml", "-CAfile", "root.pem"]
    ended = subprocess.run(
        [*command, "-out", str(out)], cwd=folder, capture_output=True, timeout=20, check=False
    )
    return ended.returncode == 0, out.read_bytes() if ended.returncode == 0 else ended.stderr


BODIES = {
    "text": {},
    "page": {"html": '"body.html"'},
    "files": {"html": '"body.html"', "attachments": '["terms.pdf"]'},
    "8bit": {"encoding": '"8bit"'},
}


@pytest.mark.parametrize("program", ["cms", "smime"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("key", KEYS)
def test_openssl_verifies_each_kind_of_message(
    folder: CampaignFolder, tmp_path: Path, key: str, body: dict[str, str], program: str
) -> None:
    folder.write("body.html", '<p>Grüße, {{ name }}</p><img src="a.png" alt="">')
    folder.write("body.txt", "Grüße,  {{ name }} \n.\n..dots\nFrom here\n\n\n")
    folder.write("a.png", b"\x89PNG\r\n" + bytes(900))
    folder.write("terms.pdf", b"%PDF" + bytes(90_000))
    configure(folder, own(key), **body)
    message = message_of(folder)
    right, content = verified(bytes(message), tmp_path, program)
    assert right, content
    assert content.startswith(b"Content-Type: ")
    assert bytes(message).isascii()
    assert not message.eightbit
    assert message.size == len(bytes(message))


def test_a_changed_body_is_not_verified(folder: CampaignFolder, tmp_path: Path) -> None:
    configure(folder, own())
    data = bytes(message_of(folder))
    assert not verified(data.replace(b"hello", b"hallo"), tmp_path)[0]


def test_the_structure_is_multipart_signed(folder: CampaignFolder) -> None:
    configure(folder, own())
    data = bytes(message_of(folder))
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert message.get_content_type() == "multipart/signed"
    assert message.get_param("protocol") == "application/pkcs7-signature"
    assert message.get_param("micalg") == "sha-256"
    assert [message[name] for name in ("From", "Subject")] == [f"News <{FROM}>", "Hello Ann"]
    assert message.get_all("MIME-Version") == ["1.0"]
    parsed = parse_message(data)
    kinds = ["multipart/signed", "text/plain", "application/pkcs7-signature"]
    assert [part.content_type for part in parsed.parts] == kinds
    assert parsed.text == "Dear Ann,\nhello\n"


def test_the_same_message_has_the_same_bytes(folder: CampaignFolder) -> None:
    identity = SmimeIdentity(own("rsa").certificate, KEYS["rsa"])
    chunks = (b"From: a@b.de\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n", b"\r\nx\r\n")
    first = SmimeSigner(identity).signed(chunks, DATE)
    assert SmimeSigner(identity).signed(chunks, DATE) == first
    later = SmimeSigner(identity).signed(chunks, DATE.replace(year=2051))
    assert later != first


def test_the_signature_has_the_time_of_date(folder: CampaignFolder, tmp_path: Path) -> None:
    configure(folder, own())
    (tmp_path / "m.eml").write_bytes(bytes(message_of(folder)))
    command = ["openssl", "cms", "-cmsout", "-print", "-in", "m.eml"]
    printed = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=20, check=True
    ).stdout
    date = email.message_from_bytes((tmp_path / "m.eml").read_bytes())["Date"]
    moment = email.utils.parsedate_to_datetime(date).astimezone(UTC)
    assert f"UTCTIME:{moment:%b} {moment.day:2} {moment:%H:%M:%S %Y} GMT" in printed
    assert "id-smime-capabilities" in printed or "S/MIME Capabilities" in printed


def test_dkim_covers_the_signed_message(folder: CampaignFolder, tmp_path: Path) -> None:
    key = new_key("rsa")
    folder.write("dkim.pem", key.pem())
    configure(folder, own(), dkim='{ selector = "s1", key_file = "dkim.pem" }')
    data = bytes(message_of(folder))
    assert data.startswith(b"DKIM-Signature: ")
    lookup = lambda name, timeout=5: key.record().encode()  # noqa: E731
    assert dkim.verify(data, dnsfunc=lookup)
    assert verified(data, tmp_path)[0]


@pytest.mark.parametrize("window", [1, 8], ids=["data", "chunking"])
def test_what_a_server_stores_is_verified(
    folder: CampaignFolder, tmp_path: Path, window: int
) -> None:
    folder.write("body.txt", "Dear {{ name }},\n.\n.hidden\nGrüße\n")
    configure(folder, own())
    campaign = Campaign.of(folder.campaign)
    with mm.Sandbox(tmp_path / "sandbox") as sandbox:
        recipients = mm.read_recipients(folder.path / "recipients.csv")
        job = mm.Job(campaign, recipients, sandbox.server, mm.Ledger.memory(), window=window)
        assert job.run_all().sent == 2
        stored = [path for path in (tmp_path / "sandbox").rglob("*") if path.is_file()]
    received = [path.read_bytes() for path in stored if b"multipart/signed" in path.read_bytes()]
    assert len(received) == 2
    for data in received:
        whole = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        assert verified(whole, tmp_path)[0]


def test_the_key_is_never_part_of_a_message_or_a_fingerprint(folder: CampaignFolder) -> None:
    before = folder.campaign.fingerprint()
    configure(folder, own())
    settings = folder.campaign
    assert not settings.fingerprint().changes_since(before)
    assert {"key.pem", "certificate.pem", "chain.pem"} <= settings.private_files


def test_key_and_certificate_come_from_commands(folder: CampaignFolder, tmp_path: Path) -> None:
    issued = own("rsa")
    issued.write(tmp_path)
    (tmp_path / "both.pem").write_bytes(issued.pem + BELOW.pem)
    commands = (
        f'{{ certificate_command = "cat {tmp_path}/both.pem", '
        f'key_command = "cat {tmp_path}/key.pem" }}'
    )
    folder.configure(message={"smime": commands})
    assert verified(bytes(message_of(folder)), tmp_path)[0]


def test_the_plan_names_the_signature(folder: CampaignFolder) -> None:
    configure(folder, own())
    with mm.Sandbox() as sandbox:
        recipients = mm.read_recipients(folder.path / "recipients.csv")
        campaign = Campaign.of(folder.campaign)
        plan = mm.Job(campaign, recipients, sandbox.server, mm.Ledger.memory()).plan()
    assert "  signed     S/MIME\n" in str(plan)


def test_chunks_of_files_are_not_copied() -> None:
    identity = SmimeIdentity(own().certificate, KEYS["ecdsa"])
    large = b"x" * 76 + b"\r\n"
    head = b"From: a@b.de\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
    signed = SmimeSigner(replace(identity)).signed((head, large), DATE)
    assert signed[1] is large
