"""Where the octets of a spreadsheet come from: a file of the campaign, or standard input.

In: a path, or a stream that can be read once. Out: a `Source`, a regular file that can be read
again from its beginning, with the name that messages give it.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from mailmerge.errors import SpreadsheetError

STANDARD_INPUT = "standard input"


@dataclass(frozen=True, slots=True)
class Source:
    """A regular file, what it is called, and how it looked when it was opened.

    `spool` keeps a temporary copy alive for as long as somebody holds this source.
    """

    path: Path
    file: str
    looks: tuple[int, int, int]
    spool: IO[bytes] | None = None

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The octets, from the first one.

        Raises:
            SpreadsheetError: the file cannot be opened or read any more.
        """
        try:
            with self.path.open("rb") as stream:
                yield stream
        except OSError as error:
            raise _unreadable(self.file, error) from error

    def check_unchanged(self) -> None:
        """Compare the file with how it looked at first.

        Raises:
            SpreadsheetError: it was changed, replaced or deleted in the meantime.
        """
        try:
            looks = _looks(self.path)
        except OSError as error:
            raise _unreadable(self.file, error) from error
        if looks != self.looks:
            raise SpreadsheetError(
                "the file changed while it was read",
                file=self.file,
                hint="save it, close it, and start again",
                code="file-changed",
            )


def file_source(path: Path, file: str) -> Source:
    """The file at `path`, called `file` in messages; a pipe or device is copied first.

    Raises:
        SpreadsheetError: there is no such file, it is a folder, or it cannot be read.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SpreadsheetError("this is a folder, not a file", file=file, code="unreadable")
        if not stat.S_ISREG(mode):
            with path.open("rb") as stream:
                return spooled_source(stream, file)
        with path.open("rb"):
            return Source(path, file, _looks(path))
    except OSError as error:
        raise _unreadable(file, error) from error


def spooled_source(stream: BinaryIO, file: str = STANDARD_INPUT) -> Source:
    """Copy what can be read only once into a temporary file (0600, gone with the source)."""
    spool = tempfile.NamedTemporaryFile(prefix="mailmerge-")  # noqa: SIM115 - lives with the Source
    shutil.copyfileobj(stream, spool)
    spool.flush()
    path = Path(spool.name)
    return Source(path, file, _looks(path), spool)


def _looks(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _unreadable(file: str, error: OSError) -> SpreadsheetError:
    if isinstance(error, FileNotFoundError):
        hint = "set file under [recipients], or put the spreadsheet there"
        return SpreadsheetError("there is no such file", file=file, hint=hint, code="no-file")
    reason = error.strerror or str(error)
    return SpreadsheetError(f"cannot be read: {reason}", file=file, code="unreadable")
