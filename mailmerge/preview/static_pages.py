"""A campaign -> a folder of static pages with its review set, which needs no server.

    index.html               the page with its style, its script and its data in one file
    messages/1/light.html    the first message's HTML in every view; message.eml; its attachments

Under a strict Content-Security-Policy, a browser does not load modules or styles from files. So all
scripts and styles are in index.html, and the policy names them by their digest.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.preflight.check import CheckOptions
from mailmerge.preview.access import FRAME_SOURCES
from mailmerge.preview.bundle import bundle_modules
from mailmerge.preview.documents import campaign_document, row_document
from mailmerge.preview.frame import EVERY_VIEW, View, frame_html
from mailmerge.preview.message_documents import message_document
from mailmerge.preview.messages import ShownMessage
from mailmerge.preview.mime_structure import ParsedMessage, parse_message, part_content
from mailmerge.preview.page_files import PAGE_FOLDER, index_page
from mailmerge.preview.recipient_list import RecipientRow, RowStatus
from mailmerge.preview.session import PreviewSession
from mailmerge.private_files import open_private

_MESSAGES = 40
_TEXT_ENDINGS = frozenset(
    """
    html htm xhtml xht shtml xml svg xsl xslt mhtml mht js mjs css json hta vbs wsf bat
    cmd ps1 sh py pl php svgz
    """.split()  # noqa: SIM905 - a list of this length is unreadable
)
"""Endings of files that run, and that are text."""

_HARMLESS = frozenset(
    """
    .txt .csv .tsv .ics .vcf .eml .asc .pdf .png .jpg .jpeg .gif .webp .heic .tif .tiff
    .bmp .doc .docx .xls .xlsx .ppt .pptx .odt .ods .odp .rtf .epub .zip .gz .mp3 .m4a
    .wav .mp4 .mov
    """.split()  # noqa: SIM905 - a list of this length is unreadable
)
"""Endings that a part keeps. No program runs such a file as a script, and no browser as a page."""


def write_static_pages(
    where: Path,
    out: Path,
    *,
    limit: int = _MESSAGES,
    page_language: str = "",
    extra: CheckOptions | None = None,
) -> int:
    """Write the pages into the folder `out` and return the number of messages.

    The review set comes first, then the first recipients of the list, `limit` of them at most.
    `page_language` is the language of the page, "" for the browser's. `extra` has the parts of the
    check that have to be asked for.

    Raises:
        MailmergeError: the campaign cannot be read, or no recipient has a message to show.
    """
    session = PreviewSession(where, page_language, extra)
    session.reload()
    session.checks.join()
    if session.snapshot.broken is not None:
        raise CampaignError.from_problem(session.snapshot.broken)
    messages = _chosen(session, limit)
    if not messages:
        raise CampaignError(
            tr("there is no message to show"), hint=tr('see "mailmerge check"'), code="no-messages"
        )
    pages = [
        _message_pages(session, row, made, number) for number, (row, made) in enumerate(messages, 1)
    ]
    for one in pages:
        for name, content in one.files.items():
            _write(out / "messages" / str(one.number) / name, content)
    document = json.dumps(_document(session, pages), ensure_ascii=False)
    _write(out / "index.html", _index_page(document, page_language).encode())
    return len(pages)


@dataclass(frozen=True, slots=True)
class _MessagePages:
    """One message: its document, its files by name, and the file names of its parts by number."""

    row: RecipientRow
    number: int
    document: dict[str, Any]
    files: dict[str, bytes]
    parts: dict[int, str]


def _chosen(session: PreviewSession, limit: int) -> list[tuple[RecipientRow, ShownMessage]]:
    """The review set and the first recipients after it, in the order of their rows."""
    rows = session.snapshot.rows
    recipients = (row.key for row in rows if row.status is RowStatus.RECIPIENT)
    keys = dict.fromkeys(one.key for one in session.checks.review_set)
    while len(keys) < limit and (key := next(recipients, None)) is not None:
        keys.setdefault(key)
    chosen = [row for key in keys if (row := rows.find(key)) is not None]
    messages = [(row, session.snapshot.message(row)) for row in chosen]
    made = [(row, message) for row, message in messages if isinstance(message, ShownMessage)]
    return sorted(made, key=lambda one: one[0].number)


def _message_pages(
    session: PreviewSession, row: RecipientRow, made: ShownMessage, number: int
) -> _MessagePages:
    data = bytes(made)
    parsed = parse_message(data)
    files = {"message.eml": data}
    if parsed.html is not None:
        files |= {f"{view.name}.html": _frame_file(parsed, view) for view in EVERY_VIEW}
    parts = dict(_part_files(parsed))
    files |= {name: _content(data, at) for at, name in parts.items()}
    return _MessagePages(row, number, message_document(session, row, "", "all"), files, parts)


def _frame_file(parsed: ParsedMessage, view: View) -> bytes:
    policy = f'<meta http-equiv="Content-Security-Policy" content="{FRAME_SOURCES}">'
    html = frame_html(parsed.html or "", view, parsed.images)
    at = _after_doctype(html)
    return f'{html[:at]}<meta charset="utf-8">{policy}{html[at:]}'.encode()


def _after_doctype(html: str) -> int:
    match = re.match(r"\s*<!doctype[^>]*>", html, re.IGNORECASE)
    return match.end() if match else 0


def _part_files(parsed: ParsedMessage) -> Iterator[tuple[int, str]]:
    for part in parsed.parts:
        if not part.content_type.startswith("multipart/"):
            # HTML, SVG, XML or a script that is opened as a file of its own could run. As text it
            # can be read; what is no text gets an ending that opens nothing.
            suffix = Path(part.filename).suffix.lower()
            other = ".txt" if _is_text(part.content_type, suffix) else ".bin"
            yield part.number, f"part-{part.number}{suffix if suffix in _HARMLESS else other}"


def _is_text(content_type: str, suffix: str) -> bool:
    return content_type.startswith("text/") or not suffix or suffix[1:] in _TEXT_ENDINGS


def _content(data: bytes, number: int) -> bytes:
    found = part_content(data, number)
    return found[1] if found else b""


def _document(session: PreviewSession, pages: list[_MessagePages]) -> dict[str, Any]:
    """What index.html shows: the same documents that the running preview answers with."""
    campaign = campaign_document(session)
    keys = {one.row.key for one in pages}
    for group in campaign["problems"]["groups"]:
        for example in group["examples"]:
            example["key"] = example["key"] if example["key"] in keys else None
    reasons = {one.key: one.reasons for one in session.checks.review_set}
    states = session.deliveries
    return {
        "campaign": {**campaign, "counts": {"all": len(pages)}, "deliveries": {}, "sandbox": 0},
        "recipients": [
            {
                **row_document(one.row, session, states),
                "reason": reasons.get(one.row.key),
                "words": "\n".join((*one.row.cells, one.row.address)).lower(),
            }
            for one in pages
        ],
        "messages": [one.document for one in pages],
        "files": [one.parts for one in pages],
    }


def _index_page(document: str, language: str) -> str:
    """index.html with style, script and document inside, under a policy of their digests."""
    page = index_page(language)
    style = (PAGE_FOLDER / "style.css").read_text(encoding="utf-8")
    icon = b64encode((PAGE_FOLDER / "icon.svg").read_bytes()).decode()
    script = f"\n{bundle_modules(PAGE_FOLDER, 'main.js')}\n"
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; frame-src 'self' file:; base-uri 'none'; form-action 'none'"
    )
    # In a script element only `</` and `<!--` have a meaning; JSON can escape their `<`.
    data = document.replace("<", "\\u003c")
    replacements = {
        '<meta name="color-scheme"': f'<meta http-equiv="Content-Security-Policy" '
        f'content="{policy}">\n  <meta name="color-scheme"',
        "page/icon.svg": f"data:image/svg+xml;base64,{icon}",
        '<link rel="stylesheet" href="page/style.css">': f"<style>{style}</style>",
        '<script type="module" src="page/main.js"></script>': "",
        "</body>": f'<script type="application/json" id="static-data">{data}</script>\n'
        f'<script type="module">{script}</script>\n</body>',
    }
    for old, new in replacements.items():
        page = page.replace(old, new, 1)
    return page


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with os.fdopen(open_private(path, "write"), "wb") as file:
        file.write(content)
