from __future__ import annotations

import pytest

from mailmerge.errors import CampaignError, MessageError
from mailmerge.mime.references import (
    content_base_field,
    content_id_field,
    content_location_field,
)


def test_content_id_stands_in_angle_brackets() -> None:
    assert content_id_field("logo-1@example.org") == b"Content-ID: <logo-1@example.org>\r\n"


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("a b@c", "cannot be a Content-ID"),
        ("a@b>\r\nBcc: eve@example.org", "cannot be a Content-ID"),
        ("größe@b", "cannot be a Content-ID"),
        ("", "cannot be a Content-ID"),
        ("x" * 1000, "Content-ID is too long"),
    ],
)
def test_reference_that_is_not_a_content_id_is_refused(reference: str, complaint: str) -> None:
    with pytest.raises(MessageError, match=complaint):
        content_id_field(reference)


@pytest.mark.parametrize(
    ("location", "written"),
    [
        ("logo.png", "logo.png"),
        ("größe 1.jpg", "gr%C3%B6%C3%9Fe%201.jpg"),
        ("https://e.org/a?b=c&d#e", "https://e.org/a?b=c&d#e"),
    ],
)
def test_content_location_is_a_uri(location: str, written: str) -> None:
    assert content_location_field(location) == f"Content-Location: {written}\r\n".encode()


def test_location_longer_than_a_line_is_refused() -> None:
    with pytest.raises(MessageError, match="Content-Location is too long"):
        content_location_field("x" * 1200)


@pytest.mark.parametrize(
    ("base", "complaint"),
    [
        ("https://example.org/" + "x" * 1200, "is too long"),
        ("https://example.org/=?utf-8?q?=0A?=", "take for an encoded-word"),
    ],
)
def test_content_base_that_cannot_be_written_is_an_error(base: str, complaint: str) -> None:
    assert content_base_field("https://e.org/", "f") == b"Content-Base: https://e.org/\r\n"
    with pytest.raises(CampaignError, match=f"^campaign.toml: message.content_base: .*{complaint}"):
        content_base_field(base, "campaign.toml")
