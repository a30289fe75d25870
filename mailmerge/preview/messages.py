"""The messages that the preview shows, with a cache of the last ones.

The page asks for a message, its frame and its parts in turn; it is made for the first request.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from mailmerge.messages import MessageFactory
from mailmerge.mime.message import Message
from mailmerge.recipients.audience import Recipient

_KEPT_MESSAGES = 64


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A recipient and the message to it."""

    recipient: Recipient
    message: Message

    def __bytes__(self) -> bytes:
        return bytes(self.message)


class ShownMessages:
    """Sample messages by recipient. Several threads may use it at once."""

    def __init__(self, factory: MessageFactory, *, kept: int = _KEPT_MESSAGES) -> None:
        """Take messages from `factory` and keep the last `kept`."""
        self.factory = factory
        self._most = kept
        self._lock = Lock()
        self._kept: OrderedDict[str, ShownMessage] = OrderedDict()

    def find(self, recipient: Recipient) -> ShownMessage:
        """The message to one recipient, made on the first call.

        Raises:
            InputError: it cannot be made.
        """
        with self._lock:
            shown = self._kept.get(recipient.key)
            if shown is None:
                shown = ShownMessage(recipient, self.factory.sample(recipient))
                self._kept[recipient.key] = shown
                if len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            return shown
