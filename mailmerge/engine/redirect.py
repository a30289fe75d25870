"""The address of a recipient's message: the recipient's own, or test addresses.

    Recipient -> the same recipient with my mailbox -> `[test for ann@example.org] Hello Ann`

With several test addresses, each of them gets a copy; only the first copy has the recipient's key.

The envelope and the To field of a test message never contain the recipient's own address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from mailmerge.errors import AddressError
from mailmerge.language import tr
from mailmerge.messages import MessageFactory
from mailmerge.recipients.address import Mailbox, parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content

DEFAULT_TEST_COUNT: Final = 3
"""The default number of test messages."""

# Keys of recipients have no such white space, so no recipient has the key of a copy.
_COPY_MARK: Final = "\u00a0test "


class Direct:
    """Each message goes to its recipient."""

    @property
    def edits(self) -> bool:
        """Whether subjects differ from those of the real messages."""
        return False

    @property
    def addresses(self) -> tuple[str, ...]:
        """The test addresses; none if each message goes to its recipient."""
        return ()

    def recipients(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        """Yield the recipients to send to."""
        return iter(recipients)

    def messages(self, factory: MessageFactory) -> MessageFactory:
        """Return the factory of their messages."""
        return factory

    def require_recipient(self, number: int) -> None:
        """Accept any number of recipients, including 0."""
        del number


class Redirect(Direct):
    """Sends the messages of the first recipients, at most `most` of them, to each of `mailboxes`.

    A recipient with one of these addresses is left out: its test message would look like the real
    one.
    """

    def __init__(self, mailboxes: Sequence[Mailbox], most: int = DEFAULT_TEST_COUNT) -> None:
        first: dict[str, Mailbox] = {}
        for one in mailboxes:
            first.setdefault(one.identity, one)
        self._mailboxes = tuple(first.values())
        self._most = most
        self._left_out = 0
        self._own: dict[str, str] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """The test addresses, each once."""
        return tuple(one.address for one in self._mailboxes)

    @property
    def edits(self) -> bool:
        """Each subject names its recipient."""
        return True

    def recipients(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        """Yield the first recipients, once for each test address, with that as mailbox."""
        for recipient in islice(self._others(recipients), self._most):
            for number, mailbox in enumerate(self._mailboxes, start=1):
                key = recipient.key if number == 1 else f"{recipient.key}{_COPY_MARK}{number}"
                self._own[key] = recipient.mailbox.address
                yield replace(recipient, mailbox=mailbox, key=key)

    def messages(self, factory: MessageFactory) -> MessageFactory:
        """Return a factory that writes the recipient's address into the subject."""
        return factory.editing(self.edit)

    def require_recipient(self, number: int) -> None:
        """Refuse a test that has no recipients because one was left out.

        Raises:
            AddressError: `number` is 0, and a recipient has the user's address.
        """
        if self._left_out and not number:
            raise _goes_to_recipient()

    def edit(self, recipient: Recipient, content: Content) -> Content:
        """Return the content with the recipient's address in the subject.

        The display name of To is removed, because it is the recipient's.
        """
        if not content.subject.strip():
            return content  # an empty subject is an error, which more text would hide
        subject = f"[test for {self._own[recipient.key]}] {content.subject}"
        return replace(content, subject=subject, to_name="")

    def _others(self, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
        self._left_out = 0
        own = {one.identity for one in self._mailboxes}
        for recipient in recipients:
            if recipient.mailbox.identity in own:
                self._left_out += 1
            else:
                yield recipient


def parse_own_address(address: str, recipient: Mailbox) -> Mailbox:
    """Parse the address that a user typed for a test message.

    Raises:
        AddressError: `address` is not a mailbox, or it is the recipient's own.
    """
    mailbox = parse_mailbox(address.strip())
    if mailbox.identity == recipient.identity:
        raise _goes_to_recipient()
    return mailbox


def _goes_to_recipient() -> AddressError:
    """The error of a test message that would go to the recipient itself."""
    return AddressError(
        tr("this is the address of the row itself"),
        hint=tr("a test message goes to you: type another address, or test another row"),
        code="test-to-row",
    )
