"""One URL of a message -> its problem, without a place; or None."""

from __future__ import annotations

import re
from functools import partial
from urllib.parse import urlsplit

from mailmerge.errors import Problem
from mailmerge.language import marked, tr
from mailmerge.wording import prefixed

_SHOWN = 80
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_LINK_SCHEMES = frozenset({"https", "mailto", "tel", "sms", "cid"})
# The character after the host shows that it is complete; localhost has no dot.
_GOOD_HOST = re.compile(
    r"https://(?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*[a-z](?:[/?#]|:\d+(?:[/?#]|\Z))", re.IGNORECASE
)
_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0", re.IGNORECASE)

_warning = partial(Problem, "warning")


def is_settled(beginning: str) -> bool:
    """Whether every link that begins with this text is valid."""
    return _GOOD_HOST.match(beginning) is not None


def judge_link(url: str) -> Problem | None:
    """The problem of a link, or None. `cid:` and fragments are valid; others must be absolute."""
    if is_settled(url):
        return None
    url = url.strip()
    if not url.strip("#"):
        return _warning("empty-link", tr("a link has no target"), hint=tr("fill in its href"))
    return None if url.startswith("#") else _judge_scheme(url)


def judge_image(url: str, name: str = "") -> Problem | None:
    """The problem of an image's source, or None; `name` is the name of its file for the user."""
    lowered = url.strip().lower()
    shown = repr(name or image_name(url))
    if not lowered:
        hint = tr("name a file or an https: URL")
        return _warning("image-without-source", tr("an image has no src"), hint=hint)
    if lowered.startswith("data:"):
        hint = tr("put the file into the campaign folder and name it in src")
        return _warning("data-image", tr("Gmail and Outlook do not show data: images"), hint=hint)
    if lowered.startswith("http:"):
        hint = tr("write https://, or put the file into the campaign folder")
        message = tr("the image {shown} is loaded without encryption", shown=shown)
        return _warning("http-image", message, hint=hint)
    if lowered.startswith("//"):
        message = tr("the image {shown} has no https: before its //", shown=shown)
        return _warning("relative-image", message, hint=tr("write https://"))
    return _judge_format(url, shown)


_NOT_SHOWN = {
    "svg": marked("Gmail, Outlook and others show no SVG images"),
    "webp": marked("Outlook for Windows shows no WebP images"),
    "avif": marked("most mail programs show no AVIF images"),
    "heic": marked("only programs of Apple show HEIC images"),
    "heif": marked("only programs of Apple show HEIF images"),
    "tif": marked("most mail programs show no TIFF images"),
    "tiff": marked("most mail programs show no TIFF images"),
    "psd": marked("no mail program shows files of Photoshop"),
    "pdf": marked("no mail program shows a PDF as an image"),
}
"""The endings of image files that mail programs do not show, and who does not."""


def _judge_format(url: str, shown: str) -> Problem | None:
    """The problem of an image whose format is known by its ending; None for any other."""
    ending = image_name(url).rpartition(".")[2].lower()
    why = _NOT_SHOWN.get(ending)
    if why is None:
        return None
    return _warning("image-format", prefixed(shown, tr(why)), hint=tr("save it as PNG or JPEG"))


def image_name(url: str) -> str:
    """The last part of an image's URL, by which the user knows it."""
    return url.strip().partition("?")[0].rstrip("/").rpartition("/")[2][:60]


def _judge_scheme(url: str) -> Problem | None:
    scheme = _SCHEME.match(url)
    shown = repr(url[:_SHOWN])
    if scheme is None:
        message = tr("the link {shown} is relative and does not work in a mailbox", shown=shown)
        return _warning("relative-link", message, hint=_as_absolute(url))
    name = scheme[0][:-1].lower()
    if name == "http":
        message = tr("the link {shown} is not encrypted", shown=shown)
        return _warning("http-link", message, hint=tr("write https://..."))
    if name not in _LINK_SCHEMES:
        message = tr("mail programs do not follow {name}: links", name=name)
        return _warning("link-scheme", message, hint=tr("use https: or mailto:"))
    return _judge_target(url, name, shown)


def _judge_target(url: str, scheme: str, shown: str) -> Problem | None:
    if scheme != "https":
        if url.rstrip()[len(scheme) + 1 :] not in {"", "@"}:
            return None
        hint = tr("write what follows {scheme}:", scheme=scheme)
        return _warning("empty-link", tr("the link {shown} has no target", shown=shown), hint=hint)
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        host = ""
    if not host or re.search(r"[\s%{}]", host):
        message = tr("the link {shown} has no valid host", shown=shown)
        return _warning("link-without-host", message, hint=tr("write https://host/..."))
    if _LOOPBACK.fullmatch(host):
        hint = tr("write the address that your readers can reach")
        return _warning(
            "local-link",
            tr("the link {shown} leads to the reader's own machine", shown=shown),
            hint=hint,
        )
    return None


def _as_absolute(url: str) -> str:
    if url.startswith("//"):
        return tr("write https:{url}", url=url[:_SHOWN])
    if re.match(r"www\.|[\w-]+\.(com|org|net|eu|de|fr|cn|io)\b", url, re.IGNORECASE):
        return tr("write https://{url}", url=url[:_SHOWN])
    return tr("write https://..., or attach the file")
