from __future__ import annotations

import subprocess
import sys

import pytest

from mailmerge.mime.media_types import charset_of, media_type_of
from tests.mime.conftest import PNG


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.pdf", b"%PDF", "application/pdf"),
        ("a.PDF", b"%PDF", "application/pdf"),
        ("a.txt", PNG, "image/png"),
        ("a", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.png", b"GIF89a", "image/gif"),
        ("a.jpg", b"RIFF1234WEBPVP8 ", "image/webp"),
        ("a.xlsx", b"PK", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("a.svg", b"<svg/>", "image/svg+xml"),
        ("a.csv", b"a,b", "text/csv"),
        ("a.eml", b"From: x", "application/octet-stream"),
        ("a.tar.gz", b"\x1f\x8b", "application/gzip"),
        ("a.unheard-of", b"x", "application/octet-stream"),
        ("noextension", b"x", "application/octet-stream"),
    ],
)
def test_media_type_is_that_of_the_file(name: str, content: bytes, expected: str) -> None:
    assert media_type_of(name, content) == expected


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        ("é".encode(), "utf-8"),
        (b"plain", "utf-8"),
        ("é".encode("latin-1"), ""),
        ("a,b\n1,2\n".encode("utf-16-le"), ""),
        ("a,b\n1,2\n".encode("utf-16"), ""),
    ],
)
def test_charset_is_said_where_it_is_certain(content: bytes, charset: str) -> None:
    assert charset_of(content) == charset


def test_types_of_the_machine_change_nothing() -> None:
    """Another machine must write the same bytes, and its table may say anything."""
    script = (
        "import mimetypes; mimetypes.add_type('text/wrong', '.pdf')\n"
        "from mailmerge.mime.media_types import media_type_of\n"
        "print(media_type_of('a.pdf', b'x'))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert shown.stdout.decode().strip() == "application/pdf"
