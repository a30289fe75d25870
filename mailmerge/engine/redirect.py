"""Test messages: the content of real recipients, sent to the user's own address.

    Recipient -> the same recipient with my mailbox -> `[test for ann@example.org] Hello Ann`

Neither the envelope nor the To field ever names the recipient's own address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from mailmerge.errors import AddressError
from mailmerge.recipients.address import Mailbox, parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content

USUAL_NUMBER: Final = 3
"""Number of test messages where the user asks for no other."""


def parse_own_address(address: str, recipient: Mailbox) -> Mailbox:
    """The mailbox that a user typed for a test message.

    Raises:
        AddressError: `address` is no mailbox, or it is the recipient's own.
    """
    mailbox = parse_mailbox(address.strip())
    if mailbox.identity == recipient.identity:
        raise goes_to_recipient()
    return mailbox


def goes_to_recipient() -> AddressError:
    """The error of a test message that would go to the recipient whose content it has."""
    return AddressError(
        "this is the address of the row itself",
        hint="a test message goes to you: type another address, or test another row",
        code="test-to-row",
    )


class Redirect:
    """Redirects chosen recipients to `mailbox`; a recipient with that address is left out."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.left_out = 0
        self._own: dict[str, str] = {}

    def recipients(self, recipients: Iterable[Recipient], most: int) -> Iterator[Recipient]:
        """The first recipients, at most `most`, each with my mailbox in place of its own."""
        for recipient in islice(self._others(recipients), most):
            self._own[recipient.key] = recipient.mailbox.address
            yield replace(recipient, mailbox=self.mailbox)

    def _others(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        self.left_out = 0
        for recipient in recipients:
            if recipient.mailbox.identity == self.mailbox.identity:
                self.left_out += 1
            else:
                yield recipient

    def edit(self, recipient: Recipient, content: Content) -> Content:
        """The content with the recipient's address in the subject, and without To's display name.

        The display name is the recipient's; the message goes to another address.
        """
        if not content.subject.strip():
            return content  # the composer refuses an empty subject; more text would hide it
        subject = f"[test for {self._own[recipient.key]}] {content.subject}"
        return replace(content, subject=subject, to_name="")
