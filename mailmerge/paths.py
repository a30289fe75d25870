"""Which files of the campaign folder a path may reach: the one rule of all loaders.

Paths come from campaign.toml, from templates and from cells, so they cannot be trusted. The rule
has two halves.

*Where.* A path stays inside the folder. Not every path is that of an existing file, so there are
two checks:

* `inside` checks only the text. It is for settings and values that are read long before the file is
  opened. It also recognises paths of Windows, so that a campaign means the same files on every
  system.
* `find_inside` also checks the disk, and follows symbolic links. It is for the moment of opening.

*Which.* Whoever writes a cell can name a file, and its bytes would leave in a message. So some
files of the folder are never part of a message, whether a cell, a template or campaign.toml names
them: `never_sent` lists them. The spreadsheet and the suppression list are read by other means, and
only the first half applies to them.

`content_files.ContentFiles` applies both halves and opens the file; a link that is swapped between
the check and the opening is refused there.
"""

from __future__ import annotations

import errno
import os
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Final

from mailmerge.language import marked, tr

_CAMPAIGN_FILE: Final = "campaign.toml"
_KEY_ENDINGS: Final = (".pem", ".key", ".p12", ".pfx", ".ppk", ".jks", ".keystore", ".kdbx")
_KEY_NAMES: Final = frozenset({"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"})
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])")
_PLAIN: Final = re.compile(r"[\w-][^/\\:\0]*(?:/[\w-][^/\\:\0]*)*")
"""A path that is in normal form already, which most paths are."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+._-]*:|[^/]*::?\$")
"""The beginning of a URL, a drive or a stream of Windows."""

_MOVE: Final = marked("copy the file into the campaign folder and write its path from there")
_RENAME: Final = marked("if recipients may have it, copy it to a file with another name")


@dataclass(frozen=True, slots=True)
class PathRefusal:
    """Why a file may not be part of a message.

    Attributes:
        code: the code of the error (docs/errors.md).
        cause: the cause in English, with `{name}` if the refusal has a `name`.
        fix: the fix in English.
        name: of another file that the cause names.
    """

    code: str
    cause: str
    fix: str
    name: str = ""

    @property
    def message(self) -> str:
        """The cause as the end of a sentence that begins with the path and a space."""
        return tr(self.cause, name=self.name) if self.name else tr(self.cause)

    @property
    def hint(self) -> str:
        """The fix, in the language of the user."""
        return tr(self.fix)


_OUTSIDE: Final = PathRefusal("asset-outside", marked("is outside of the campaign folder"), _MOVE)
_LINK: Final = PathRefusal(
    "asset-outside", marked("is a link to a file outside of the campaign folder"), _MOVE
)
_HIDDEN: Final = PathRefusal(
    "asset-private", marked("is a hidden file, which is never part of a message"), _RENAME
)
_SETTINGS: Final = PathRefusal(
    "asset-private",
    marked("holds the settings of the campaign and is never part of a message"),
    _RENAME,
)
_DATA: Final = PathRefusal(
    "asset-private",
    marked("holds the data of all recipients and is never part of a message"),
    _RENAME,
)
_KEY: Final = PathRefusal(
    "asset-private", marked("has the name of a key file, which is never part of a message"), _RENAME
)
_RESERVED: Final = PathRefusal(
    "asset-reserved",
    marked("has a name that Windows reserves or changes"),
    marked("rename the file"),
)
_SAME: Final = PathRefusal(
    "asset-private", marked("is the same file as {name}, which is never part of a message"), _RENAME
)
_REFUSALS: Final = (_OUTSIDE, _LINK, _HIDDEN, _SETTINGS, _DATA, _KEY, _RESERVED, _SAME)


def same_file_as(name: str) -> PathRefusal:
    """The refusal of a file that is, under another name, one that is never part of a message."""
    return replace(_SAME, name=name)


def path_of(message: str) -> str:
    """What comes before the reason of a refusal in a message: the path, or text that has it."""
    reasons = (tr(one.cause).partition("{name}")[0] for one in _REFUSALS)
    found = [at for at in map(message.find, reasons) if at >= 0]
    return message[: min(found, default=len(message))]


class RefusedPath(OSError):
    """A path that leads to a file which may not be part of a message."""

    def __init__(self, path: str, refusal: PathRefusal) -> None:
        super().__init__(errno.EACCES, refusal.message, path)
        self.path = path
        self.refusal = refusal


def inside(path: str, *, colon: bool = False) -> str | None:
    """Return the normal form of a relative path; None if its text leads out of the folder.

    Backslashes separate parts like slashes. The normal form has single slashes and no `.` parts.
    None is returned for an empty or absolute path, for a path with `..` or a NUL, and for a path
    that begins like a drive of Windows or a URL. `Minutes 10:30.pdf` does not. Set `colon` to allow
    it after these were excluded.
    """
    if _PLAIN.fullmatch(path):
        return path
    normal = PurePosixPath(path.replace("\\", "/"))
    if not path or normal.is_absolute() or ".." in normal.parts or "\0" in path:
        return None
    if not colon and _SCHEME.match("".join(normal.parts[:1])):
        return None
    return normal.as_posix()


def find_inside(folder: Path, path: str, *, colon: bool = False) -> Path | None:
    """Return the file that a path in a folder leads to, with links resolved; None if outside.

    Raises:
        OSError: the file does not exist, or the links form a loop.
    """
    relative = inside(path, colon=colon)
    if relative is None:
        return None
    # Path.resolve raises RuntimeError for a loop of links; os.path.realpath raises OSError.
    file = Path(os.path.realpath(folder / relative, strict=True))
    return file if file.is_relative_to(os.path.realpath(folder)) else None


def never_sent(
    path: str, private: Collection[str] = (), *, windows: bool = os.name == "nt"
) -> PathRefusal | None:
    """Return why the file at a path is never part of a message; None if it may be.

    `path` is in normal form; the file need not exist. `private` are the paths of the settings, the
    spreadsheet and the suppression list. Names are compared as the most lenient file system does:
    case, invisible characters, and dots and spaces at the end make no difference. The same names
    are refused on every system; only a colon, which begins a stream of Windows, is part of a name
    elsewhere.
    """
    folded = _folded_parts(path)
    if any(part.startswith(".") for part in folded):
        return _HIDDEN
    if any(_is_reserved(part, windows=windows) for part in path.split("/") if path != "."):
        return _RESERVED
    name = folded[-1] if folded else ""
    if name == _CAMPAIGN_FILE:
        return _SETTINGS
    if folded in map(_folded_parts, private):
        return _DATA
    is_key = name in _KEY_NAMES or name.endswith(_KEY_ENDINGS)
    return _KEY if is_key else None


@lru_cache(maxsize=1024)
def _folded_parts(path: str) -> tuple[str, ...]:
    return tuple(_folded(part) for part in PurePosixPath(path).parts)


def _folded(part: str) -> str:
    if not part.isascii():
        visible = "".join(one for one in part if unicodedata.category(one) != "Cf")
        part = unicodedata.normalize("NFKC", visible)
    return part.casefold().rstrip(". ") or part


def _is_reserved(part: str, *, windows: bool) -> bool:
    """Whether Windows reads this part of a path as another name, as a device or as a stream."""
    device = _DEVICE.fullmatch(_folded(part.partition(".")[0]))
    return device is not None or part[-1:] in {".", " "} or (windows and ":" in part)


def resolve_content(folder: str, path: str, private: Collection[str] = ()) -> tuple[str, ...]:
    """Return the parts of the real path, below a folder without links, of a file for a message.

    The path is as a template, a cell or campaign.toml names it, relative to the folder.

    Raises:
        RefusedPath: it is outside of the folder, or its file is never part of a message.
        OSError: the file does not exist, or the links form a loop.
        ValueError: the path holds a NUL.
    """
    relative = inside(path, colon=True)
    if relative is None:
        raise RefusedPath(path, _OUTSIDE)
    if (refusal := never_sent(relative, private)) is not None:
        raise RefusedPath(path, refusal)
    # Strings, because pathlib takes as long as reading a small file.
    try:
        real = os.path.realpath(f"{folder}{os.sep}{relative}", strict=True)
    except FileNotFoundError:
        spelled = None if relative.isascii() else _as_spelled(folder, relative)
        if spelled is None:
            raise
        real = os.path.realpath(f"{folder}{os.sep}{spelled}", strict=True)
    below = folder if folder.endswith(os.sep) else folder + os.sep
    if not f"{real}{os.sep}".startswith(below):
        raise RefusedPath(path, _LINK)
    parts = tuple(filter(None, real[len(below) :].split(os.sep)))  # noqa: PTH206 (for speed)
    if (refusal := never_sent("/".join(parts) or ".", private)) is not None:
        raise RefusedPath(path, refusal)
    return parts


def _as_spelled(folder: str, relative: str) -> str | None:
    """The path of a file whose name has the same letters in another Unicode form; None for no file.

    A Mac writes `ü` into an archive as two characters, and the cell has one (UAX 15).
    """
    at = folder
    parts = []
    for part in relative.split("/"):
        wanted = unicodedata.normalize("NFC", part)
        try:
            names = os.listdir(at)  # noqa: PTH208 - strings, as above
        except OSError:
            return None
        found = [name for name in names if unicodedata.normalize("NFC", name) == wanted]
        if not found:
            return None
        parts.append(part if part in found else found[0])
        at = f"{at}{os.sep}{parts[-1]}"
    return "/".join(parts)
