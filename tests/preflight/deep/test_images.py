"""Images of the campaign folder."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from mailmerge.preflight.deep.images import check_images
from tests.preflight.deep.pages import page_of

GIF = b"GIF89a" + struct.pack("<HH", 9, 9)


def _png(width: int, size: int = 100) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + bytes(8) + struct.pack(">II", width, width) + bytes(size)


@pytest.mark.parametrize(
    ("file", "data", "attributes", "codes"),
    [
        ("a.png", _png(1200), 'width="600"', []),
        ("a.png", _png(600), 'width="600"', []),
        ("a.png", _png(600), "", []),
        ("a.png", _png(1200), "", ["image-width"]),
        ("a.png", _png(1200), 'width="100%"', ["image-width"]),
        ("a.png", _png(2400), 'width="600"', ["image-oversized"]),
        ("a.png", _png(300), 'width="600"', ["image-blurred"]),
        ("a.png", _png(600, 2 << 20), 'width="600"', ["image-large"]),
        ("a.jpg", _png(600), 'width="600"', ["image-content"]),
        ("a.gif", GIF + b"\x21\xf9\x04" * 2, "", ["image-animated"]),
    ],
    ids=range(10),
)  # fmt: skip
def test_image(tmp_path: Path, file: str, data: bytes, attributes: str, codes: list[str]) -> None:
    (tmp_path / file).write_bytes(data)
    body = f'<p>x</p>\n<img src="cid:1" {attributes} alt="">\n<img src="cid:1" alt="">'
    template = body.replace("cid:1", file)
    page = page_of(body, template=template, folder=tmp_path, images={"cid:1": file})
    found = list(check_images(page))
    assert [one.problem.code for one in found] == codes
    assert all(one.problem.line == 6 for one in found)


def test_remote_and_missing_images_are_left_out(tmp_path: Path) -> None:
    page = page_of('<img src="https://a.eu/a.png"><img src="cid:1">', folder=tmp_path,
                   images={"cid:1": "gone.png"})  # fmt: skip
    assert list(check_images(page)) == []
