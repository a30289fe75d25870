"""Content -> octets: one person's message, in which only what differs is written anew.

In go a recipient, the content, a Message-ID and a date; out comes a Message of few chunks, of which
the large ones (images, attachments) are shared by all messages. What is static in a text is encoded
once for each structure; see encoding.py for how the values get in between, headers.py for the
fields and multipart.py for the tree.

The law, held by property tests: parsed by the standard library, the octets give the fields, the
tree and the bodies that EmailMessage would give for the same content. They are 7-bit, unless the
campaign's encoding is 8bit or an address needs SMTPUTF8; no line has more than 998 octets, and none
begins with a dot.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from threading import Lock
from weakref import ReferenceType, ref

from mailmerge.campaign import CAMPAIGN_FILE, Campaign
from mailmerge.errors import AddressError, CampaignError, InputError, MessageError
from mailmerge.mime.encoding import TextEncoder, compile_text
from mailmerge.mime.headers import (
    date_field,
    is_blank,
    mailbox_field,
    message_id_field,
    unstructured_field,
)
from mailmerge.mime.multipart import Multipart
from mailmerge.mime.parts import PartStore
from mailmerge.recipients.address import Mailbox, parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Body, Content, Structure
from mailmerge.smtp.content import Sealed, seal

# From here on a chunk of its own costs less than copying it (benchmarks/mime.py).
_LARGE_CHUNK = 4 * 1024
_STRUCTURES_KEPT = 256
_MIME_VERSION = b"MIME-Version: 1.0\r\n"
_FIELDS = 6  # From, To, Subject, Date, Message-ID, MIME-Version


@dataclass(frozen=True, slots=True)
class Message:
    """A message as RFC 5322 has it: lines end with CRLF, also the last; no other CR or LF.

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
    """A structure's text, encoded, and what stands before and after it in the message."""

    encoder: TextEncoder
    before: bytes
    after: tuple[bytes, ...]


class _Compiled:
    """Compiled bodies by the identity of their structure; several threads may ask at once.

    A body is forgotten with its structure: one that was made for a single person leaves nothing
    behind. Of those that live on, the ones used longest ago make room for others.
    """

    def __init__(self, bound: int = _STRUCTURES_KEPT) -> None:
        self._bound = bound
        self._bodies: OrderedDict[int, tuple[ReferenceType[Structure], _CompiledBody]]
        self._bodies = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._bodies)

    def find(self, structure: Structure) -> _CompiledBody | None:
        with self._lock:
            found = self._bodies.get(id(structure))
            # Whatever happens to numbers of objects, nobody gets the text of another structure.
            if found is None or found[0]() is not structure:
                return None
            self._bodies.move_to_end(id(structure))
            return found[1]

    def keep(self, structure: Structure, body: _CompiledBody) -> None:
        key = id(structure)
        bodies = self._bodies

        def forget(_: ReferenceType[Structure]) -> None:
            # No lock: this runs wherever the last reference goes, maybe inside `find`. The
            # structure's number is not given to another before this has ended.
            bodies.pop(key, None)

        with self._lock:
            bodies[key] = (ref(structure, forget), body)
            while len(bodies) > self._bound:
                bodies.popitem(last=False)


