"""Preview text, share of text, and sizes."""

from __future__ import annotations

import pytest

from mailmerge.preflight.deep.reading import (
    check_preview_text,
    check_sizes,
    check_text_share,
    preview_text,
)
from mailmerge.preflight.structures import VALUE
from tests.preflight.deep.pages import found, page_of, warnings

GOOD = "<div style='display:none'>Two stories for the quiet month, and soup.</div><p>Hello</p>"


def test_preview_text_begins_with_hidden_text() -> None:
    page = page_of(f"{GOOD}<p>Dear {VALUE}</p>", "<style>p{color:red}</style>")
    assert preview_text(page).startswith("Two stories for the quiet month, and soup. Hello")
    assert "color" not in preview_text(page)


def test_filler_of_preview_texts_is_left_out() -> None:
    assert preview_text(page_of("<p>A&zwnj;&nbsp;&zwnj;&nbsp;&#847; B</p>")) == "A B"


@pytest.mark.parametrize(
    "text",
    ["View this email in your browser", "Having trouble reading this?", "https://example.org/x",
     "Newsletter im Browser ansehen", "在浏览器中查看"],
)  # fmt: skip
def test_technical_preview_text_is_a_warning(text: str) -> None:
    assert len(warnings(check_preview_text, f"<p>{text}</p><p>Hello everyone</p>")) == 1


def test_good_preview_text_is_a_note() -> None:
    assert found(check_preview_text, GOOD) == [("preview-text", None, True)]
    assert found(check_preview_text, "<p>Hi</p>") == [("preview-text", None, True)]
    assert found(check_preview_text, "") == []


def test_message_of_images_is_a_warning() -> None:
    image = '<img src="a.png" width="600" height="400">'
    assert warnings(check_text_share, f"{image}<p>Sale!</p>") == [
        "the message is mostly images, with 5 letters of text"
    ]
    assert warnings(check_text_share, f"{image}<p>{'word ' * 40}</p>") == []
    assert warnings(check_text_share, '<img src="a.png" width="60" height="40"><p>Hi</p>') == []


def test_hidden_text_does_not_count_as_text() -> None:
    image = '<img src="a.png" width="600" height="400">'
    hidden = f"<p style='display:none'>{'word ' * 99}</p>"
    assert warnings(check_text_share, f"{image}<p>Sale!</p>{hidden}")


def test_sizes_are_compared_with_receivers() -> None:
    (small,) = check_sizes(7_000, 50_000, "body.html")
    assert small.is_note
    assert small.problem.message == (
        "the HTML has 6.8 KB of the 102.0 KB that Gmail shows; the message has 48.8 KB"
    )
    (large,) = check_sizes(7_000, 22 << 20, "body.html")
    assert large.problem.message == "iCloud refuse a message of 22.0 MB"
    (huge,) = check_sizes(7_000, 60 << 20, "body.html")
    assert huge.problem.message.startswith("iCloud, Outlook.com, Yahoo, Gmail refuse")
