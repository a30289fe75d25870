"""Person -> content -> octets -> transaction: the part of a lane that needs no connection."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Protocol

from mailmerge.delivery.person import Person
from mailmerge.mime.message import Message
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content
from mailmerge.smtp.command import Envelope
from mailmerge.smtp.transaction import Transaction


class Rendering(Protocol):
    """What a renderer does for a run."""

    def render(self, recipient: Recipient) -> Content:
        """One person's content; raises TemplateError."""
        ...


class Composing(Protocol):
    """What a composer does for a run."""

    @property
    def reverse_path(self) -> str:
        """What MAIL FROM names."""
        ...

    def compose(
        self, recipient: Recipient, content: Content, *, message_id: str, date: datetime
    ) -> Message:
        """One person's octets; raises MessageError or AssetError."""
        ...


class Press:
    """Makes transactions for all lanes of a run.

    One lock around the making costs nothing, since the interpreter runs one thread at a time, and
    keeps the caches of rendering and composing free of locks.
    """

    def __init__(self, renderer: Rendering, composer: Composing) -> None:
        self._renderer = renderer
        self._composer = composer
        self._lock = threading.Lock()

    def transaction(self, person: Person) -> Transaction:
        """The person's message in its envelope; the token is the person's number.

        Raises:
            InputError: the message of this person cannot be rendered or composed.
        """
        recipient = person.recipient
        with self._lock:
            content = self._renderer.render(recipient)
            message = self._composer.compose(
                recipient, content, message_id=person.message_id, date=person.sent_on
            )
        envelope = Envelope(
            self._composer.reverse_path,
            (person.mailbox.forward_path,),
            smtputf8=message.smtputf8 or person.mailbox.needs_smtputf8,
            eightbit=message.eightbit,
        )
        return Transaction(person.id, envelope, message.chunks)
