"""The bytes of a template -> the kind of file that it really is, if it is no text.

Users name the document of their word processor as the text of a message. Its bytes are no template,
whatever the ending of the file says. So files are recognised by their content.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass

from mailmerge.language import marked, tr

_COPY = marked("copy its text into a plain text file, such as body.txt, or save it as HTML")
_WORD = marked(
    'copy its text into a plain text file, such as body.txt, or save it as "Web Page, '
    'Filtered" (.html)'
)
_WRITER = marked(
    "copy its text into a plain text file, such as body.txt, or save it as HTML in LibreOffice"
)
_ATTACH = marked("list it in attachments, and write the message as text or HTML")


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file that is no template.

    Attributes:
        name: what it is, in English.
        hint: the fix in English, with `{page}` if there is a page to use.
        page: the page of an archive.
    """

    name: str
    hint: str
    page: str = ""

    @property
    def fix(self) -> str:
        """The fix, in the language of the user."""
        return tr(self.hint, page=self.page) if self.page else tr(self.hint)


class NotATemplate(ValueError):
    """The content of a file is a document of another program, and no text."""

    def __init__(self, kind: FileKind, path: str) -> None:
        super().__init__(tr("{path} is {name}", path=path, name=tr(kind.name)))
        self.kind = kind
        self.path = path


_OLE = FileKind(marked("a Word document (.doc)"), _WORD)
_STARTS = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE),
    (b"{\\rtf", FileKind(marked("an RTF document"), _WORD)),
    (b"%PDF-", FileKind(marked("a PDF document"), _ATTACH)),
    (
        b"\x89PNG",
        FileKind(marked("an image"), marked("write an HTML file that shows it: <img src=...>")),
    ),
    (
        b"\xff\xd8\xff",
        FileKind(marked("an image"), marked("write an HTML file that shows it: <img src=...>")),
    ),
    (
        b"GIF8",
        FileKind(marked("an image"), marked("write an HTML file that shows it: <img src=...>")),
    ),
    (b"\x1f\x8b", FileKind(marked("a compressed file (gzip)"), marked("unpack it"))),
    (b"7z\xbc\xaf\x27\x1c", FileKind(marked("a compressed file (7-Zip)"), marked("unpack it"))),
    (b"Rar!", FileKind(marked("a compressed file (RAR)"), marked("unpack it"))),
    (
        b"bplist00",
        FileKind(marked("a web archive of Safari"), marked("save the page as HTML source")),
    ),
)
_MHT = re.compile(
    rb"\A(?:[A-Za-z-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?mime-version:\s*1\.0", re.IGNORECASE
)
_FLAT = re.compile(rb"<(?:office:document|w:wordDocument|pkg:package)\b")
_ZIP_NAMES = (
    ("word/", FileKind(marked("a Word document"), _WORD)),
    ("xl/", FileKind(marked("an Excel workbook"), marked("name it as file under [recipients]"))),
    ("ppt/", FileKind(marked("a PowerPoint presentation"), _COPY)),
    ("index/", FileKind(
        marked("a Pages document"), marked("export it as text, or copy it into body.txt")
    )),
)  # fmt: skip
_MEDIA_TYPES = {
    "application/vnd.oasis.opendocument.text": FileKind(marked("an OpenDocument text"), _WRITER),
    "application/vnd.oasis.opendocument.text-template": FileKind(
        marked("an OpenDocument text"), _WRITER
    ),
    "application/vnd.oasis.opendocument.spreadsheet": FileKind(
        marked("an OpenDocument spreadsheet"), marked("name it as file under [recipients]")
    ),
    "application/epub+zip": FileKind(marked("an EPUB book"), _COPY),
}
_HEAD = 4096


def kind_of(content: bytes) -> FileKind | None:
    """The kind of a file that is no text; None for text, and for what is not recognised."""
    start = content[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n")
    for mark, kind in _STARTS:
        if start.startswith(mark):
            return kind
    if start.startswith(b"PK\x03\x04"):
        return _kind_of_zip(content)
    if _MHT.match(start):
        return FileKind(
            marked("a saved e-mail or web archive (.eml, .mht)"),
            marked("save the message as HTML only"),
        )
    if start.startswith(b"<?xml") and _FLAT.search(start):
        return FileKind(marked("an XML document of a word processor"), _COPY)
    return None


def _kind_of_zip(content: bytes) -> FileKind:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name.replace("\\", "/").lower() for name in archive.namelist()[:1000]]
            media_type = ""
            if "mimetype" in names and archive.getinfo("mimetype").file_size < _HEAD:
                media_type = archive.read("mimetype").decode("ascii", "ignore").strip()
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, RuntimeError, NotImplementedError):
        return FileKind(marked("a damaged document of an office program"), _COPY)
    if media_type in _MEDIA_TYPES:
        return _MEDIA_TYPES[media_type]
    for folder, kind in _ZIP_NAMES:
        if any(name.startswith(folder) for name in names):
            return kind
    pages = [name for name in names if name.endswith((".html", ".htm"))]
    hint = marked("unpack it, and name {page}") if pages else marked("unpack it")
    return FileKind(marked("a ZIP archive"), hint, pages[0] if pages else "")
