"""What shapes the messages of a campaign, as a value that a later send can compare.

Only two things shape messages besides the recipients: [message] of campaign.toml, and the files
that the templates, the cells and campaign.toml really name. Which files these are is known when all
messages have been made: every loader notes what it reads (content_files.py). So a log, an export or
any other file of the folder is never part of a fingerprint.

Two fingerprints are compared file by file. A file that only one of them has is no difference: other
recipients name other files, and their rows are compared by themselves (ledger/enrolment.py). If a
template names another file now, then the template itself has changed.

Earlier versions kept one SHA-256 digest of all files of the folder. Such a fingerprint counts as
the same content if the folder gives it now, or the shaping files alone do: then only other files
have been added since.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mailmerge.settings.sections import MessageSection

_VERSION: Final = "2:"
_EARLIER: Final = re.compile(r"[0-9a-f]{64}")
_SHAPES_NOTHING: Final[dict[str, set[str] | bool]] = {
    "unsubscribe": {"key_file", "secret_command", "page"},
    "dkim": True,
    "smime": True,
}
"""Keys of [message] that leave a message the same: a key may be moved or replaced at any time."""
_EARLIER_KEYS: Final = frozenset({
    "from_", "to_name", "reply_to", "reverse_path", "subject", "html", "text", "attachments",
    "related_by", "content_base", "encoding", "inline_css", "headers",
})  # fmt: skip
"""The keys of [message] that the earlier fingerprint covered."""


def _none() -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The content of a campaign, or a record of it.

    Attributes:
        settings: identifies the settings that shape messages; "" if nothing was recorded.
        files: the digest of each file that shapes messages, by path; "" for a file that a template
            looked for and that does not exist.
        file: the file of the settings, to name it in a difference; may be empty.
        earlier: returns the fingerprints that earlier versions gave this content. It reads files.
    """

    settings: str
    files: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    earlier: Callable[[], Iterable[str]] = field(default=_none, repr=False, compare=False)

    def changes_since(self, recorded: Fingerprint) -> tuple[str, ...]:
        """Return the names of the files that differ; "" stands for one that is not known."""
        if not recorded.settings:
            return ()
        if _EARLIER.fullmatch(recorded.settings) and self.settings.startswith(_VERSION):
            return () if recorded.settings in self.earlier() else ("",)
        changed = [self.file] if self.settings != recorded.settings else []
        both = sorted(self.files.keys() & recorded.files.keys())
        changed += [path for path in both if self.files[path] != recorded.files[path]]
        return tuple(changed)


NOTHING_RECORDED: Final = Fingerprint("")
"""The record of a campaign whose content is not known."""


def settings_digest(message: MessageSection, sources: Mapping[str, str], name: str | None) -> str:
    """Return the digest of the settings that shape messages.

    A key that has its default counts as left out, so that a new version with more keys changes
    nothing, and neither do keys of DKIM and S/MIME. `sources` are the templates in code; `name` is
    the name of the campaign if a template uses it, or else None.
    """
    section = message.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude=_SHAPES_NOTHING
    )
    section["headers"] = list(message.headers.items())  # their order shapes the message
    shaping = json.dumps([section, dict(sources), name], sort_keys=True)
    return _VERSION + hashlib.sha256(shaping.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class EarlierFingerprints:
    """The fingerprints that earlier versions could have recorded for the present content.

    Attributes:
        folder: the campaign folder.
        name: the name of the campaign.
        message: its section.
        sources: the templates in code.
        left_out: files of the folder that did not count.
        whole_folder: whether all files of the folder counted.
    """

    folder: Path
    name: str
    message: MessageSection
    sources: Mapping[str, str]
    left_out: frozenset[str]
    whole_folder: bool

    def of(self, files: Iterable[str]) -> Iterator[str]:
        """Yield the fingerprint of the shaping `files`, that of the named files, and of all."""
        yield from self._digest(files)
        message = self.message
        attached = (one for one in message.attachments if isinstance(one, str))
        yield from self._digest({message.html, message.text, *attached} - {None})
        if self.whole_folder:
            yield from self._digest(self._all_files())

    def _all_files(self) -> Iterator[str]:
        for path in self.folder.rglob("*"):
            relative = path.relative_to(self.folder)
            if path.is_file() and not any(part.startswith(".") for part in relative.parts):
                yield relative.as_posix()

    def _digest(self, names: Iterable[str | None]) -> Iterator[str]:
        section = self.message.model_dump_json(by_alias=True, include=set(_EARLIER_KEYS))
        digest = hashlib.sha256(f"{self.name}\0{section}".encode())
        for name, source in sorted(self.sources.items()):
            digest.update(f"\0{name}\0{source}".encode())
        left_out = self.left_out | self.sources.keys()
        paths = (self.folder / name for name in names if name and name not in left_out)
        try:
            for path in sorted(path for path in paths if path.is_file()):
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").digest()
                digest.update(path.relative_to(self.folder).as_posix().encode() + b"\0" + content)
        except OSError:
            return
        yield digest.hexdigest()
