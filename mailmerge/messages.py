"""Person -> content -> octets -> transaction: the part of a lane that needs no connection."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from mailmerge.campaign import DeliverySection
from mailmerge.ledger.states import Delivery
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


@dataclass(frozen=True, slots=True)
class Notices:
    """Which delivery status notifications are asked for, as parameters of MAIL and RCPT.

    Empty texts leave it to the server. Where it does not offer DSN nothing is asked (RFC 3461).
    """

    notify: str = ""
    ret: str = ""

    def envid(self, message_id: str) -> str:
        """What a notification names the message by: the left part of its Message-ID."""
        asked = self.notify or self.ret
        return message_id.strip("<>").partition("@")[0] if asked else ""


_RET: Final = {"": "", "headers": "HDRS", "full": "FULL"}


def notices_of(delivery: DeliverySection) -> Notices:
    """What campaign.toml asks for, in the words of RFC 3461, 4.1 and 4.3."""
    return Notices(",".join(delivery.notify).upper(), _RET[delivery.return_])


class Press:
    """Makes transactions for all lanes of a run.

    One lock around the making costs nothing, since the interpreter runs one thread at a time, and
    keeps the caches of rendering and composing free of locks.
    """

    def __init__(
        self, renderer: Rendering, composer: Composing, notices: Notices = Notices()
    ) -> None:
        self._renderer = renderer
        self._composer = composer
        self._notices = notices
        self._lock = threading.Lock()

    def transaction(self, person: Delivery) -> Transaction:
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
            envid=self._notices.envid(person.message_id),
            ret=self._notices.ret,
            notify=self._notices.notify,
        )
        return Transaction(person.id, envelope, message.chunks)
