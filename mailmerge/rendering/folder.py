"""A path as a template writes it -> a file of the campaign folder, or why it is none."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mailmerge.errors import AssetError


def is_local(url: str) -> bool:
    """Whether a URL means a file of the campaign folder, rightly or wrongly written.

    `file:` and drive letters count as local, so that they are refused instead of being sent.
    """
    url = url.strip()
    if not url or url.startswith(("#", "//", "?")):
        return False
    scheme, colon, _ = url.partition(":")
    if not colon or not scheme.isascii() or not scheme.replace("+", "").isalnum():
        return True
    return scheme.lower() == "file" or len(scheme) == 1


def local_path(url: str, folder: Path) -> str:
    """The normal form of a local URL's path, relative to `folder`, of a file that is there.

    The query and the fragment are left out, percent-escapes are undone (RFC 3986).

    Raises:
        AssetError: without a place: outside of the folder, no such file, not a file.
    """
    url = url.strip()
    parts = urlsplit(url)
    path = unquote(parts.path).replace("\\", "/")
    normal = posixpath.normpath(path) if path else ""
    if parts.scheme or normal.startswith(("/", "../")) or normal == ".." or "\0" in normal:
        raise AssetError(
            f"{url} is outside of the campaign folder",
            hint="copy the file into the campaign folder and write its path from there",
            code="asset-outside",
        )
    found = folder / normal
    if not found.is_file():
        raise AssetError(
            f"there is no file {normal} in the campaign folder",
            hint="paths begin at the campaign folder", code="asset-missing",
        )  # fmt: skip
    if not found.resolve().is_relative_to(folder.resolve()):
        raise AssetError(
            f"{url} is a link to a file outside of the campaign folder", code="asset-outside"
        )
    return normal


def read_asset(path: str, folder: Path) -> bytes:
    """The octets of a file of the campaign folder.

    Raises:
        AssetError: without a place: it cannot be read.
    """
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise AssetError(
            f"{path} cannot be read: {error.strerror}", code="asset-unreadable"
        ) from error
