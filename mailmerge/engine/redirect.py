"""Which address a recipient's message goes to: its own, or the user's for a test message.

    Recipient -> the same recipient with my mailbox -> `[test for ann@example.org] Hello Ann`

Neither the envelope nor the To field of a test message ever names the recipient's own address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from mailmerge.errors import AddressError
from mailmerge.messages import MessageFactory
from mailmerge.recipients.address import Mailbox, parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content

USUAL_NUMBER: Final = 3
"""Number of test messages where the user asks for no other."""


class Direct:
    """Each message goes to its recipient."""

    @property
    def edits(self) -> bool:
        """Whether subjects differ from those that the recipients get."""
        return False

    def recipients(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        """The recipients to send to."""
        return iter(recipients)

    def messages(self, factory: MessageFactory) -> MessageFactory:
        """What makes their messages."""
        return factory

    def require_recipient(self, number: int) -> None:
        """Accept any number of recipients, 0 too."""
        del number


class Redirect(Direct):
    """The messages of the first recipients go to `mailbox`, at most `most` of them.

    A recipient with that address is left out: a test message to it would look like the real one.
    """

    def __init__(self, mailbox: Mailbox, most: int = USUAL_NUMBER) -> None:
        self.mailbox = mailbox
        self._most = most
        self._left_out = 0
        self._own: dict[str, str] = {}

    @property
    def edits(self) -> bool:
        """Each subject names its recipient."""
        return True

    def recipients(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        """The first recipients, each with my mailbox in place of its own."""
        for recipient in islice(self._others(recipients), self._most):
            self._own[recipient.key] = recipient.mailbox.address
            yield replace(recipient, mailbox=self.mailbox)

    def messages(self, factory: MessageFactory) -> MessageFactory:
        """What makes messages with the recipient's address in the subject."""
        return factory.editing(self.edit)

    def require_recipient(self, number: int) -> None:
        """Refuse a test without recipients where one was left out.

        Raises:
            AddressError: the only recipient has the user's address.
        """
        if self._left_out and not number:
            raise _goes_to_recipient()

    def edit(self, recipient: Recipient, content: Content) -> Content:
        """The content with the recipient's address in the subject, and without To's display name.

        The display name is the recipient's; the message goes to another address.
        """
        if not content.subject.strip():
            return content  # the composer refuses an empty subject; more text would hide it
        subject = f"[test for {self._own[recipient.key]}] {content.subject}"
        return replace(content, subject=subject, to_name="")

    def _others(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        self._left_out = 0
        for recipient in recipients:
            if recipient.mailbox.identity == self.mailbox.identity:
                self._left_out += 1
            else:
                yield recipient


def parse_own_address(address: str, recipient: Mailbox) -> Mailbox:
    """The mailbox that a user typed for a test message.

    Raises:
        AddressError: `address` is no mailbox, or it is the recipient's own.
    """
    mailbox = parse_mailbox(address.strip())
    if mailbox.identity == recipient.identity:
        raise _goes_to_recipient()
    return mailbox


def _goes_to_recipient() -> AddressError:
    """The error of a test message that would go to the recipient whose content it has."""
    return AddressError(
        "this is the address of the row itself",
        hint="a test message goes to you: type another address, or test another row",
        code="test-to-row",
    )
