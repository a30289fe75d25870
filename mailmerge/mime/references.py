"""The fields that the HTML of a message refers to its images by (RFC 2045, RFC 2392, RFC 2557)."""

from __future__ import annotations

import re
from urllib.parse import quote

from mailmerge.errors import CampaignError, MessageError
from mailmerge.language import tr
from mailmerge.mime.folding import fold
from mailmerge.mime.headers import check_line, unstructured_field
from mailmerge.wording import prefixed

_CONTENT_ID = re.compile(r"[!-;=?-~]+")
_URI = r"!#$%&'()*+,/:;=?@[]~"


def content_id_field(reference: str) -> bytes:
    """Content-ID (RFC 2045, 7), which `cid:` in the HTML refers to (RFC 2392).

    Raises:
        MessageError: the reference cannot be a Content-ID.
    """
    if not _CONTENT_ID.fullmatch(reference):
        raise MessageError(
            tr("{reference!r} cannot be a Content-ID", reference=reference),
            hint=tr("rename the image, with letters, digits and full stops only"),
            code="content-id",
        )
    return fold("Content-ID", f"<{reference}>")


def content_location_field(reference: str) -> bytes:
    """Content-Location (RFC 2557, 4.2): a URI, relative to Content-Base where that is given.

    Raises:
        MessageError: a control character, or a URI longer than a line.
    """
    return _uri_field("Content-Location", reference)


def content_base_field(base: str, file: str) -> bytes:
    """Content-Base (RFC 2110, 4.2), which RFC 2557 dropped and older readers still need.

    The HTML and its images both have it, so that they resolve to the same URI. `file` is the file
    that holds the setting.

    Raises:
        CampaignError: the URI cannot be written.
    """
    try:
        return _uri_field("Content-Base", base)
    except MessageError as error:
        problem = error.problem
        raise CampaignError(
            prefixed("message.content_base", problem.message),
            hint=tr("write a short URL, such as https://www.example.org/mail/"),
            code=problem.code,
            file=file,
        ) from error


def _uri_field(name: str, uri: str) -> bytes:
    check_line(name, uri)
    return unstructured_field(name, quote(uri, safe=_URI))
