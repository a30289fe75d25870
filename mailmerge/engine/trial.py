"""Messages of a campaign to oneself: the person's own content, another mailbox, a marked subject.

    Recipient -> the same person at my address -> `[test for ann@example.org] Hello Ann`

Neither the envelope nor the To field ever names the row's address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from mailmerge.errors import AddressError
from mailmerge.recipients.address import Mailbox, parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content

TRIALS = 3
"""So many messages go to oneself where nobody has asked for another number."""


def trial_mailbox(address: str, own: Mailbox) -> Mailbox:
    """The mailbox that was typed; never the one of the row.

    Raises:
        AddressError: `address` is no mailbox, or it is the row's own.
    """
    mailbox = parse_mailbox(address.strip())
    if mailbox.identity == own.identity:
        raise trial_to_row()
    return mailbox


def trial_to_row() -> AddressError:
    """Why a test does not go to somebody of the spreadsheet."""
    return AddressError(
        "this is the address of the row itself",
        hint="a test goes to you: type another address, or test the message of another row",
        code="trial-to-row",
    )


class Trial:
    """The chosen people at `mailbox` instead of their own; a row that is its own is passed over."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.passed_over = 0
        self._own: dict[str, str] = {}

    def people(self, recipients: Iterable[Recipient], most: int) -> Iterator[Recipient]:
        """The first so many people, each of them at my address."""
        for one in islice(self._others(recipients), most):
            self._own[one.key] = one.mailbox.address
            yield replace(one, mailbox=self.mailbox)

    def _others(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        self.passed_over = 0
        for one in recipients:
            if one.mailbox.identity == self.mailbox.identity:
                self.passed_over += 1
            else:
                yield one

    def edit(self, recipient: Recipient, content: Content) -> Content:
        """The content with the recipient's own address in the subject, and no display name in To.

        The display name is the recipient's; the message goes to another address.
        """
        if not content.subject.strip():
            return content  # the composer refuses it; with a mark it would not
        subject = f"[test for {self._own[recipient.key]}] {content.subject}"
        return replace(content, subject=subject, to_name="")
