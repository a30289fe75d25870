"""Whether a path stays inside a folder, by its text, and by where it really leads.

Paths come from campaign.toml, from templates and from cells, so they cannot be trusted. There are
two checks, because not every path is that of an existing file:

* `inside` checks only the text. It is for settings and values that are read long before the file is
  opened. It also recognises paths of Windows, so that a campaign means the same files on every
  system.
* `find_inside` also checks the disk, and follows symbolic links. It is for the moment of opening.

Hidden files are allowed.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath


def inside(path: str, *, colon: bool = False) -> str | None:
    """Return the normal form of a relative path; None if its text leads out of the folder.

    Backslashes separate parts like slashes. The normal form has single slashes and no `.` parts.
    None is returned for an empty or absolute path, for a path with `..` or a NUL, and for a path
    with a colon in its first part, which may be a drive, a stream of Windows or a URL. Set `colon`
    to allow the colon after these were excluded.
    """
    normal = PurePosixPath(path.replace("\\", "/"))
    if not path or normal.is_absolute() or ".." in normal.parts or "\0" in path:
        return None
    if not colon and ":" in "".join(normal.parts[:1]):
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
