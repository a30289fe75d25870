"""Heads of image files: those of the starters, and made ones."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.preflight.deep.image_files import ImageFile, read_image

TEMPLATES = Path(__file__).parents[3] / "templates"


@pytest.mark.parametrize(
    ("file", "image"),
    [
        ("newsletter/images/logo.png", ("png", 744, 144)),
        ("newsletter/images/photo.jpg", ("jpeg", 1200, 600)),
    ],
)
def test_images_of_starters(file: str, image: tuple[str, int, int]) -> None:
    found = read_image((TEMPLATES / file).read_bytes())
    assert (found.kind, found.width > 0, found.height > 0) == (image[0], True, True)
    assert found.width / found.height == pytest.approx(image[1] / image[2], rel=0.05)


def test_animated_gif_moves() -> None:
    head = b"GIF89a" + struct.pack("<HH", 20, 10)
    assert read_image(head + b"\x21\xf9\x04..") == ImageFile("gif", 20, 10)
    assert read_image(head + b"\x21\xf9\x04..\x21\xf9\x04..").moves


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", ""),
        (b"\x89PNG\r\n\x1a\n", ""),
        (b"\xff\xd8", "jpeg"),
        (b"\xff\xd8\xff\xe0\x00", "jpeg"),
        (b"\xff\xd8" + b"\xff" * 50, "jpeg"),
        (b"RIFF0000WEBPVP8 ", "webp"),
        (b"<?xml version='1.0'?><svg>", "svg"),
        (b"GIF89a", ""),
        (b"%PDF", ""),
    ],
)
def test_damaged_and_other_files(data: bytes, kind: str) -> None:
    assert read_image(data).kind == kind


@given(
    st.sampled_from([b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF", b""]), st.binary()
)
def test_any_bytes_are_read(head: bytes, rest: bytes) -> None:
    assert read_image(head + rest).width >= 0
