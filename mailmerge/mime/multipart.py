"""The bytes between the bodies: boundaries, delimiters, and the fields of each body part.

They are the same for many messages. The tree is only as deep as the content needs (RFC 2046,
5.1; RFC 2387; RFC 2557):

    text/plain
    multipart/alternative(text/plain, text/html)
    multipart/alternative(text/plain, multipart/related(text/html, image ...))
    multipart/mixed(any of these, attachment ...)

A boundary contains "=_", which neither quoted-printable nor base64 ever writes, and a 7bit body
has no line that begins with "--=_". It is made of the campaign's name alone, so that a message
that is sent again has the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from mailmerge.errors import MessageError
from mailmerge.language import tr
from mailmerge.mime.parameters import parameterised_field
from mailmerge.mime.parts import EncodedPart, part_fields
from mailmerge.mime.references import (
    content_base_field,
    content_id_field,
    content_location_field,
)
from mailmerge.mime.settings import Sender
from mailmerge.rendering.content import RelatedImage

_EIGHT_BIT = b"Content-Transfer-Encoding: 8bit\r\n"


class Multipart:
    """The bytes around the bodies of one campaign's messages.

    Attributes:
        text_fields: the fields of the plain text, without its transfer encoding.
        begin_mixed: the field of multipart/mixed, and its first delimiter.
        begin_alternative: the same of multipart/alternative.
        end_mixed: the last delimiter of multipart/mixed.
    """

    def __init__(self, sender: Sender) -> None:
        """Write the bytes that all messages of a sender share.

        Raises:
            CampaignError: `content_base` under [message] cannot be a header field.
        """
        digest = hashlib.sha256(sender.campaign.encode()).digest()
        suffix = base64.b32encode(digest)[:16].decode()
        self._mixed, self._alternative, self._related = (
            f"=_{kind}_{suffix}" for kind in ("mixed", "alternative", "related")
        )
        self._by_location = sender.images.by_location
        base = sender.images.base
        self._base = content_base_field(base, sender.file) if self._by_location and base else b""
        self.text_fields = parameterised_field("Content-Type", "text/plain", 'charset="utf-8"')
        self._html_fields = parameterised_field("Content-Type", "text/html", 'charset="utf-8"')
        # RFC 2045, 6.4: a multipart that contains a part in 8bit is 8bit itself.
        self._transfer = _EIGHT_BIT if sender.eightbit else b""
        self.begin_mixed = self._begin("mixed", self._mixed)
        self.begin_alternative = self._begin("alternative", self._alternative)
        self._begin_attachment = _delimiter(self._mixed)
        self.end_mixed = _delimiter(self._mixed, "--")

    def before_html(self, images: Sequence[RelatedImage]) -> bytes:
        """From the end of the text to the fields of the HTML, without its transfer encoding."""
        start = _delimiter(self._alternative)
        if not images:
            return start + self._html_fields
        begin = self._begin("related", self._related, 'type="text/html"')
        return start + begin + self._html_fields + self._base

    def after_html(self, related: Sequence[tuple[RelatedImage, EncodedPart]]) -> tuple[bytes, ...]:
        """The images, the end of multipart/related, the end of multipart/alternative.

        Raises:
            MessageError: two images with one reference, or a reference that cannot be a Content-ID.
        """
        end = _delimiter(self._alternative, "--")
        if not related:
            return (end,)
        references = {image.reference for image, _ in related}
        if len(references) < len(related):
            raise MessageError(tr("two images have the same reference"), code="duplicate-reference")
        start = _delimiter(self._related)
        pieces: list[bytes] = []
        for image, part in related:
            pieces += (start + self._image_fields(image, part), part.encoded)
        return (*pieces, _delimiter(self._related, "--") + end)

    def attachment(self, part: EncodedPart) -> tuple[bytes, bytes]:
        """A delimiter and the fields of the attached file, and its body."""
        return self._begin_attachment + part.attached, part.encoded

    def _begin(self, subtype: str, boundary: str, *parameters: str) -> bytes:
        bounded = (*parameters, f'boundary="{boundary}"')
        field = parameterised_field("Content-Type", f"multipart/{subtype}", *bounded)
        return field + self._transfer + _delimiter(boundary)

    def _image_fields(self, image: RelatedImage, part: EncodedPart) -> bytes:
        fields = part_fields(part.media_type, part.file_name, part.charset, "inline")
        if self._by_location:
            return fields + self._base + content_location_field(image.reference) + b"\r\n"
        return fields + content_id_field(image.reference) + b"\r\n"


def _delimiter(boundary: str, end: str = "") -> bytes:
    return f"\r\n--{boundary}{end}\r\n".encode("ascii")
