from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.preview.anatomy import (
    PREHEADER_LENGTH,
    find_picture,
    part_content,
    pictures,
    preheader_of,
    take_apart,
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


def test_a_message_is_taken_apart_into_what_it_was_made_of() -> None:
    octets = full_message()
    anatomy = take_apart(octets)
    assert anatomy.size == len(octets)
    assert anatomy.header("subject") == "Grüße, Zoé"
    assert anatomy.header("X-None") == ""
    assert anatomy.html == "<p>Hello <b>Zoé</b></p>\n"
    assert anatomy.text == "Hello Zoé\n"
    assert [(part.depth, part.content_type) for part in anatomy.parts] == [
        (0, "multipart/mixed"),
        (1, "multipart/alternative"),
        (2, "text/plain"),
        (2, "multipart/related"),
        (3, "text/html"),
        (3, "image/png"),
        (1, "text/csv"),
    ]
    assert [part.number for part in anatomy.parts] == list(range(7))
    assert anatomy.parts[5].content_id == "<logo@example.org>"
    assert anatomy.parts[5].size == len(PIXEL)
    assert anatomy.parts[5].encoded > len(PIXEL)
    assert anatomy.parts[6].filename == "tafel.csv"
    assert anatomy.parts[0].size == anatomy.parts[0].encoded == 0


def test_header_fields_are_shown_decoded_and_as_they_are_written() -> None:
    fields = {field.name: field for field in take_apart(full_message()).headers}
    assert fields["Subject"].value == "Grüße, Zoé"
    assert fields["Subject"].written.startswith("=?utf-8?")
    assert fields["From"].written == fields["From"].value


def test_a_part_is_opened_decoded_and_a_multipart_is_not() -> None:
    octets = full_message()
    opened = part_content(octets, 5)
    assert opened is not None
    assert opened[1] == PIXEL
    assert part_content(octets, 0) is None
    assert part_content(octets, 7) is None


def test_pictures_are_found_by_content_id_and_by_location() -> None:
    message = EmailMessage(policy=SMTP)
    message.set_content("<p>x</p>", subtype="html")
    message.add_related(PIXEL, "image", "png", cid="<a b@x>")
    message.add_related(
        PIXEL, "image", "gif", headers=["Content-Location: https://example.org/images/logo.gif"]
    )
    carried = pictures(message.as_bytes())
    assert find_picture(carried, "cid:a%20b@x") == ("image/png", PIXEL)
    assert find_picture(carried, "CID:a%20b@x") == ("image/png", PIXEL)
    assert find_picture(carried, "https://example.org/images/logo.gif") == ("image/gif", PIXEL)
    assert find_picture(carried, "images/logo.gif") == ("image/gif", PIXEL)
    assert find_picture(carried, "https://elsewhere.example/images/logo.gif") is None
    assert find_picture(carried, "cid:other") is None


def test_a_message_of_text_alone_has_no_html() -> None:
    anatomy = take_apart(b"Subject: x\r\n\r\nonly text\r\n")
    assert anatomy.html is None
    assert anatomy.text == "only text\n"
    assert anatomy.preheader == "only text"


def test_an_attached_html_file_is_not_the_body() -> None:
    message = EmailMessage(policy=SMTP)
    message.set_content("text")
    message.add_attachment("<p>attached</p>", subtype="html", filename="a.html")
    assert take_apart(message.as_bytes()).html is None


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
def test_the_preheader_is_what_a_reader_would_see_first(html: str, words: str) -> None:
    assert preheader_of(html, None) == words


@given(st.text())
def test_the_preheader_is_short_whatever_the_html(html: str) -> None:
    assert len(preheader_of(html, None)) <= PREHEADER_LENGTH
    assert len(preheader_of(None, html)) <= PREHEADER_LENGTH


@given(st.binary(max_size=400))
def test_no_octets_are_too_broken_to_be_looked_at(octets: bytes) -> None:
    anatomy = take_apart(octets)
    assert anatomy.size == len(octets)
    assert anatomy.parts
