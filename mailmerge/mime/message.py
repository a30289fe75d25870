"""The compiled message: content -> message; only the bytes that differ are written each time.

The problem. Building a message with the standard library takes milliseconds: it encodes every
text and every attachment each time. Of 75 KB of a newsletter, only some hundred bytes differ
from recipient to recipient. So everything else is encoded once, and kept in the form in which it
is sent.

    header fields  written for each recipient (headers.py); From only once
    text, HTML     the static text of a structure is encoded once, and the values of each recipient
                   are set between its pieces (encoding.py)
    files          images and attachments are read and encoded once for all messages (parts.py)
    delimiters     written once for a campaign (multipart.py)

A message is a tuple of chunks. The large ones are the same object in every message, so that
nothing copies them; the small ones between them are joined.

The law, checked by property tests: parsed by the standard library, a message has the fields, the
tree and the bodies that EmailMessage would give for the same content. It is 7-bit, unless the
campaign's encoding is 8bit or an address needs SMTPUTF8. No line has more than 998 bytes or
begins with a dot.

What can go wrong, and the answer:

1. A cell holds a line break, and would begin a header field of its own. Every field refuses
   control characters by name (headers.py), and the finished header is counted once more
   (`header_block`).
2. A cell holds a boundary. No encoding ever writes one at the start of a line (encoding.py).
3. Two threads compose at once. What is compiled is kept in objects with their own locks. Two
   threads may compile one structure at the same time; both get the same bytes, and one is kept.
4. The template makes a new structure for each recipient. What was compiled for it goes with it
   (compiled.py), so that memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AddressError, InputError, MessageError
from mailmerge.language import tr
from mailmerge.mime.compiled import CompiledStructures
from mailmerge.mime.encoding import TextEncoder, compile_text
from mailmerge.mime.headers import (
    date_field,
    header_block,
    is_blank,
    mailbox_field,
    mailbox_list_field,
    message_id_field,
    unstructured_field,
)
from mailmerge.mime.multipart import Multipart
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import Sender, sender_of
from mailmerge.octets import Sealed, seal
from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.recipients.mailbox_list import parse_mailboxes
from mailmerge.rendering.content import Body, Content, Structure
from mailmerge.rendering.copies import NO_COPIES
from mailmerge.settings import Settings
from mailmerge.wording import prefixed

# A piece of at least this size is a chunk of its own: copying it costs more (benchmarks/mime.py).
_LARGE_CHUNK = 4 * 1024
_STRUCTURES_KEPT = 256
_MIME_VERSION = b"MIME-Version: 1.0\r\n"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as RFC 5322 defines it: every line ends with CRLF; no other CR or LF.

    `bytes(message)` is the whole message.

    Attributes:
        chunks: the message in pieces; the large ones are shared with other messages.
        size: the number of bytes of all chunks.
        content: what the message was made from.
        eightbit: whether the server must take bytes above 127.
        smtputf8: whether it must take UTF-8 in header fields and addresses (RFC 6531).
    """

    chunks: tuple[bytes, ...]
    size: int
    content: Content
    eightbit: bool = False
    smtputf8: bool = False

    def __bytes__(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def subject(self) -> str:
        """The decoded subject."""
        return self.content.subject

    @property
    def html(self) -> str | None:
        """The HTML body with its styles inlined; None where there is none."""
        return None if self.content.html is None else str(self.content.html)

    @property
    def text(self) -> str:
        """The plain text body, with lines that end with LF."""
        return str(self.content.text)

    @property
    def attachments(self) -> tuple[str, ...]:
        """The paths of the attached files, relative to the campaign folder."""
        return self.content.attachments


@dataclass(frozen=True, slots=True)
class _CompiledBody:
    """A structure's text, encoded, and the bytes before and after it in the message."""

    encoder: TextEncoder
    before: bytes
    after: tuple[bytes, ...]


class Composer:
    """Writes the messages of one campaign. Thread-safe: workers share one composer."""

    def __init__(self, sender: Sender | Settings, parts: PartStore) -> None:
        """Write the bytes that all messages share; the sender may be given as a campaign.

        Raises:
            CampaignError: an address of the campaign is invalid, or `content_base` cannot be
                written.
        """
        if isinstance(sender, Settings):
            sender = sender_of(sender)
        self._settings = sender
        self._parts = parts
        self._multipart = Multipart(sender)
        self._from_field = mailbox_field("From", sender.mailbox)
        self._from_needs_utf8 = sender.mailbox.needs_smtputf8
        self._eightbit = sender.eightbit
        self._compiled_text: CompiledStructures[_CompiledBody]
        self._compiled_text = CompiledStructures(_STRUCTURES_KEPT)
        self._compiled_html: CompiledStructures[_CompiledBody]
        self._compiled_html = CompiledStructures(_STRUCTURES_KEPT)

    @property
    def files(self) -> ContentFiles:
        """Opens the files of the campaign folder, and notes which were read."""
        return self._parts.files

    @property
    def campaign(self) -> str:
        """The name of the campaign."""
        return self._settings.campaign

    @property
    def sender(self) -> Mailbox:
        """The mailbox of From."""
        return self._settings.mailbox

    @property
    def reverse_path(self) -> str:
        """The address of MAIL FROM (RFC 5321, 4.1.1.2), without angle brackets."""
        return self._settings.reverse_path

    def reverse_path_for(self, forward_path: str) -> str:
        """The same for the message to this address: with `verp`, each has its own."""
        return self._settings.reverse_path_for(forward_path)

    @property
    def compiled(self) -> tuple[int, int]:
        """How many structures of text, and how many of HTML, are kept compiled."""
        return len(self._compiled_text), len(self._compiled_html)

    def compose(
        self, recipient: Recipient, content: Content, *, message_id: str, date: datetime
    ) -> Message:
        """Write the message of one recipient; the same arguments give the same bytes.

        Args:
            recipient: its mailbox is To, its row is named in errors.
            content: the content from the renderer.
            message_id: `<left@right>`, from `make_message_id`.
            date: with its time zone.

        Raises:
            MessageError: a header field that cannot be written: a control character, an empty
                subject, a word longer than a line; or text that is not Unicode.
            AssetError: an image or attachment that is missing, empty, too large or outside of the
                campaign folder.
            AddressError: `reply_to` is not an address.
        """
        try:
            return self._compose(recipient, content, message_id, date)
        except InputError as error:
            error.problem = replace(error.problem, row=recipient.row)
            raise
        except UnicodeEncodeError as error:
            raise MessageError(
                tr("the text holds half a surrogate pair, which is no character"),
                hint=tr("save the spreadsheet as UTF-8"),
                code="not-unicode",
                row=recipient.row,
            ) from error

    def _compose(
        self, recipient: Recipient, content: Content, message_id: str, date: datetime
    ) -> Message:
        utf8 = recipient.mailbox.needs_smtputf8 or self._from_needs_utf8
        if content.copies is not NO_COPIES:
            utf8 = utf8 or any(one.needs_smtputf8 for one in content.copies.mailboxes)
        reply_to = b""
        if content.reply_to:
            reply_to, reply_to_utf8 = _reply_to(content.reply_to)
            utf8 = utf8 or reply_to_utf8
        header = self._header(recipient, content, reply_to, message_id, date)
        chunks, size = _gather([header, *self._bodies(content)])
        eightbit = utf8 or (self._eightbit and not all(chunk.isascii() for chunk in chunks))
        return Message(chunks, size, content, eightbit, utf8)

    def _header(
        self,
        recipient: Recipient,
        content: Content,
        reply_to: bytes,
        message_id: str,
        date: datetime,
    ) -> bytes:
        if is_blank(content.subject):
            raise MessageError(
                tr("the subject is empty"),
                hint=tr("fill in the cells that subject under [message] is made of"),
                code="empty-subject",
            )
        own = [
            unstructured_field(name, value) for name, value in content.headers if value.strip(" ")
        ]
        return header_block(
            [
                self._from_field,
                *_to_and_cc(recipient, content),
                *([reply_to] if reply_to else ()),
                unstructured_field("Subject", content.subject),
                date_field(date),
                message_id_field(message_id),
                *own,
                _MIME_VERSION,
            ]
        )

    def _bodies(self, content: Content) -> list[bytes]:
        multipart = self._multipart
        pieces = [multipart.begin_mixed] if content.attachments else []
        if content.html is not None:
            pieces.append(multipart.begin_alternative)
        pieces.append(multipart.text_fields)
        pieces += self._text(content.text)
        if content.html is not None:
            pieces += self._html(content.html)
        if content.attachments:
            names = dict(content.attached_as)
            for path in content.attachments:
                pieces += multipart.attachment(self._parts.part(path, names.get(path, "")))
            pieces.append(multipart.end_mixed)
        return pieces

    def _text(self, text: Body) -> list[bytes]:
        body = self._compiled_text.find(text.structure)
        if body is None:
            body = _CompiledBody(self._encoder(text.structure), b"", ())
            self._compiled_text.keep(text.structure, body)
        return body.encoder.encode(text.values)

    def _html(self, html: Body) -> Iterable[bytes]:
        body = self._compiled_html.find(html.structure)
        if body is None:
            body = self._compile_html(html.structure)
            self._compiled_html.keep(html.structure, body)
        return (body.before, *body.encoder.encode(html.values), *body.after)

    def _encoder(self, structure: Structure) -> TextEncoder:
        return compile_text(structure.static, eightbit=self._eightbit)

    def _compile_html(self, structure: Structure) -> _CompiledBody:
        related = [(image, self._parts.part(image.path)) for image in structure.images]
        return _CompiledBody(
            self._encoder(structure),
            seal(self._multipart.before_html(structure.images)),
            tuple(map(seal, self._multipart.after_html(related))),
        )


def _to_and_cc(recipient: Recipient, content: Content) -> Sequence[bytes]:
    """The fields that name who gets the message. Bcc is in none of them (RFC 5322, 3.6.3)."""
    copies = content.copies
    if copies is NO_COPIES:
        return (mailbox_field("To", recipient.mailbox, content.to_name),)
    first = recipient.mailbox
    if content.to_name.strip(" "):
        first = replace(first, display_name=content.to_name)
    fields = [mailbox_list_field("To", (first, *copies.to))]
    if copies.cc:
        fields.append(mailbox_list_field("Cc", copies.cc))
    return fields


@lru_cache(maxsize=256)  # most campaigns have one
def _reply_to(text: str) -> tuple[bytes, bool]:
    """The Reply-To field, and whether it needs SMTPUTF8."""
    try:
        mailboxes = parse_mailboxes(text)
    except AddressError as error:
        error.problem = replace(error.problem, message=prefixed("Reply-To", error.problem.message))
        raise
    utf8 = any(one.needs_smtputf8 for one in mailboxes)
    return mailbox_list_field("Reply-To", mailboxes), utf8


def _gather(pieces: Sequence[bytes]) -> tuple[tuple[bytes, ...], int]:
    """Join small pieces; keep those that are large, or sealed, as the objects that they are."""
    chunks: list[bytes] = []
    small: list[bytes] = []
    for piece in pieces:
        if type(piece) is Sealed or len(piece) >= _LARGE_CHUNK:
            if small:
                chunks.append(b"".join(small))
                small = []
            chunks.append(piece)
        elif piece:
            small.append(piece)
    if small:
        chunks.append(b"".join(small))
    return tuple(chunks), sum(map(len, chunks))
