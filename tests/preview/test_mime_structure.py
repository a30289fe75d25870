from __future__ import annotations

from base64 import encodebytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.preview.mime_structure import (
    SHOWN_BYTES,
    find_image,
    parse_message,
    part_content,
)
from tests.preview.campaigns import PIXEL


def full_message() -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = "Example News <news@example.org>"
    message["To"] = "Zoé <zoe@example.org>"
    message["Subject"] = "Grüße, Zoé"
    message.set_content("Hello Zoé\n")
    message.add_alternative("<p>Hello <b>Zoé</b></p>", subtype="html")
    html = message.get_body(("html",))
    assert html is not None
    html.add_related(PIXEL, "image", "png", cid="<logo@example.org>", filename="logo.png")
    message.add_attachment(b"a,b\r\n", maintype="text", subtype="csv", filename="tafel.csv")
    return message.as_bytes()


def simple_message(content: str, subtype: str) -> bytes:
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n"
    return head.encode() + b"\r\n" + encodebytes(content.encode())


def preheader(content: str, subtype: str = "html") -> str:
    return parse_message(simple_message(content, subtype)).preheader


def test_a_message_is_read_back_with_headers_bodies_and_parts() -> None:
    data = full_message()
    parsed = parse_message(data)
    assert parsed.size == len(data)
    assert parsed.header("subject") == "Grüße, Zoé"
    assert parsed.header("X-None") == ""
    assert parsed.html == "<p>Hello <b>Zoé</b></p>\n"
    assert parsed.text == "Hello Zoé\n"
    assert [(part.depth, part.content_type) for part in parsed.parts] == [
        (0, "multipart/mixed"),
        (1, "multipart/alternative"),
        (2, "text/plain"),
        (2, "multipart/related"),
        (3, "text/html"),
        (3, "image/png"),
        (1, "text/csv"),
    ]
    assert [part.number for part in parsed.parts] == list(range(7))


def test_parts_have_sizes_names_and_content_ids() -> None:
    parts = parse_message(full_message()).parts
    assert parts[5].content_id == "<logo@example.org>"
    assert parts[5].size == len(PIXEL)
    assert parts[5].encoded > len(PIXEL)
    assert parts[6].filename == "tafel.csv"
    assert parts[0].size == parts[0].encoded == 0


def test_header_fields_are_given_decoded_and_as_written() -> None:
    fields = {field.name: field for field in parse_message(full_message()).headers}
    assert fields["Subject"].value == "Grüße, Zoé"
    assert fields["Subject"].written.startswith("=?utf-8?")
    assert fields["From"].written == fields["From"].value


def test_part_content_decodes_leaves_only() -> None:
    data = full_message()
    found = part_content(data, 5)
    assert found is not None
    part, content = found
    assert part.content_type == "image/png"
    assert content == PIXEL
    assert part_content(data, 0) is None
    assert part_content(data, 7) is None


def test_images_are_found_by_content_id_and_by_location() -> None:
    message = EmailMessage(policy=SMTP)
    message.set_content("<p>x</p>", subtype="html")
    message.add_related(PIXEL, "image", "png", cid="<a b@x>")
    message.add_related(
        PIXEL, "image", "gif", headers=["Content-Location: https://example.org/images/logo.gif"]
    )
    images = parse_message(message.as_bytes()).images
    assert find_image(images, "cid:a%20b@x") == ("image/png", PIXEL)
    assert find_image(images, "CID:a%20b@x") == ("image/png", PIXEL)
    assert find_image(images, "https://example.org/images/logo.gif") == ("image/gif", PIXEL)
    assert find_image(images, "images/logo.gif") == ("image/gif", PIXEL)
    assert find_image(images, "https://elsewhere.example/images/logo.gif") is None
    assert find_image(images, "cid:other") is None


def test_a_text_message_has_no_html() -> None:
    parsed = parse_message(b"Subject: x\r\n\r\nonly text\r\n")
    assert parsed.html is None
    assert parsed.text == "only text\n"
    assert parsed.preheader == "only text"


def test_an_attached_html_file_is_not_the_body() -> None:
    message = EmailMessage(policy=SMTP)
    message.set_content("text")
    message.add_attachment("<p>attached</p>", subtype="html", filename="a.html")
    assert parse_message(message.as_bytes()).html is None


def test_only_the_beginning_of_a_large_message_is_raw_text() -> None:
    data = b"Subject: x\r\n\r\n" + b"a" * SHOWN_BYTES
    parsed = parse_message(data)
    assert len(parsed.raw) == SHOWN_BYTES
    assert parsed.size == len(data)


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<title>no</title><p>First</p><p>second</p>", "First second"),
        ("<style>p{}</style><script>x</script>Words", "Words"),
        ("<div>Hidden&#8199;&#65279;&#847; &zwnj;&nbsp;</div><p>then</p>", "Hidden then"),
        ("<head><meta></head>A<br>B", "A B"),
        ("</style>Loose ends</title>", "Loose ends"),
        ("", ""),
    ],
)
def test_the_preheader_holds_the_first_visible_words(html: str, words: str) -> None:
    assert preheader(html) == words


@given(st.text())
def test_the_preheader_is_never_longer_than_160(content: str) -> None:
    assert len(preheader(content, "html")) <= 160
    assert len(preheader(content, "plain")) <= 160


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=161))
def test_a_long_text_fills_the_preheader(content: str) -> None:
    assert preheader(content, "plain") == content[:160]


@given(st.binary(max_size=400))
def test_any_bytes_can_be_parsed(data: bytes) -> None:
    parsed = parse_message(data)
    assert parsed.size == len(data)
    assert parsed.parts
