"""The factory of messages: the same bytes for the same identity, in the right envelope."""

from __future__ import annotations

import email
import email.policy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailmerge.errors import AssetError, MessageError, TemplateError
from mailmerge.messages import (
    Identity,
    MessageFactory,
    TransactionFactory,
    make_identity,
    message_factory,
)
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import Sender
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient, open_audience
from mailmerge.rendering.content import Content, Renderer
from mailmerge.rendering.settings import BodySource, Templates
from mailmerge.settings import DeliverySection, load_settings

CAMPAIGN = """
[campaign]
name = "spring"
[message]
from = "Example News <news@example.org>"
reverse_path = "bounces@example.org"
subject = "Hello {{ name }}"
html = "body.html"
text = "body.txt"
attachments = ["terms.pdf"]
"""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDENTITY = Identity("<abc@example.org>", NOON)


def recipient(name: str = "Ann", address: str = "ann@example.org", row: int = 2) -> Recipient:
    mailbox = parse_mailbox(address)
    return Recipient(row, {"email": address, "name": name}, mailbox, mailbox.identity)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A campaign with two bodies and an attachment."""
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    (tmp_path / "body.html").write_text("<style>p {color: red}</style><p>Dear {{ name }}</p>")
    (tmp_path / "body.txt").write_text("Dear {{ name }}\n")
    (tmp_path / "terms.pdf").write_bytes(b"%PDF-1.7")
    return tmp_path


@pytest.fixture
def factory(folder: Path) -> MessageFactory:
    return message_factory(load_settings(folder))


# -- messages -------------------------------------------------------------------------------------


def test_message_shows_its_parts(factory: MessageFactory) -> None:
    message = factory.make(recipient(), IDENTITY)
    assert message.subject == "Hello Ann"
    assert message.text == "Dear Ann\n"
    assert message.html is not None
    assert '<p style="color:red">Dear Ann</p>' in message.html
    assert message.attachments == ("terms.pdf",)
    assert len(bytes(message)) == message.size


def test_bytes_are_what_the_parts_say(factory: MessageFactory) -> None:
    message = factory.make(recipient("Zoé"), IDENTITY)
    parsed = email.message_from_bytes(bytes(message), policy=email.policy.default)
    assert parsed["Subject"] == message.subject == "Hello Zoé"
    assert parsed["Message-ID"] == IDENTITY.message_id
    assert parsed["Date"].datetime == NOON
    body = parsed.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == message.text.splitlines()
    assert [part.get_filename() for part in parsed.iter_attachments()] == ["terms.pdf"]


def test_message_without_html_has_none(folder: Path) -> None:
    (folder / "campaign.toml").write_text(CAMPAIGN.replace('html = "body.html"\n', ""))
    assert message_factory(load_settings(folder)).sample(recipient()).html is None


def test_same_identity_gives_the_same_bytes(factory: MessageFactory, folder: Path) -> None:
    other = message_factory(load_settings(folder))
    assert bytes(factory.make(recipient(), IDENTITY)) == bytes(other.make(recipient(), IDENTITY))


def test_threads_make_the_same_bytes_as_one(factory: MessageFactory, folder: Path) -> None:
    recipients = [recipient(f"N{n % 7}", f"u{n}@example.org", n) for n in range(200)]
    alone = message_factory(load_settings(folder))
    expected = [bytes(alone.make(one, IDENTITY)) for one in recipients]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda one: bytes(factory.make(one, IDENTITY)), recipients))
    assert made == expected


def test_rendered_content_can_be_composed_later(factory: MessageFactory) -> None:
    content = factory.render(recipient())
    assert content.subject == "Hello Ann"
    composed = factory.compose(recipient(), replace(content, subject="-"), IDENTITY)
    assert composed.subject == "-"
    assert b"\r\nSubject: -\r\n" in bytes(composed)


def test_factory_knows_variables_and_reverse_path(factory: MessageFactory) -> None:
    assert factory.variables == {"name"}
    assert factory.reverse_path == "bounces@example.org"
    assert factory.slow_because == ""


def test_factory_takes_values_without_a_campaign(folder: Path) -> None:
    templates = Templates("Hello {{ name }}", text=BodySource("text", "Dear {{ name }}\n"))
    sender = Sender(parse_mailbox("news@example.org"), "spring")
    message = MessageFactory(templates, sender, PartStore(folder)).make(recipient(), IDENTITY)
    assert (message.subject, message.text, message.html) == ("Hello Ann", "Dear Ann\n", None)
    assert b"\r\nFrom: news@example.org\r\n" in b"\r\n" + bytes(message)


def test_error_of_a_row_names_the_row(factory: MessageFactory, folder: Path) -> None:
    with pytest.raises(MessageError) as caught:
        factory.sample(recipient("a\x00b", row=7))
    assert caught.value.problem.row == 7
    (folder / "terms.pdf").unlink()
    with pytest.raises(AssetError):
        factory.sample(recipient())


def test_missing_template_is_an_error_at_once(folder: Path) -> None:
    (folder / "body.txt").unlink()
    with pytest.raises(TemplateError, match=r"body\.txt"):
        message_factory(load_settings(folder))


def test_edit_changes_only_the_edited_factory(factory: MessageFactory) -> None:
    def marked(one: Recipient, content: Content) -> Content:
        return replace(content, subject=f"[{one.mailbox.address}] {content.subject}")

    edited = factory.editing(marked)
    assert edited.sample(recipient()).subject == "[ann@example.org] Hello Ann"
    assert edited.render(recipient()).subject == "[ann@example.org] Hello Ann"
    assert factory.sample(recipient()).subject == "Hello Ann"


# -- identities -----------------------------------------------------------------------------------


def test_identity_depends_on_secret_campaign_and_key() -> None:
    made = {
        make_identity(secret, campaign, key, "example.org", NOON).message_id
        for secret in (b"a", b"b")
        for campaign in ("spring", "autumn")
        for key in ("ann@example.org", "bob@example.org")
    }
    assert len(made) == 8
    again = make_identity(b"a", "spring", "ann@example.org", "example.org", NOON)
    assert again.message_id in made
    assert again.message_id.endswith("@example.org>")
    assert "ann" not in again.message_id
    assert again.date == NOON


def test_sample_identities_differ_by_recipient_only(factory: MessageFactory) -> None:
    ann, bob = recipient(), recipient("Bob", "bob@example.org", 3)
    first, second = factory.sample_identity(ann), factory.sample_identity(bob)
    assert first == factory.sample_identity(ann)
    assert first.message_id != second.message_id
    assert first.date == second.date
    assert bytes(factory.sample(ann)) == bytes(factory.make(ann, first))


# -- envelopes ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Delivery:
    """A delivery as a ledger would hand it out."""

    recipient: Recipient
    id: int = 5
    message_id: str = IDENTITY.message_id
    sent_on: datetime = NOON


def test_transaction_is_the_message_in_its_envelope(factory: MessageFactory) -> None:
    transaction = TransactionFactory(factory).transaction(Delivery(recipient()))
    assert transaction.token == 5
    assert b"".join(transaction.content) == bytes(factory.make(recipient(), IDENTITY))
    envelope = transaction.envelope
    assert (envelope.reverse_path, envelope.forward_paths) == (
        "bounces@example.org",
        ("ann@example.org",),
    )
    assert not envelope.smtputf8
    assert not envelope.eightbit
    assert (envelope.notify, envelope.ret, envelope.envid) == ("", "", "")


def test_utf8_address_asks_for_smtputf8(factory: MessageFactory) -> None:
    delivery = Delivery(recipient("Jürgen", "jürgen@example.org"))
    envelope = TransactionFactory(factory).transaction(delivery).envelope
    assert envelope.smtputf8
    assert envelope.eightbit


@pytest.mark.parametrize(
    ("section", "notify", "ret", "envid"),
    [
        ({}, "", "", ""),
        ({"notify": ["failure", "delay"]}, "FAILURE,DELAY", "", "abc"),
        ({"notify": "never"}, "NEVER", "", "abc"),
        ({"return": "headers"}, "", "HDRS", "abc"),
        ({"return": "full"}, "", "FULL", "abc"),
    ],
)
def test_notices_become_parameters(
    factory: MessageFactory, section: dict[str, object], notify: str, ret: str, envid: str
) -> None:
    wanted = DeliverySection.model_validate(section)
    envelope = TransactionFactory(factory, wanted).transaction(Delivery(recipient())).envelope
    assert (envelope.notify, envelope.ret, envelope.envid) == (notify, ret, envid)


def test_check_and_send_read_numbers_in_the_language_of_the_sheet(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(
        '[recipients]\nlocale = "de"\n[message]\nfrom = "a@x-firma.de"\nsubject = "Hi"\n'
        'text = "body.txt"\n',
        encoding="utf-8",
    )
    (tmp_path / "body.txt").write_text("{{ seats|int }} {{ (seats|float * 1.5)|number(2) }}")
    (tmp_path / "recipients.csv").write_text("email;seats\nann@x-firma.de;1.234\n")
    settings = load_settings(tmp_path)
    ann = next(open_audience(settings).recipients())
    sent = message_factory(settings).render(ann)
    checked = Renderer(settings).render(ann)
    assert str(sent.text) == str(checked.text) == "1234 1.851,00"
