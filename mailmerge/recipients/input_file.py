"""The file of a spreadsheet: a regular file that every pass can read from its start.

A pipe or a device gives its bytes only once, but a campaign is read several times (check, enrol,
export). So such a stream is copied into a private temporary file, and every pass reads the copy.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mailmerge.errors import SpreadsheetError
from mailmerge.language import tr
from mailmerge.library_messages import hint_for_held, system_reason
from mailmerge.paths import find_inside


class _TemporaryCopy:
    """A file that only this user may read (mode 0600), removed with this object or at exit.

    Attributes:
        path: where it is.
    """

    def __init__(self, stream: BinaryIO) -> None:
        """Copy the stream to its end.

        Raises:
            OSError: the stream cannot be read, or the copy cannot be written.
        """
        # mkstemp and not NamedTemporaryFile: Windows cannot open that one a second time.
        descriptor, name = tempfile.mkstemp(prefix="mailmerge-")
        self.path = Path(name)
        remove = weakref.finalize(self, _remove, name)
        try:
            with os.fdopen(descriptor, "wb") as copy:
                shutil.copyfileobj(stream, copy)
        except BaseException:
            remove()
            raise


def _remove(name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name)  # noqa: PTH108 - runs at exit, where pathlib may be gone


@dataclass(frozen=True, slots=True)
class InputFile:
    """A regular file, its name in messages, and its state when it was opened.

    `copy` keeps a temporary file alive for as long as this object lives.
    """

    path: Path
    file: str
    state: tuple[int, int, int]
    copy: _TemporaryCopy | None = None

    @property
    def size(self) -> int:
        """Its size in bytes, when it was opened."""
        return self.state[1]

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes, from the first one.

        Raises:
            SpreadsheetError: the file cannot be opened or read any more.
        """
        try:
            with self.path.open("rb") as stream:
                yield stream
        except OSError as error:
            raise _unreadable(self.file, error) from error

    def check_unchanged(self) -> None:
        """Compare the file with its state when it was opened.

        Raises:
            SpreadsheetError: it was changed, replaced or deleted in the meantime.
        """
        try:
            state = _state(self.path)
        except OSError as error:
            raise _unreadable(self.file, error) from error
        if state != self.state:
            raise SpreadsheetError(
                tr("the file changed while it was read"),
                file=self.file,
                hint=tr("save it, close it, and start again"),
                code="file-changed",
            )


def open_input_file(path: Path, file: str) -> InputFile:
    """The file at `path`, called `file` in messages; a pipe or device is copied first.

    Raises:
        SpreadsheetError: there is no such file, it is a folder, or it cannot be read.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise SpreadsheetError(tr("this is a folder, not a file"), file=file, code="unreadable")
        with path.open("rb") as stream:
            if stat.S_ISREG(mode):
                return InputFile(path, file, _state(path))
            return spool(stream, file)
    except OSError as error:
        raise _unreadable(file, error) from error


def find_campaign_file(folder: Path, name: str) -> Path:
    """Return where a file that campaign.toml names as the source of addresses really is.

    The path has no links. The file need not exist.

    Raises:
        SpreadsheetError: it leads out of the campaign folder, or it is a link to nothing, which
            must not count as a list without addresses.
    """
    try:
        found = find_inside(folder, name)
    except (OSError, ValueError):
        if _is_broken_link(folder, name):
            raise SpreadsheetError(
                tr("is a link to a file that does not exist"),
                file=name,
                hint=tr("copy the file into the campaign folder"),
                code="unreadable",
            ) from None
        return folder / name
    if found is None:
        raise SpreadsheetError(
            tr("is a link to a file outside of the campaign folder"),
            file=name,
            hint=tr("copy the file into the campaign folder"),
            code="file-outside",
        )
    return found


def spool(stream: BinaryIO, file: str) -> InputFile:
    """Copy a stream that can be read only once into a temporary file.

    Raises:
        SpreadsheetError: it cannot be read or copied.
    """
    try:
        copy = _TemporaryCopy(stream)
        return InputFile(copy.path, file, _state(copy.path), copy)
    except OSError as error:
        raise _unreadable(file, error) from error


def _is_broken_link(folder: Path, name: str) -> bool:
    """Whether a path that leads to no file has a link in it."""
    parts = Path(name.replace("\\", "/")).parts
    return any(folder.joinpath(*parts[:end]).is_symlink() for end in range(1, len(parts) + 1))


def damaged(file: str, reason: str, hint: str = "") -> SpreadsheetError:
    """The error of a file that the reader of its format cannot understand."""
    return SpreadsheetError(
        tr("the file is damaged: {reason}", reason=reason),
        file=file,
        hint=hint or tr("open it in Excel or LibreOffice and save it again"),
        code="file-damaged",
    )


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _unreadable(file: str, error: OSError) -> SpreadsheetError:
    if isinstance(error, FileNotFoundError):
        hint = tr("set file under [recipients], or put the spreadsheet there")
        return SpreadsheetError(tr("there is no such file"), file=file, hint=hint, code="no-file")
    reason = system_reason(error)
    return SpreadsheetError(
        tr("cannot be read: {reason}", reason=reason),
        file=file,
        hint=hint_for_held(error),
        code="unreadable",
    )
