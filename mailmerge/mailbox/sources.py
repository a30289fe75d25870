"""Files and folders -> the bytes of received mails: single mails, mbox files, Maildirs.

A single mail is any file that does not begin like an mbox. In an mbox (RFC 4155) a line `From `
after an empty line begins a mail; a line of a mail that begins like that has a `>` in front. Files
are read line by line, so that an mbox may be larger than memory, and of each mail only the
beginning is kept (`incoming.MOST_BYTES`), while its digest covers all of it.

The digest does not depend on the line ends, nor on what a mailbox adds above the header. So the
same mail is known again, whether it comes from IMAP, an mbox or a Maildir.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.mailbox.incoming import MOST_BYTES

_DIGEST: Final = 16
_LONGEST_LINE: Final = 1 << 16
_FROM_LINE: Final = re.compile(rb"From [^\n]*\d\d:\d\d")
_ESCAPED: Final = re.compile(rb">+From ")
_IN_MAILDIR: Final = ("new", "cur")


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """One received mail.

    Attributes:
        raw: its bytes, of a long mail the first ones.
        digest: identifies it, with line ends of any kind.
        name: the file that it comes from, or its number in a mailbox; for messages.
    """

    raw: bytes = field(repr=False)
    digest: bytes
    name: str = ""


def received(raw: bytes, name: str = "") -> ReceivedMail:
    """Return the mail of some bytes."""
    collecting = _Collecting(name)
    for line in raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").splitlines(keepends=True):
        collecting.add(line)
    return collecting.mail()


def read_mails(paths: Iterable[Path]) -> Iterator[ReceivedMail]:
    """Yield the mails of files, mbox files, Maildirs, and folders of these.

    Raises:
        CampaignError: there is no such file, or it cannot be read.
    """
    for path in paths:
        try:
            yield from _read_any(path)
        except OSError as error:
            raise CampaignError(
                tr("{path} cannot be read: {reason}", path=path, reason=error.strerror),
                hint=tr("name a file of mails, an mbox, a Maildir or a folder of them"),
                code="mails-unreadable",
            ) from error


def _read_any(path: Path) -> Iterator[ReceivedMail]:
    if not path.is_dir():
        yield from _read_file(path)
        return
    folders = [path / name for name in _IN_MAILDIR if (path / name).is_dir()]
    if len(folders) == len(_IN_MAILDIR):
        for folder in folders:
            yield from _read_files(folder)
        return
    yield from _read_files(path)


def _read_files(folder: Path) -> Iterator[ReceivedMail]:
    """Yield the mails of a folder and of the folders in it; hidden files are none."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_symlink():
            continue
        if path.is_dir():
            yield from _read_any(path)
        elif path.is_file():
            yield from _read_file(path)


def _read_file(path: Path) -> Iterator[ReceivedMail]:
    with path.open("rb") as stream:
        first = stream.readline(_LONGEST_LINE)
        stream.seek(0)
        if _FROM_LINE.match(first):
            yield from _read_mbox(stream, path.name)
            return
        collecting = _Collecting(path.name)
        for line in _lines(stream):
            collecting.add(line)
    if collecting.size:
        yield collecting.mail()


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file that end in LF; a line may be cut into several."""
    while line := stream.readline(_LONGEST_LINE):
        line = line.replace(b"\r\n", b"\n")
        if b"\r" in line:
            line = line.replace(b"\r", b"\n")
        yield line


def _read_mbox(stream: BinaryIO, name: str) -> Iterator[ReceivedMail]:
    collecting, number, after_blank = _Collecting(name), 0, True
    for line in _lines(stream):
        if after_blank and _FROM_LINE.match(line):
            if number:
                yield collecting.mail()
            number += 1
            collecting = _Collecting(f"{name}, {number}")
        else:
            collecting.add(line[1:] if _ESCAPED.match(line) else line)
        after_blank = line == b"\n"
    if number:
        yield collecting.mail()


class _Collecting:
    """The beginning of one mail, and the digest of all of it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept = bytearray()
        self._digest = blake2b(digest_size=_DIGEST)
        self._blank = 0
        self.size = 0

    def add(self, line: bytes) -> None:
        """Add a line that ends in LF."""
        if not self.size and (line == b"\n" or _FROM_LINE.match(line)):
            return
        self.size += len(line)
        if len(self._kept) < MOST_BYTES:
            self._kept += line
        if line == b"\n":  # an mbox adds empty lines at the end of a mail
            self._blank += 1
            return
        self._digest.update(b"\n" * self._blank + line.rstrip(b"\n") + b"\n")
        self._blank = 0

    def mail(self) -> ReceivedMail:
        """Return the mail."""
        return ReceivedMail(bytes(self._kept), self._digest.digest(), self._name)
