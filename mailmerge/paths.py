"""Whether a path stays inside a folder: by its text, and by where it really leads.

Paths come from campaign.toml, from templates and from cells: they are data. There are two
questions, since not every path is that of a file that exists:

* `inside` looks at the text alone. It is for settings and values that are read long before the
  file is opened. It knows the spelling of Windows, too, so that a campaign means the same files
  on every system.
* `find_inside` looks at the disk as well, and follows symbolic links. It is for the moment of
  opening.

Hidden files are files like any other.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath


def inside(path: str, *, colon: bool = False) -> str | None:
    """The normal form of a relative path; None where its text leads out of the folder.

    Backslashes separate like slashes; the normal form has single slashes and no `.` within it.
    Refused are an empty path, an absolute one, one with `..` or a NUL, and one with a colon in its
    first part, which may be a drive, a stream of Windows or a URL. `colon` allows the colon, where
    that has been ruled out.
    """
    normal = PurePosixPath(path.replace("\\", "/"))
    if not path or normal.is_absolute() or ".." in normal.parts or "\0" in path:
        return None
    if not colon and ":" in "".join(normal.parts[:1]):
        return None
    return normal.as_posix()


def find_inside(folder: Path, path: str, *, colon: bool = False) -> Path | None:
    """Where a path in a folder really leads, links followed; None where that is outside.

    Raises:
        OSError: there is no such file, or links lead in a circle.
    """
    relative = inside(path, colon=colon)
    if relative is None:
        return None
    # Path.resolve raises RuntimeError where links lead in a circle; this raises OSError.
    file = Path(os.path.realpath(folder / relative, strict=True))
    return file if file.is_relative_to(os.path.realpath(folder)) else None
