"""A campaign -> a folder of static pages that show the review set, to hand round without a server.

    index.html               the page with its style, its program and what it shows, in one file
    messages/1/light.html    the first message's HTML in every view; message.eml; its attachments

Browsers load no module and no style from a file that a page would let run, so everything that runs
stands in index.html, under a policy that names it by its digest.
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
from mailmerge.preview.access import FRAME_RULES
from mailmerge.preview.anatomy import part_content, take_apart
from mailmerge.preview.documents import (
    campaign_document,
    message_document,
    person_document,
    try_to_make,
)
from mailmerge.preview.frame import EVERY_VIEW, View
from mailmerge.preview.letter import framed
from mailmerge.preview.people import Person
from mailmerge.preview.session import Session
from mailmerge.private_files import open_private

PAGE_FOLDER = Path(__file__).parent / "page"
KEPT_PEOPLE = 40
"""People whose messages are written at most: the review set first, then the first of the list."""

_IMPORT = re.compile(r'^import (?:\{[^}]*\}|\* as \w+) from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)


def keep_pages(where: Path, out: Path) -> int:
    """Write the pages into the folder `out` and count the messages.

    Raises:
        MailmergeError: the campaign cannot be read, or nobody has a message to show.
    """
    session = Session(where)
    session.reload()
    session.survey.join()
    if session.draft.broken is not None:
        raise CampaignError.from_problem(session.draft.broken)
    people = _chosen(session)
    if not people:
        raise CampaignError("nobody has a message", hint='see "mailmerge check"', code="nobody")
    kept = [_kept_message(session, person, number) for number, person in enumerate(people, 1)]
    for one in kept:
        for name, content in one.files.items():
            _write(out / "messages" / str(one.number) / name, content)
    document = json.dumps(_document(session, people, kept), ensure_ascii=False)
    _write(out / "index.html", one_file(document).encode())
    return len(kept)


@dataclass(frozen=True, slots=True)
class _Kept:
    """One message as pages: its document, its files by name, its parts' file names by number."""

    number: int
    document: dict[str, Any]
    files: dict[str, bytes]
    parts: dict[int, str]


def _chosen(session: Session) -> list[Person]:
    """The review set and the first people after it, in the order of their rows."""
    people = session.draft.people
    keys = dict.fromkeys(one.key for one in session.survey.reviewed)
    for person in people:
        if len(keys) >= KEPT_PEOPLE:
            break
        keys.setdefault(person.key)
    chosen = (people.find(key) for key in keys)
    made = [one for one in chosen if one is not None and try_to_make(session.draft, one)[0]]
    return sorted(made, key=lambda person: person.row)


def _kept_message(session: Session, person: Person, number: int) -> _Kept:
    document = message_document(session, person, "", "all")
    made, _ = try_to_make(session.draft, person)
    assert made is not None
    files = {"message.eml": bytes(made)}
    if document["message"]["html"] is not None:
        files |= {f"{view.name}.html": _frame_file(bytes(made), view) for view in EVERY_VIEW}
    parts = dict(_part_files(bytes(made)))
    files |= {name: _inside(bytes(made), at) for at, name in parts.items()}
    return _Kept(number, document, files, parts)


def _frame_file(octets: bytes, view: View) -> bytes:
    policy = f'<meta http-equiv="Content-Security-Policy" content="{FRAME_RULES}">'
    html = framed(octets, view)
    at = _after_doctype(html)
    return f'{html[:at]}<meta charset="utf-8">{policy}{html[at:]}'.encode()


def _after_doctype(html: str) -> int:
    match = re.match(r"\s*<!doctype[^>]*>", html, re.IGNORECASE)
    return match.end() if match else 0


def _part_files(octets: bytes) -> Iterator[tuple[int, str]]:
    for part in take_apart(octets).parts:
        if not part.content_type.startswith("multipart/"):
            # Text and images open in the browser; HTML that opened as a page of its own could run.
            suffix = Path(part.filename).suffix if part.filename else ".txt"
            safe = suffix if re.fullmatch(r"\.(?!x?html?$|svg$)\w{1,8}", suffix.lower()) else ".txt"
            yield part.number, f"part-{part.number}{safe}"


def _inside(octets: bytes, number: int) -> bytes:
    found = part_content(octets, number)
    return found[1] if found else b""


def _document(session: Session, people: list[Person], kept: list[_Kept]) -> dict[str, Any]:
    campaign = campaign_document(session)
    keys = {person.key for person in people}
    for group in campaign["problems"]["groups"]:
        for example in group["examples"]:
            example["key"] = example["key"] if example["key"] in keys else None
    counts = {"all": len(people)}
    reviewed = {one.key: one.causes for one in session.survey.reviewed}
    return {
        "campaign": {**campaign, "counts": counts, "caught": 0},
        "people": [
            {
                **person_document(person, session.survey),
                "reason": reviewed.get(person.key),
                "words": "\n".join((*person.cells, person.address)).lower(),
            }
            for person in people
        ],
        "messages": [one.document for one in kept],
        "files": [one.parts for one in kept],
    }


def one_file(document: str) -> str:
    """index.html with its style, its program and its document inside, under a policy by digests."""
    page = (PAGE_FOLDER / "index.html").read_text(encoding="utf-8")
    style = (PAGE_FOLDER / "style.css").read_text(encoding="utf-8")
    icon = b64encode((PAGE_FOLDER / "icon.svg").read_bytes()).decode()
    script = "\n".join(["", *_modules("main.js", set()), ""])
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data:; frame-src 'self' file:; base-uri 'none'; form-action 'none'"
    )
    # In a script element only `</` and `<!--` mean anything; JSON can write the `<` otherwise.
    kept = document.replace("<", "\\u003c")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    replaced = {
        '<meta name="color-scheme"': f'{meta}\n  <meta name="color-scheme"',
        "page/icon.svg": f"data:image/svg+xml;base64,{icon}",
        '<link rel="stylesheet" href="page/style.css">': f"<style>{style}</style>",
        '<script type="module" src="page/main.js"></script>': "",
        "</body>": f'<script type="application/json" id="kept">{kept}</script>\n'
        f'<script type="module">{script}</script>\n</body>',
    }
    for old, new in replaced.items():
        page = page.replace(old, new, 1)
    return page


def _modules(name: str, seen: set[str]) -> Iterator[str]:
    """The text of a module after those it imports, without `import` and `export`.

    The modules give their top-level names once among them all, so one scope can hold them.
    """
    if name in seen:
        return
    seen.add(name)
    source = (PAGE_FOLDER / name).read_text(encoding="utf-8")
    for needed in _IMPORT.findall(source):
        yield from _modules(needed, seen)
    yield _EXPORT.sub("", _IMPORT.sub("", source))


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = open_private(path, "write")
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
