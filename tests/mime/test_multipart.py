"""The bytes between the bodies: related images, boundaries and transfer encodings."""

from __future__ import annotations

import re

import pytest

from mailmerge.errors import MessageError
from mailmerge.mime.message import Composer
from mailmerge.mime.multipart import Multipart
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import Sender
from mailmerge.recipients.address import parse_mailbox
from mailmerge.rendering.content import Content, RelatedImage
from tests.mime.composing import ATTACHMENTS, IMAGES, body, compose, composer_of, leaves, read
from tests.mime.conftest import WriteCampaign

NEWS = parse_mailbox("news@example.org")


def test_image_is_related_by_its_content_id(composer: Composer) -> None:
    html = body('<img src="cid:logo@news">§', "x", images=IMAGES)
    message = read(composer, Content("s", body("x\n"), html))
    related = list(message.iter_parts())[1]
    assert related["Content-Type"].params["type"] == "text/html"
    logo, size = leaves(message)[2:]
    assert logo["Content-ID"] == "<logo@news>"
    assert logo["Content-Location"] is None
    assert logo["Content-Disposition"] == 'inline; filename="logo.png"'
    assert size.get_filename() == "größe.jpg"


def test_image_is_related_by_its_content_location(write_campaign: WriteCampaign) -> None:
    composer = composer_of(
        write_campaign(
            'related_by = "content-location"', 'content_base = "https://example.org/news/"'
        )
    )
    images = (RelatedImage("logo.png", "logo.png"), RelatedImage("größe.jpg", "größe 1.jpg"))
    message = read(composer, Content("s", body("x\n"), body("y\n", images=images)))
    html, logo, size = leaves(message)[1:]
    assert logo["Content-Location"] == "logo.png"
    assert logo["Content-ID"] is None
    assert size["Content-Location"] == "gr%C3%B6%C3%9Fe%201.jpg"
    assert {part["Content-Base"] for part in (html, logo, size)} == {"https://example.org/news/"}


def test_content_location_needs_no_content_base(write_campaign: WriteCampaign) -> None:
    composer = composer_of(write_campaign('related_by = "content-location"'))
    message = read(composer, Content("s", body("x\n"), body("y\n", images=IMAGES[:1])))
    assert not any("Content-Base" in part for part in message.walk())


def test_location_longer_than_a_line_is_refused(write_campaign: WriteCampaign) -> None:
    composer = composer_of(write_campaign('related_by = "content-location"'))
    images = (RelatedImage("logo.png", ("图" * 80 + "/") * 6 + "logo.png"),)
    with pytest.raises(MessageError, match=r"^row 7: Content-Location is too long: .*shorten it"):
        compose(composer, Content("s", body("x\n"), body("y\n", images=images)))


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        ((RelatedImage("logo.png", "a@b"), RelatedImage("größe.jpg", "a@b")), "same reference"),
        ((RelatedImage("logo.png", "a b@c"),), "cannot be a Content-ID"),
    ],
)
def test_reference_that_cannot_be_used_is_refused(
    composer: Composer, images: tuple[RelatedImage, ...], complaint: str
) -> None:
    with pytest.raises(MessageError, match=complaint):
        compose(composer, Content("s", body("x\n"), body("y\n", images=images)))


def test_multipart_with_a_part_in_8bit_is_8bit(eightbit: Composer, composer: Composer) -> None:
    """RFC 2045, 6.4: without the field a multipart is 7bit, and so is all that is in it."""
    html = body("<p>Größe §</p>\n", "é", images=IMAGES[:1])
    content = Content("s", body("Grüße\n"), html, attachments=ATTACHMENTS[:1])
    fields = [part["Content-Transfer-Encoding"] for part in read(eightbit, content).walk()]
    assert fields == ["8bit", "8bit", "8bit", "8bit", "8bit", "base64", "base64"]
    for part in read(composer, content).walk():
        assert ("Content-Transfer-Encoding" in part) is not part.is_multipart()


def test_boundary_depends_on_the_name_of_the_campaign_alone() -> None:
    begun = [Multipart(Sender(NEWS, name)).begin_mixed for name in ("a", "a", "b")]
    assert begun[0] == begun[1] != begun[2]
    assert re.search(rb'boundary="=_mixed_[A-Z2-7]{16}"', begun[0])


def test_last_delimiter_ends_with_two_hyphens() -> None:
    multipart = Multipart(Sender(NEWS, "a"))
    boundary = multipart.begin_mixed.rpartition(b"--")[2].strip()
    assert multipart.begin_mixed.endswith(b"\r\n\r\n--" + boundary + b"\r\n")
    assert multipart.end_mixed == b"\r\n--" + boundary + b"--\r\n"


def test_attachment_is_a_delimiter_its_fields_and_its_base64(write_campaign: WriteCampaign) -> None:
    part = PartStore(write_campaign().folder).part("terms.pdf")
    before, encoded = Multipart(Sender(NEWS, "a")).attachment(part)
    assert before.startswith(b"\r\n--=_mixed_")
    assert before.endswith(part.attached)
    assert encoded is part.encoded
