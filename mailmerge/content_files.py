"""The files of a campaign folder that become part of messages: opened by one rule, and noted.

Every template, include, style sheet, image and attachment is read here. `paths` decides which files
that may be. What was read is noted with a digest, so that the next `send` can tell whether a file
that shapes the messages has changed (settings/fingerprint.py), and no other file counts.
"""

from __future__ import annotations

import difflib
import errno
import hashlib
import os
import stat
import unicodedata
from collections.abc import Collection, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Final

from mailmerge.file_names import FolderNames, all_wild, shown_pattern
from mailmerge.language import tr
from mailmerge.paths import RefusedPath, inside, never_sent, resolve_content, same_file_as
from mailmerge.portable.files import open_below

_MISSING: Final = ""
"""The digest of a file that does not exist."""


class ContentFiles:
    """Opens the files of one campaign folder for its messages. Several threads may use it.

    `private` are the paths of files that hold settings or the data of recipients. `noting` is False
    where it does not matter which files were read.

    Attributes:
        folder: the campaign folder, as it was given.
    """

    def __init__(self, folder: Path, private: Collection[str] = (), *, noting: bool = True) -> None:
        self.folder = folder
        self._folder = os.path.realpath(folder)
        self._private = frozenset(private)
        self._private_paths = {name: os.path.join(self._folder, name) for name in private}  # noqa: PTH118 (for speed)
        self._noting = noting
        self._read: dict[str, str] = {}
        self._names: dict[str, str] | None = None
        self._searches = 0
        self._folders = FolderNames()
        self._in_other_case: dict[str, str] = {}

    def __eq__(self, other: object) -> bool:
        """Whether both open the same files; what they have read does not count."""
        if not isinstance(other, ContentFiles):
            return NotImplemented
        return (self._folder, self._private) == (other._folder, other._private)

    def __hash__(self) -> int:
        return hash((self._folder, self._private))

    @property
    def read_so_far(self) -> Mapping[str, str]:
        """The files that were read, by path, with the digest of each; "" for a missing one."""
        return dict(self._read)

    @property
    def in_other_case(self) -> Mapping[str, str]:
        """The paths so far whose file has a name in other case, with the path on the disk."""
        return self._in_other_case

    def matching(self, pattern: str) -> list[str]:
        """The files that a pattern means, in natural order, and note them.

        In a pattern, `\\0*` and `\\0?` are wildcards within one name (file_names.py). Files that
        are never part of a message are left out.

        Raises:
            TooManyFiles: there are more than a thousand.
        """
        found = self._matching(pattern)
        shown = shown_pattern(pattern)
        if self._noting and not self._read.get(shown):
            self._read[shown] = self._digest_of_names(shown)
        return found

    def _matching(self, pattern: str) -> list[str]:
        return [
            path
            for path in self._folders.matching(self._folder, pattern)
            if never_sent(path, self._private) is None
            and os.path.isfile(os.path.join(self._folder, path))  # noqa: PTH113, PTH118 (for speed)
        ]

    def _digest_of_names(self, shown: str) -> str:
        """The digest of what a pattern means now; "" if it means no file."""
        names = self._matching(all_wild(shown))
        return _digest_of("\n".join(names).encode(errors="surrogatepass")) if names else _MISSING

    def is_file(self, path: str) -> bool:
        """Whether a path is that of a regular file.

        Raises:
            RefusedPath: it is outside of the folder, or it is never part of a message.
        """
        try:
            return Path(self._folder, *self._locate(path)).is_file()
        except RefusedPath:
            raise
        except (OSError, ValueError):
            return False

    def nearest(self, path: str) -> str:
        """The existing file that a path without a file most likely means; "" if none is near.

        That is a file whose name differs in case, in its folder or in a few letters. After some
        searches only the first two are tried: a thousand rows may name missing files.
        """
        if self._names is None:
            self._names = _names_below(self._folder, self._private)
        wanted = inside(path, colon=True) or path
        for spelling in (wanted, wanted.rpartition("/")[2]):
            found = self._names.get(_folded(spelling))
            if found is not None:
                return found
        self._searches += 1
        if self._searches > _MOST_SEARCHES:
            return ""
        close = difflib.get_close_matches(_folded(wanted), self._names, n=1, cutoff=0.8)
        return self._names[close[0]] if close else ""

    def _locate(self, path: str) -> tuple[str, ...]:
        """Return the parts of the real path of a file; see `paths.resolve_content`.

        A name in other case is found, too, and remembered in `in_other_case`.
        """
        try:
            return resolve_content(self._folder, path, self._private)
        except FileNotFoundError:
            normal = inside(path, colon=True) or path
            other = self._folders.in_other_case(self._folder, normal)
            if other is None or other == normal:
                raise
        self._in_other_case[path] = other
        return resolve_content(self._folder, other, self._private)

    def open(self, path: str) -> BufferedReader:
        """Open a file; the same file is opened that was checked.

        Raises:
            RefusedPath: it is outside of the folder, or it is never part of a message.
            IsADirectoryError: it is no regular file but a folder, a pipe or a device.
            OSError: it does not exist, or it cannot be opened.
            ValueError: the path holds a NUL.
        """
        return self._opened(path, self._locate(path))

    def read(self, path: str, largest: int | None = None) -> bytes:
        """Read a file, and note it. Of a file above `largest` bytes, one byte more is read.

        Raises:
            OSError: as `open`.
            ValueError: as `open`.
        """
        try:
            with self.open(path) as file:
                content = file.read() if largest is None else file.read(largest + 1)
        except FileNotFoundError:
            self._note(path, None)
            raise
        self._note(path, content)
        return content

    def digest(self, path: str) -> str:
        """Return the present digest of a file, read in pieces; "" if it cannot be read."""
        try:
            with self.open(path) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError):
            return self._digest_of_names(path) if "*" in path or "?" in path else _MISSING

    def _note(self, path: str, content: bytes | None) -> None:
        """Note a file when it is read for the first time; None if it does not exist."""
        normal = inside(path, colon=True) if self._noting else None
        if normal is not None and not self._read.get(normal):
            self._read[normal] = _MISSING if content is None else _digest_of(content)

    def _opened(self, path: str, parts: tuple[str, ...]) -> BufferedReader:
        # Opening a device may have effects, so its kind is checked before as well.
        _require_file(path, os.lstat(os.path.join(self._folder, *parts)))  # noqa: PTH118 (for speed)
        descriptor = open_below(self._folder, parts)
        try:
            self._check(path, os.fstat(descriptor))
            return os.fdopen(descriptor, "rb")
        except BaseException:
            os.close(descriptor)
            raise

    def _check(self, path: str, status: os.stat_result) -> None:
        """Check an opened file by its status."""
        _require_file(path, status)
        for name, other in self._private_paths.items():
            if _is_same(status, other):
                raise RefusedPath(path, same_file_as(name))


_MOST_NAMES = 5_000
_MOST_SEARCHES = 20


def _names_below(folder: str, private: Collection[str]) -> dict[str, str]:
    """The files below a folder that messages may contain, by their folded path and folded name."""
    found: dict[str, str] = {}
    names: dict[str, str] = {}
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(base, name), folder).replace(os.sep, "/")  # noqa: PTH118 (for speed)
            if never_sent(path, private) is None:
                found.setdefault(_folded(path), path)
                names.setdefault(_folded(name), path)
        if len(found) > _MOST_NAMES:
            break
    return names | found


def _folded(path: str) -> str:
    return unicodedata.normalize("NFKC", path).casefold()


def _require_file(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, tr("is not a file"), path)


def _is_same(status: os.stat_result, other: str) -> bool:
    """Whether another path leads to the file with this status, as a hard link may."""
    try:
        return bool(status.st_ino) and os.path.samestat(status, os.stat(other))  # noqa: PTH116 (for speed)
    except (OSError, ValueError):
        return False


def _digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
