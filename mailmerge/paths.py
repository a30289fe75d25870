"""Whether a path stays inside a folder: by its text, and by where it really leads.

Paths come from campaign.toml, from templates and from cells: they are data. The text is checked
first, for Windows' spelling too, so that a campaign means the same files on every system. Symbolic
links are only seen on the disk: `resolve_inside` follows them. Hidden files are files like any
other.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath


def path_inside(path: str, *, colon: bool = False) -> str | None:
    """The normal form of a relative path, or None where its text leads out of its folder.

    Backslashes separate like slashes; `.` and doubled slashes are left out of the normal form.
    An empty path, an absolute one, and one with `..` lead out. So does a colon in the first part,
    since it may be a drive letter or a URL; `colon` allows it, where that has been ruled out.
    """
    normal = PurePosixPath(path.replace("\\", "/"))
    if not path or normal.is_absolute() or ".." in normal.parts:
        return None
    if not colon and ":" in "".join(normal.parts[:1]):
        return None
    return normal.as_posix()


def resolve_inside(folder: Path, path: str) -> Path | None:
    """Where a path in a folder really leads, links followed; None where that is outside.

    Raises:
        OSError: there is no such file, or links lead in a circle.
        ValueError: the path holds a NUL.
    """
    # Path.resolve raises RuntimeError where links lead in a circle; this raises OSError.
    file = Path(os.path.realpath(folder / path, strict=True))
    return file if file.is_relative_to(os.path.realpath(folder)) else None
