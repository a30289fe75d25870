"""A path as a template writes it -> a file of the campaign folder, or an error."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mailmerge.errors import AssetError
from mailmerge.paths import find_inside, inside


def is_local(url: str) -> bool:
    """Whether a URL refers to a file of the campaign folder, in a valid form or not.

    `file:` and drive letters count as local, so that they are refused and never sent.
    """
    url = url.strip()
    if not url or url.startswith(("#", "//", "?")):
        return False
    scheme, colon, _ = url.partition(":")
    if not colon or not scheme.isascii() or not scheme.replace("+", "").isalnum():
        return True
    return scheme.lower() == "file" or len(scheme) == 1


def local_path(url: str, folder: Path) -> str:
    """The normal form of a local URL's path, relative to `folder`, of a file that exists.

    The query and the fragment are left out, percent-escapes are decoded (RFC 3986).

    Raises:
        AssetError: the path is outside of the folder, or no file has it. The error names no
            template.
    """
    url = url.strip()
    parts = urlsplit(url)
    normal = _normal_form(unquote(parts.path))
    if parts.scheme or normal is None:
        raise AssetError(
            f"{url} is outside of the campaign folder",
            hint="copy the file into the campaign folder and write its path from there",
            code="asset-outside",
        )
    if not (folder / normal).is_file():
        raise AssetError(
            f"there is no file {normal} in the campaign folder",
            hint="write the path relative to the campaign folder", code="asset-missing",
        )  # fmt: skip
    if find_inside(folder, normal, colon=True) is None:
        raise AssetError(
            f"{url} is a link to a file outside of the campaign folder", code="asset-outside"
        )
    return normal


def _normal_form(path: str) -> str | None:
    """The path without `.` and `..` (RFC 3986, 5.2.4), or None where it leads out."""
    if not path:
        return ""
    # A colon is no drive letter here: urlsplit() would have read that as a scheme.
    return inside(posixpath.normpath(path.replace("\\", "/")), colon=True)


def read_asset(path: str, folder: Path) -> bytes:
    """The bytes of a file of the campaign folder.

    Raises:
        AssetError: it cannot be read. It names no template.
    """
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise AssetError(
            f"{path} cannot be read: {error.strerror}", code="asset-unreadable"
        ) from error
