"""The local images of a document -> related parts, and references to them (RFC 2387)."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import quote, urljoin

from mailmerge.content_files import ContentFiles
from mailmerge.rendering.document import (
    Document,
    Edits,
    Element,
    attribute,
    comments_of,
    content_of,
    elements_of,
    is_written,
)
from mailmerge.rendering.folder import local_path, read_asset
from mailmerge.rendering.settings import ImageReferences
from mailmerge.rendering.structure import RelatedImage

IMAGE_ATTRIBUTES = ("src", "background", "poster")
"""The attributes whose URL is that of an image, or of a video."""

_SHOWING = frozenset(("img", "input", "image", "v:image", "v:fill", "video"))
_UNSAFE_IN_CONTENT_ID = re.compile(r"[^A-Za-z0-9._-]+")
_CSS_URL = re.compile(
    r"""(?P<before>url\(\s*(?P<quote>["']?))(?P<url>[^"'()]+)(?P<after>(?P=quote)\s*\))""",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"""(?P<before>\b(?:src|background)\s*=\s*(?P<quote>["']))(?P<url>[^"']+)(?P<after>(?P=quote))""",
    re.IGNORECASE,
)


class ImageStore:
    """Gives each image of a campaign its reference, the same one in every message. Thread-safe."""

    def __init__(self, files: ContentFiles, references: ImageReferences) -> None:
        self._files = files
        self._references = references
        self._known: dict[str, RelatedImage] = {}
        self._lock = threading.Lock()

    def relate(
        self, document: Document, is_local: Callable[[str], bool]
    ) -> tuple[str, tuple[RelatedImage, ...]]:
        """Point every local image of a document at a related part.

        Returns the source with these references, and the images, each once.

        `is_local` says which URLs mean files of the campaign folder.

        Raises:
            AssetError: an image that is missing or outside of the folder. It names no template.
        """
        shown: dict[str, RelatedImage] = {}

        def reference(url: str) -> str:
            if not is_local(url):
                return url
            image = self._image(local_path(url, self._files))
            shown[image.path] = image
            return image.reference if self._references.by_location else "cid:" + image.reference

        edits = Edits(document)
        for element in elements_of(document):
            if is_written(element):
                _replace_urls(document, element, reference, edits)
        for start, end in comments_of(document):
            if document.source[start:end].lstrip().startswith("[if"):
                _replace_in_source(document, (start, end), _ATTRIBUTE, reference, edits)
        return edits.applied(), tuple(shown.values())

    def _image(self, path: str) -> RelatedImage:
        with self._lock:
            if path not in self._known:
                self._known[path] = RelatedImage(path, self._reference(path))
            return self._known[path]

    def _reference(self, path: str) -> str:
        """A Content-Location is exactly the URL in the HTML (RFC 2557, 4.2)."""
        if self._references.by_location:
            location, base = quote(path), self._references.base
            return urljoin(base, location) if base else location
        content = read_asset(path, self._files)
        digest = hashlib.sha256(path.encode() + b"\0" + content).hexdigest()[:12]
        name = _UNSAFE_IN_CONTENT_ID.sub("-", PurePosixPath(path).stem).strip("-.") or "image"
        return f"{name}-{digest}@{self._references.domain}"


def _replace_urls(
    document: Document, element: Element, reference: Callable[[str], str], edits: Edits
) -> None:
    for name in IMAGE_ATTRIBUTES:
        url = attribute(element, name)
        if url and (name == "background" or element.tag in _SHOWING):
            replaced = reference(url)
            if replaced != url:
                edits.set_attribute(element, name, replaced)
    style = attribute(element, "style")
    if style and "url(" in style.lower():
        replaced = _replace(style, _CSS_URL, reference)
        if replaced != style:
            edits.set_attribute(element, "style", replaced)
    if element.tag == "style":
        _replace_in_source(document, content_of(document, element), _CSS_URL, reference, edits)


def _replace_in_source(
    document: Document,
    span: tuple[int, int],
    pattern: re.Pattern[str],
    reference: Callable[[str], str],
    edits: Edits,
) -> None:
    text = document.source[slice(*span)]
    replaced = _replace(text, pattern, reference)
    if replaced != text:
        edits.replace(*span, replaced)


def _replace(text: str, pattern: re.Pattern[str], reference: Callable[[str], str]) -> str:
    return pattern.sub(
        lambda found: found["before"] + reference(found["url"]) + found["after"], text
    )
