"""A path as a template writes it -> a file of the campaign folder, or an error."""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AssetError
from mailmerge.language import tr
from mailmerge.library_messages import system_reason
from mailmerge.paths import RefusedPath, inside


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


def local_path(url: str, files: ContentFiles) -> str:
    """The normal form of a local URL's path, relative to the campaign folder, of an existing file.

    The query and the fragment are left out, percent-escapes are decoded (RFC 3986).

    Raises:
        AssetError: the path is outside of the folder, the file is never part of a message, or no
            file has this path. The error names no template.
    """
    url = url.strip()
    parts = urlsplit(url)
    normal = _normal_form(unquote(parts.path))
    if parts.scheme or normal is None:
        raise AssetError(
            tr("{url} is outside of the campaign folder", url=url),
            hint=tr("copy the file into the campaign folder and write its path from there"),
            code="asset-outside",
        )
    try:
        found = files.is_file(normal)
    except RefusedPath as error:
        raise _refused(url, error) from error
    if not found:
        raise AssetError(
            tr("there is no file {normal} in the campaign folder", normal=normal),
            hint=_missing_hint(files, normal, tr("write the path relative to the campaign folder")),
            code="asset-missing",
        )
    return normal


def _missing_hint(files: ContentFiles, path: str, otherwise: str) -> str:
    """The fix of a path without a file: the nearest file that exists, or another hint."""
    near = files.nearest(path)
    return tr('did you mean "{near}"?', near=near) if near else otherwise


def _refused(path: str, error: RefusedPath) -> AssetError:
    refusal = error.refusal
    return AssetError(f"{path} {refusal.message}", hint=refusal.hint, code=refusal.code)


def _normal_form(path: str) -> str | None:
    """The path without `.` and `..` (RFC 3986, 5.2.4), or None where it leads out."""
    if not path:
        return ""
    # A colon is no drive letter here: urlsplit() would have read that as a scheme.
    return inside(posixpath.normpath(path.replace("\\", "/")), colon=True)


def read_asset(path: str, files: ContentFiles) -> bytes:
    """The bytes of a file of the campaign folder.

    Raises:
        AssetError: it cannot be read, or it is never part of a message. It names no template.
    """
    try:
        return files.read(path)
    except RefusedPath as error:
        raise _refused(path, error) from error
    except OSError as error:
        raise AssetError(
            tr("{path} cannot be read: {reason}", path=path, reason=system_reason(error)),
            code="asset-unreadable",
        ) from error
