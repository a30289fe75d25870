"""Recipient -> one person's message in all its forms, for looking at it before it is sent."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from mailmerge.campaign import Campaign
from mailmerge.mime.headers import make_message_id
from mailmerge.mime.message import Composer, Message
from mailmerge.mime.parts import PartStore
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content, Renderer

KEPT_MESSAGES = 64

_SECRET = b"shown, not sent"
"""The real Message-IDs belong to the ledger; these only look like them."""


@dataclass(frozen=True, slots=True)
class Made:
    """One person's message in all its forms: the row, the texts, the octets."""

    recipient: Recipient
    content: Content
    message: Message

    @property
    def octets(self) -> bytes:
        """What would go over the wire, before dot-stuffing."""
        return bytes(self.message)


class Workshop:
    """Makes messages: the compiled templates and the composer. Several threads may ask.

    Raises:
        MailmergeError: a template, an image or a mailbox of campaign.toml is wrong.
    """

    def __init__(self, campaign: Campaign) -> None:
        self.renderer = Renderer(campaign)
        self.composer = Composer(campaign, PartStore(campaign.folder))
        self._name = campaign.name
        self._date = datetime.now(UTC)
        self._lock = Lock()
        self._made: OrderedDict[str, Made] = OrderedDict()

    def make(self, recipient: Recipient) -> Made:
        """The message of one person.

        Raises:
            InputError: it cannot be rendered or composed.
        """
        domain = self.composer.sender.domain
        message_id = make_message_id(_SECRET, self._name, recipient.key, domain)
        content = self.renderer.render(recipient)
        message = self.composer.compose(recipient, content, message_id=message_id, date=self._date)
        return Made(recipient, content, message)

    def make_once(self, recipient: Recipient) -> Made:
        """The same, kept: a viewer asks for the message, its frame and its parts in turn."""
        with self._lock:
            made = self._made.get(recipient.key)
            if made is None:
                made = self._made[recipient.key] = self.make(recipient)
                if len(self._made) > KEPT_MESSAGES:
                    self._made.popitem(last=False)
            return made
