"""Recipient -> Message -> Transaction: the one place where messages are made.

    recipient -> Renderer -> Content -> Composer -> Message        (MessageFactory)
    delivery  -> recipient and identity -> Message -> Transaction  (TransactionFactory)

The check, the preview, `render`, test messages and the engine all use a MessageFactory, so they all
make the message that is sent. The same recipient and the same identity give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Final, Protocol

from mailmerge.errors import InputError
from mailmerge.mime.headers import make_message_id
from mailmerge.mime.message import Composer, Message
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import Sender, sender_of
from mailmerge.recipients.audience import Recipient
from mailmerge.recipients.spreadsheet import SheetLocale
from mailmerge.rendering.content import Content, Renderer
from mailmerge.rendering.copies import NO_COPIES, Copies, CopySources
from mailmerge.rendering.settings import Templates, templates_of
from mailmerge.settings import DeliverySection, Settings
from mailmerge.signing.settings import MessageSigner, signer_of
from mailmerge.smtp import Envelope, Transaction
from mailmerge.unsubscribe_links import UnsubscribeLinks, links_of

_SAMPLE_SECRET = b"shown, not sent"
"""For samples only; the ledger keeps the secret of real Message-IDs."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The two header fields that make a message unique.

    Attributes:
        message_id: `<left@right>` (RFC 5322, 3.6.4).
        date: the time of the Date field, with its time zone.
    """

    message_id: str
    date: datetime


def make_identity(secret: bytes, campaign: str, key: str, sender: str, date: datetime) -> Identity:
    """The identity of one recipient's message in one campaign, the same for every attempt.

    Args:
        secret: at most 64 bytes; without it the Message-IDs cannot be predicted.
        campaign: the name of the campaign.
        key: the recipient's key.
        sender: the domain of From, as A-labels.
        date: the time of the Date field, with its time zone.
    """
    return Identity(make_message_id(secret, campaign, key, sender), date)


def message_ids(settings: Settings) -> Callable[[bytes, str], str]:
    """A function (secret, recipient's key) -> Message-ID, for the messages of a campaign.

    The ledger uses it to fix a Message-ID before the message is made. The domain of From is read at
    the first call.
    """
    campaign, domain = settings.name, cache(lambda: sender_of(settings).mailbox.domain)
    return lambda secret, key: make_message_id(secret, campaign, key, domain())


_Edit = Callable[[Recipient, Content], Content]
"""Changes the content of one recipient's message before it is composed."""


class MessageFactory:
    """Makes the messages of one campaign. Several threads may use it at once.

    It has no lock of its own: the caches of rendering and composing lock themselves, so that a slow
    message delays no other message.
    """

    def __init__(
        self,
        templates: Templates,
        sender: Sender,
        parts: PartStore,
        signer: MessageSigner | None = None,
        links: UnsubscribeLinks | None = None,
        *,
        number_locale: Callable[[], str] = str,
        copies: CopySources | None = None,
    ) -> None:
        """Compile the templates, and write the bytes that all messages share.

        `signer` signs each message. `copies` says who else gets it.

        Raises:
            TemplateError: a template is missing or does not compile; with file and line.
            CampaignError: `content_base` cannot be written.
        """
        renderer = Renderer(templates, links=links, number_locale=number_locale, copies=copies)
        self._start(renderer, Composer(sender, parts), signer=signer)

    @classmethod
    def of(
        cls,
        renderer: Renderer,
        composer: Composer,
        edit: _Edit | None = None,
        signer: MessageSigner | None = None,
    ) -> MessageFactory:
        """A factory that uses an existing renderer and composer."""
        factory = cls.__new__(cls)
        factory._start(renderer, composer, edit, signer)
        return factory

    def _start(
        self,
        renderer: Renderer,
        composer: Composer,
        edit: _Edit | None = None,
        signer: MessageSigner | None = None,
    ) -> None:
        self._renderer = renderer
        self._composer = composer
        self._edit = edit
        self._signer = signer
        self._sampled_on = datetime.now(UTC).replace(microsecond=0)

    def editing(self, edit: _Edit) -> MessageFactory:
        """A factory that applies `edit` to each content; both share templates and caches."""
        return MessageFactory.of(self._renderer, self._composer, edit, self._signer)

    @property
    def reverse_path(self) -> str:
        """The address of MAIL FROM, without angle brackets (RFC 5321, 4.1.1.2)."""
        return self._composer.reverse_path

    def reverse_path_for(self, forward_path: str) -> str:
        """The address of MAIL FROM for the message to this address."""
        return self._composer.reverse_path_for(forward_path)

    @property
    def variables(self) -> frozenset[str]:
        """The names that the templates use, to compare with the columns of a spreadsheet."""
        return self._renderer.variables

    @property
    def files(self) -> Mapping[str, str]:
        """The digests of the files that the messages so far were made of, by path.

        Only the factory of a check notes all of them.
        """
        return {**self._renderer.files.read_so_far, **self._composer.files.read_so_far}

    @property
    def slow_because(self) -> str:
        """Why each row's page is made separately, which is slow; "" if rows share a page.

        Only the rows rendered so far are considered.
        """
        return self._renderer.slow_because

    @property
    def has_copies(self) -> bool:
        """Whether messages may go to more mailboxes than their recipients'."""
        return self._renderer.has_copies and self._edit is None

    def copies(self, recipient: Recipient) -> Copies:
        """Who else gets the message of one recipient, without making it.

        Raises:
            InputError: it is not known: a template fails, or gives something else than mailboxes.
        """
        return self._renderer.copies(recipient) if self.has_copies else NO_COPIES

    def make(self, recipient: Recipient, identity: Identity) -> Message:
        """The message of one recipient.

        Raises:
            InputError: it cannot be rendered or composed; the error names file, row and cause.
        """
        return self.compose(recipient, self.render(recipient), identity)

    def render(self, recipient: Recipient) -> Content:
        """The content of one recipient's message.

        Raises:
            InputError: it cannot be rendered.
        """
        content = self._renderer.render(recipient)
        if self._edit is None:
            return content
        # An edited message is a test: only its reader gets it.
        return replace(self._edit(recipient, content), copies=NO_COPIES)

    def time_zone(self, recipient: Recipient) -> str:
        """The name of the time zone in whose hours a recipient is sent; "" is this machine's.

        Raises:
            InputError: the template of the time zone fails on this row.
        """
        return self._renderer.time_zone(recipient)

    def compose(self, recipient: Recipient, content: Content, identity: Identity) -> Message:
        """The message of content that is rendered already.

        Raises:
            InputError: it cannot be composed.
        """
        message = self._composer.compose(
            recipient, content, message_id=identity.message_id, date=identity.date
        )
        if self._signer is None:
            return message
        chunks = self._signer.signed(message.chunks, identity.date)
        size = sum(map(len, chunks))
        return Message(chunks, size, message.content, message.eightbit, message.smtputf8)

    def sample(self, recipient: Recipient) -> Message:
        """The message of one recipient with an identity that is never sent.

        Raises:
            InputError: as `make`.
        """
        return self.make(recipient, self.sample_identity(recipient))

    def sample_identity(self, recipient: Recipient) -> Identity:
        """The identity of a sample: the date of this factory, and a Message-ID in the real form."""
        campaign, domain = self._composer.campaign, self._composer.sender.domain
        return make_identity(_SAMPLE_SECRET, campaign, recipient.key, domain, self._sampled_on)


def message_factory(settings: Settings) -> MessageFactory:
    """The factory of a campaign's messages.

    Raises:
        TemplateError: a template is missing or does not compile.
        CampaignError: an address of the sender is wrong, or a key or certificate cannot be used.
    """
    # Only the check asks which files were read. Here each attachment would be hashed for nothing.
    parts = PartStore(settings.content_files(noting=False))
    sender = sender_of(settings)
    signer = signer_of(settings, sender.mailbox.domain)
    locale, links = SheetLocale(settings), links_of(settings)
    templates = templates_of(settings)
    return MessageFactory(
        templates,
        sender,
        parts,
        signer,
        links,
        number_locale=locale,
        copies=CopySources.of(settings),
    )


class _Deliverable(Protocol):
    """The input of a transaction; a delivery of the ledger is one."""

    @property
    def id(self) -> int:
        """The number that becomes the token of the transaction."""
        ...

    @property
    def recipient(self) -> Recipient:
        """The recipient as read from the spreadsheet."""
        ...

    @property
    def message_id(self) -> str:
        """`<left@right>`."""
        ...

    @property
    def sent_on(self) -> datetime:
        """The time of the Date field."""
        ...


class TransactionFactory:
    """Puts messages into their envelopes. Several threads may use it at once."""

    def __init__(self, messages: MessageFactory, section: DeliverySection | None = None) -> None:
        """Take messages from `messages`, and request the notifications that [delivery] names."""
        self._messages = messages
        self._notices = _Notices.of(section or DeliverySection())

    @property
    def further(self) -> Callable[[_Deliverable], tuple[str, ...]] | None:
        """The function that names the domains of a message's further recipients; None without any.

        A message that cannot be made has none.
        """
        return self._further if self._messages.has_copies else None

    def _further(self, delivery: _Deliverable) -> tuple[str, ...]:
        try:
            copies = self._messages.copies(delivery.recipient)
        except InputError:
            return ()
        return tuple(one.domain for one in copies.mailboxes)

    def transaction(self, delivery: _Deliverable) -> Transaction:
        """The message of a delivery in its envelope; the token is the number of the delivery.

        Raises:
            InputError: the message cannot be rendered or composed.
        """
        recipient, message_id = delivery.recipient, delivery.message_id
        message = self._messages.make(recipient, Identity(message_id, delivery.sent_on))
        mailbox, copies = recipient.mailbox, message.content.copies
        paths: tuple[str, ...] = (mailbox.forward_path,)
        if copies.to:
            paths += tuple(one.forward_path for one in copies.to)
        envelope = Envelope(
            self._messages.reverse_path_for(mailbox.forward_path),
            paths,
            smtputf8=message.smtputf8 or mailbox.needs_smtputf8,
            eightbit=message.eightbit,
            envid=self._notices.envid(message_id),
            ret=self._notices.ret,
            notify=self._notices.notify,
            copies=tuple(one.forward_path for one in (*copies.cc, *copies.bcc)),
        )
        return Transaction(delivery.id, envelope, message.chunks)


@dataclass(frozen=True, slots=True)
class _Notices:
    """The delivery status notifications to ask for, as parameters of MAIL and RCPT (RFC 3461).

    Empty texts leave it to the server. Nothing is requested from a server without DSN.
    """

    notify: str
    ret: str

    @classmethod
    def of(cls, section: DeliverySection) -> _Notices:
        """What [delivery] asks for, in the words of RFC 3461, 4.1 and 4.3."""
        return cls(",".join(section.notify).upper(), _RET[section.return_])

    def envid(self, message_id: str) -> str:
        """The left part of the Message-ID, by which a notification names the message."""
        asked = self.notify or self.ret
        return message_id.strip("<>").partition("@")[0] if asked else ""


_RET: Final = {"": "", "headers": "HDRS", "full": "FULL"}