class Composer:
    """Writes the messages of one campaign. Several threads may use it at once.

    Raises:
        CampaignError: `from` or `reverse_path` under [message] is not an address, or `content_base`
            cannot be written.
    """

    def __init__(self, campaign: Campaign, parts: PartStore) -> None:
        self._parts = parts
        self._multipart = Multipart(campaign)
        self._eightbit = campaign.message.encoding == "8bit"
        self._sender = _campaign_mailbox("from", campaign.message.from_, names=True)
        reverse_path = campaign.message.reverse_path
        self._reverse_path = (
            _campaign_mailbox("reverse_path", reverse_path).forward_path
            if reverse_path
            else self._sender.forward_path
        )
        self._from_field = mailbox_field("From", self._sender)
        self._compiled_text = _Compiled()
        self._compiled_html = _Compiled()

    @property
    def sender(self) -> Mailbox:
        """The mailbox of From."""
        return self._sender

    @property
    def reverse_path(self) -> str:
        """What MAIL FROM names: where bounces go (RFC 5321, 4.1.1.2), without angle brackets."""
        return self._reverse_path

    def compose(
        self, recipient: Recipient, content: Content, *, message_id: str, date: datetime
    ) -> Message:
        """Write one person's message; the same arguments give the same octets.

        Args:
            message_id: `<left@right>`, from `make_message_id`.
            date: with its time zone.

        Raises:
            MessageError: a header field that cannot be written: a control character, an empty
                subject, a word longer than a line; or text that is not Unicode.
            AssetError: an image or attachment that is missing, empty, too large or out of bounds.
            AddressError: `reply_to` is not an address.
        """
        try:
            return self._composed(recipient, content, message_id, date)
        except InputError as error:
            error.problem = replace(error.problem, row=recipient.row)
            raise
        except UnicodeEncodeError as error:
            raise MessageError(
                "the text holds half a surrogate pair, which is no character",
                hint="save the spreadsheet as UTF-8",
                code="not-unicode",
                row=recipient.row,
            ) from error

    def _composed(
        self, recipient: Recipient, content: Content, message_id: str, date: datetime
    ) -> Message:
        utf8 = recipient.mailbox.needs_smtputf8 or self._sender.needs_smtputf8
        reply_to = b""
        if content.reply_to:
            reply_to, reply_to_utf8 = _reply_to(content.reply_to)
            utf8 = utf8 or reply_to_utf8
        fields = self._fields(recipient, content, reply_to, message_id, date)
        chunks, size = _gathered([fields, *self._bodies(content)])
        eightbit = utf8 or (self._eightbit and not all(chunk.isascii() for chunk in chunks))
        return Message(chunks, size, content, eightbit, utf8)

    def _fields(
        self,
        recipient: Recipient,
        content: Content,
        reply_to: bytes,
        message_id: str,
        date: datetime,
    ) -> bytes:
        if is_blank(content.subject):
            raise MessageError(
                "the subject is empty",
                hint="fill in the cells that subject under [message] is made of",
                code="empty-subject",
            )
        own = [
            unstructured_field(name, value) for name, value in content.headers if value.strip(" ")
        ]
        block = b"".join(
            (
                self._from_field,
                mailbox_field("To", recipient.mailbox, content.to_name),
                reply_to,
                unstructured_field("Subject", content.subject),
                date_field(date),
                message_id_field(message_id),
                *own,
                _MIME_VERSION,
            )
        )
        check_fields(block, _FIELDS + len(own) + bool(reply_to))
        return block

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
            for path in content.attachments:
                pieces += multipart.attachment(self._parts.part(path))
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


def check_fields(block: bytes, intended: int) -> None:
    """Count the fields of a header block as a reader will: the last look at the octets themselves.

    Each intended field begins one line; every other line that does not continue one would be a
    forged field or the end of the header.

    Raises:
        MessageError: there are more or fewer than intended, or a bare CR or LF.
    """
    lines = block.count(b"\r\n")
    begun = lines - block.count(b"\r\n ")
    if not (begun == intended and block.count(b"\n") == block.count(b"\r") == lines):
        raise MessageError(
            "the header would hold a field that nobody asked for",
            hint="look for line breaks in the cells of this row",
            code="forged-field",
        )


def _campaign_mailbox(key: str, value: str, *, names: bool = False) -> Mailbox:
    try:
        return parse_mailbox(value, names=names)
    except AddressError as error:
        problem = error.problem
        raise CampaignError(
            f"message.{key}: {problem.message}",
            hint=problem.hint,
            code=problem.code,
            file=CAMPAIGN_FILE,
        ) from error


@lru_cache(maxsize=256)
def _reply_to(text: str) -> tuple[bytes, bool]:
    try:
        mailbox = parse_mailbox(text, names=True)
    except AddressError as error:
        error.problem = replace(error.problem, message=f"Reply-To: {error.problem.message}")
        raise
    return mailbox_field("Reply-To", mailbox), mailbox.needs_smtputf8


def _gathered(pieces: Sequence[bytes]) -> tuple[tuple[bytes, ...], int]:
    """Join what is small; leave what is large, or sealed, the object that it is."""
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
