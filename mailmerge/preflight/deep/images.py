"""The images that travel with a message: their size, their format, and how they are shown."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from mailmerge.language import tr
from mailmerge.preflight.deep.image_files import ImageFile, read_image
from mailmerge.preflight.deep.page import DeepPage, Finding, Flaw, Note
from mailmerge.rendering.document import Element, attribute, elements_of
from mailmerge.wording import size_in_words

_LARGE: Final = 1 << 20
_LARGEST_READ: Final = 30 << 20
_TOO_WIDE: Final = 3.0
"""Times the shown width; twice is right for fine screens."""

_WIDEST: Final = 700
_ENDINGS: Final = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "gif": "gif", "webp": "webp"}


def check_images(page: DeepPage) -> Iterator[Finding]:
    """Each image of the campaign folder, once."""
    seen: set[str] = set()
    for element in elements_of(page.document, "img"):
        path = page.images.get((attribute(element, "src") or "").strip())
        if path is None or path in seen:
            continue
        seen.add(path)
        with contextlib.suppress(OSError, ValueError):
            data = page.files.read(path, _LARGEST_READ)
            yield from _of_image(page, element, path, len(data), read_image(data))


def _of_image(
    page: DeepPage, element: Element, path: str, size: int, image: ImageFile
) -> Iterator[Finding]:
    place = page.place_of(element)
    if size > _LARGE:
        message = tr("the image {path} has {size}", path=path, size=size_in_words(size))
        hint = tr("save it smaller; phones load it over slow networks")
        yield Flaw("image-large", message, hint, place)
    ending = path.rpartition(".")[2].lower()
    if image.kind and ending in _ENDINGS and _ENDINGS[ending] != image.kind:
        message = tr("the image {path} is a {kind} file", path=path, kind=image.kind.upper())
        yield Flaw("image-content", message, tr("name it by its format"), place)
    if image.moves:
        message = tr("{path}: Outlook for Windows shows the first picture of an animation only",
                     path=path)  # fmt: skip
        yield Note("image-animated", message, place)
    yield from _of_width(page, element, path, image)


def _of_width(page: DeepPage, element: Element, path: str, image: ImageFile) -> Iterator[Finding]:
    shown = attribute(element, "width") or ""
    place = page.place_of(element)
    if not shown.isdigit():
        if image.width > _WIDEST:
            message = tr("{path} is {width} pixels wide, and its <img> has no width: Outlook for "
                         "Windows shows it at full size", path=path, width=image.width)  # fmt: skip
            hint = tr('write width="600"')
            yield Flaw("image-width", message, hint, place)
    elif int(shown) and image.width > int(shown) * _TOO_WIDE:
        message = tr("{path} is {width} pixels wide, and is shown at {shown}",
                     path=path, width=image.width, shown=shown)  # fmt: skip
        hint = tr("save it at twice the width at which it is shown")
        yield Flaw("image-oversized", message, hint, place)
    elif 0 < image.width < int(shown):
        message = tr("{path} is {width} pixels wide, and is shown at {shown}: it looks blurred",
                     path=path, width=image.width, shown=shown)  # fmt: skip
        yield Note("image-blurred", message, place)
