"""Contents to compose, and messages read back."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

from mailmerge.mime.message import Composer, Message
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import sender_of
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Body, Content, RelatedImage, Structure
from mailmerge.settings import Settings
from tests.mime.reading import parse

DATE = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MESSAGE_ID = "<abc@example.org>"
ANN = Recipient(7, {}, parse_mailbox("ann@example.org"), "ann@example.org")
IMAGES = (RelatedImage("logo.png", "logo@news"), RelatedImage("größe.jpg", "size@news"))
ATTACHMENTS = ("terms.pdf", "报价单.csv")


def body(text: str, *values: str, images: tuple[RelatedImage, ...] = ()) -> Body:
    """A body whose values take the place of each § in the text."""
    return Body(Structure(tuple(text.split("§")), images), values)


def composer_of(campaign: Settings) -> Composer:
    """The composer of a campaign folder."""
    return Composer(sender_of(campaign), PartStore(campaign.folder))


def compose(composer: Composer, content: Content, recipient: Recipient = ANN) -> Message:
    """The message of a content, with a fixed identity."""
    return composer.compose(recipient, content, message_id=MESSAGE_ID, date=DATE)


def read(composer: Composer, content: Content, recipient: Recipient = ANN) -> EmailMessage:
    """The same message, read by the standard library."""
    return parse(bytes(compose(composer, content, recipient)))


def leaves(message: EmailMessage) -> list[EmailMessage]:
    """The parts of a message that are not multiparts."""
    return [part for part in message.walk() if not part.is_multipart()]
