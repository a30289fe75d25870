"""The files of the page itself: HTML, style sheet, JavaScript modules and icon, under page/."""

from __future__ import annotations

from html import escape
from pathlib import Path

PAGE_FOLDER = Path(__file__).parent / "page"

_CONTENT_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def read_page_file(name: str) -> tuple[bytes, str] | None:
    """One of the files and its content type; None if there is no file of this name."""
    # Compared with the names in the folder, so that no name leads out of it.
    names = {path.name: path for path in PAGE_FOLDER.iterdir() if path.suffix in _CONTENT_TYPES}
    path = names.get(name)
    return None if path is None else (path.read_bytes(), _CONTENT_TYPES[path.suffix])


def index_page(language: str = "") -> str:
    """The page itself; `language` is one of `mailmerge.language`, "" for the browser's."""
    page = (PAGE_FOLDER / "index.html").read_text(encoding="utf-8")
    if not language:
        return page
    chosen = f'<html lang="en" data-language="{escape(language)}">'
    return page.replace('<html lang="en">', chosen, 1)
