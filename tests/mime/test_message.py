from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, default

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailmerge.campaign import Campaign
from mailmerge.errors import AddressError, AssetError, CampaignError, MailmergeError, MessageError
from mailmerge.mime.message import Composer, Message, check_fields
from mailmerge.mime.parts import PartStore
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Body, Content, RelatedImage, Structure
from mailmerge.smtp.content import prepare
from tests.mime.conftest import WriteCampaign
from tests.mime.reading import (
    assert_canonical,
    canonical,
    header_texts,
    parse,
    structures,
)

DATE = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
MESSAGE_ID = "<abc@example.org>"
ANN = Recipient(7, {}, parse_mailbox("ann@example.org"), "ann@example.org")
IMAGES = (RelatedImage("logo.png", "logo@news"), RelatedImage("größe.jpg", "size@news"))
ATTACHMENTS = ("terms.pdf", "报价单.csv")
FIELDS = ["From", "To", "Subject", "Date", "Message-ID"]


def body(text: str, *values: str, images: tuple[RelatedImage, ...] = ()) -> Body:
    """A body whose values stand where the text has a §."""
    return Body(Structure(tuple(text.split("§")), images), values)


@pytest.fixture(scope="session")
def campaign(write_campaign: WriteCampaign) -> Campaign:
    return write_campaign()


@pytest.fixture(scope="session")
def composer(campaign: Campaign) -> Composer:
    return composer_of(campaign)


@pytest.fixture(scope="session")
def eightbit(write_campaign: WriteCampaign) -> Composer:
    return composer_of(write_campaign('encoding = "8bit"'))


def composer_of(campaign: Campaign) -> Composer:
    return Composer(campaign, PartStore(campaign.folder))


def compose(composer: Composer, content: Content, recipient: Recipient = ANN) -> Message:
    return composer.compose(recipient, content, message_id=MESSAGE_ID, date=DATE)


def read(composer: Composer, content: Content, recipient: Recipient = ANN) -> EmailMessage:
    return parse(bytes(compose(composer, content, recipient)))


def tree(part: EmailMessage) -> object:
    """The media types of a message and its parts."""
    if part.is_multipart():
        return part.get_content_subtype(), [tree(inner) for inner in part.iter_parts()]  # type: ignore[arg-type]
    return part.get_content_type()


def leaves(message: EmailMessage) -> list[EmailMessage]:
    return [part for part in message.walk() if not part.is_multipart()]


def built_by_email_message(campaign: Campaign, content: Content) -> EmailMessage:
    """The same content, built by the standard library, written and read again."""
    message = EmailMessage(SMTP)
    message.set_content(str(content.text))
    if content.html is not None:
        message.add_alternative(str(content.html), subtype="html")
        html = leaves(message)[-1]
        for image in content.html.structure.images:
            octets = (campaign.folder / image.path).read_bytes()
            subtype = "png" if image.path.endswith("png") else "jpeg"
            html.add_related(
                octets, "image", subtype, cid=f"<{image.reference}>", filename=image.path,
                disposition="inline", params={"name": image.path},
            )  # fmt: skip
        if content.html.structure.images:
            html.set_param("type", "text/html")
    for path in content.attachments:
        octets = (campaign.folder / path).read_bytes()
        maintype, subtype = ("text", "csv") if path.endswith("csv") else ("application", "pdf")
        params = {"name": path, **({"charset": "utf-8"} if maintype == "text" else {})}
        message.add_attachment(octets, maintype, subtype, filename=path, params=params)
    read_again = BytesParser(policy=default).parsebytes(message.as_bytes())
    assert isinstance(read_again, EmailMessage)
    return read_again


def described(part: EmailMessage) -> dict[str, object]:
    """All that a reader learns of one part, except how it was encoded and bounded."""
    parameters = dict(part["Content-Type"].params)
    parameters.pop("boundary", None)
    return {
        "type": part.get_content_type(),
        "parameters": parameters,
        "disposition": part.get_content_disposition(),
        "file name": part.get_filename(),
        "id": part["Content-ID"],
        "octets": None if part.is_multipart() else part.get_payload(decode=True),
    }


@st.composite
def contents(draw: st.DrawFn) -> Content:
    text = Body(*_structured(draw(structures())))
    html = None
    if draw(st.booleans()):
        images = tuple(draw(st.lists(st.sampled_from(IMAGES), unique=True)))
        html = Body(*_structured(draw(structures()), images))
    return Content(
        draw(header_texts().filter(lambda subject: bool(subject.strip(" ")))),
        text,
        html,
        to_name=draw(header_texts()),
        reply_to=draw(st.sampled_from(["", "editor@example.org", "Zoë <zoe@example.org>"])),
        headers=tuple(draw(st.lists(st.tuples(st.just("X-Note"), header_texts()), max_size=2))),
        attachments=tuple(draw(st.lists(st.sampled_from(ATTACHMENTS), max_size=2))),
    )


def _structured(
    drawn: tuple[tuple[str, ...], tuple[str, ...]], images: tuple[RelatedImage, ...] = ()
) -> tuple[Structure, tuple[str, ...]]:
    return Structure(drawn[0], images), drawn[1]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(contents())
@example(Content("=?UTF-8?Q?=0A?=Bcc: eve@example.org", body("=?UTF-8?Q?=0A?=\n.\n")))
def test_a_message_is_read_as_the_one_that_email_message_would_build(
    campaign: Campaign, composer: Composer, content: Content
) -> None:
    octets = bytes(compose(composer, content))
    message = parse(octets)
    expected = built_by_email_message(campaign, content)
    assert [described(part) for part in message.walk()] == [
        described(part) for part in expected.walk()
    ]
    assert not any(part.defects for part in message.walk())
    assert_canonical(octets)
    assert octets.isascii()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(contents())
def test_the_header_holds_the_intended_fields_and_no_other(
    composer: Composer, content: Content
) -> None:
    message = compose(composer, content)
    header = bytes(message).partition(b"\r\n\r\n")[0]
    names = [
        line.partition(b":")[0].decode()
        for line in header.split(b"\r\n")
        if not line.startswith(b" ")
    ]
    own = [name for name, value in content.headers if value.strip(" ")]
    reply_to = ["Reply-To"] if content.reply_to else []
    mime = ["MIME-Version", "Content-Type"]
    if content.html is None and not content.attachments:
        mime.append("Content-Transfer-Encoding")
    assert names == [*FIELDS[:2], *reply_to, *FIELDS[2:], *own, *mime]
    parsed = parse(bytes(message))
    assert parsed["Subject"] == content.subject.strip(" ")
    assert parsed["From"] == "Example News <news@example.org>"
    assert parsed["Date"].datetime == DATE
    assert parsed["Message-ID"] == MESSAGE_ID
    assert parsed.get_all("X-Note", []) == [
        value.strip(" ") for _, value in content.headers if value.strip(" ")
    ]


@given(contents())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=30)
def test_the_same_arguments_give_the_same_octets(campaign: Campaign, content: Content) -> None:
    once, again = composer_of(campaign), composer_of(campaign)
    first = compose(once, content)
    assert first == compose(once, content) == compose(again, content)
    assert first.size == len(bytes(first))
    assert all(first.chunks)


HTML = "<p>Hello §</p>\n"


@pytest.mark.parametrize(
    ("html", "images", "attachments", "expected"),
    [
        (False, (), (), "text/plain"),
        (True, (), (), ("alternative", ["text/plain", "text/html"])),
        (
            True, IMAGES[:1], (),
            ("alternative", ["text/plain", ("related", ["text/html", "image/png"])]),
        ),
        (False, (), ATTACHMENTS[:1], ("mixed", ["text/plain", "application/pdf"])),
        (
            True, IMAGES, ATTACHMENTS,
            (
                "mixed",
                [
                    ("alternative",
                     ["text/plain", ("related", ["text/html", "image/png", "image/jpeg"])]),
                    "application/pdf",
                    "text/csv",
                ],
            ),
        ),
    ],
)  # fmt: skip
def test_the_tree_is_what_the_message_holds(
    composer: Composer,
    html: bool,
    images: tuple[RelatedImage, ...],
    attachments: tuple[str, ...],
    expected: object,
) -> None:
    shown = body(HTML, "Ann", images=images) if html else None
    content = Content("s", body("Hello §\n", "Ann"), shown, attachments=attachments)
    assert tree(read(composer, content)) == expected


def test_an_image_is_related_by_its_content_id(composer: Composer) -> None:
    html = body('<img src="cid:logo@news">§', "x", images=IMAGES)
    message = read(composer, Content("s", body("x\n"), html))
    related = list(message.iter_parts())[1]
    assert related["Content-Type"].params["type"] == "text/html"
    logo, size = leaves(message)[2:]
    assert logo["Content-ID"] == "<logo@news>"
    assert logo["Content-Location"] is None
    assert logo["Content-Disposition"] == 'inline; filename="logo.png"'
    assert size.get_filename() == "größe.jpg"


def test_an_image_is_related_by_its_content_location(write_campaign: WriteCampaign) -> None:
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


def test_a_location_longer_than_a_line_is_refused(write_campaign: WriteCampaign) -> None:
    composer = composer_of(write_campaign('related_by = "content-location"'))
    images = (RelatedImage("logo.png", ("图" * 80 + "/") * 6 + "logo.png"),)
    with pytest.raises(MessageError, match=r"^row 7: Content-Location is too long: .*shorten it"):
        compose(composer, Content("s", body("x\n"), body("y\n", images=images)))


@pytest.mark.parametrize(
    ("base", "complaint"),
    [
        ("https://example.org/" + "x" * 1200, "is too long"),
        ("https://example.org/=?utf-8?q?=0A?=", "takes for an encoded-word"),
    ],
)
def test_a_content_base_that_cannot_be_written_is_a_campaign_error(
    write_campaign: WriteCampaign, base: str, complaint: str
) -> None:
    campaign = write_campaign('related_by = "content-location"', f'content_base = "{base}"')
    with pytest.raises(CampaignError, match=f"^campaign.toml: message.content_base: .*{complaint}"):
        composer_of(campaign)


@pytest.mark.parametrize(
    ("images", "complaint"),
    [
        ((RelatedImage("logo.png", "a@b"), RelatedImage("größe.jpg", "a@b")), "same reference"),
        ((RelatedImage("logo.png", "a b@c"),), "cannot be a Content-ID"),
        ((RelatedImage("logo.png", "a@b>\r\nBcc: eve@example.org"),), "cannot be a Content-ID"),
        ((RelatedImage("logo.png", ""),), "cannot be a Content-ID"),
        ((RelatedImage("logo.png", "x" * 1000),), "Content-ID is too long"),
    ],
)
def test_a_reference_that_is_none_is_refused(
    composer: Composer, images: tuple[RelatedImage, ...], complaint: str
) -> None:
    with pytest.raises(MessageError, match=complaint):
        compose(composer, Content("s", body("x\n"), body("y\n", images=images)))


def test_a_file_name_outside_ascii_is_read_by_old_and_new_readers(composer: Composer) -> None:
    content = Content("s", body("x\n"), attachments=("报价单.csv",))
    octets = bytes(compose(composer, content))
    assert b"filename*=utf-8''%E6%8A%A5%E4%BB%B7%E5%8D%95.csv" in octets
    assert b'name="=?utf-8?b?5oql5Lu35Y2VLmNzdg==?="' in octets


def test_a_boundary_is_in_no_body(composer: Composer) -> None:
    """A person who puts our own boundary into a cell changes nothing."""
    content = Content(
        "s", body("§\n", "x"), body("<p>§</p>\n", "x", images=IMAGES), attachments=ATTACHMENTS
    )
    octets = bytes(compose(composer, content))
    boundaries = {
        part.get_boundary() for part in parse(octets).walk() if part.get_boundary() is not None
    }
    assert len(boundaries) == 3
    for boundary in boundaries:
        forged = f"--{boundary}\n\nforged"
        html = replace(content.html, values=(forged,)) if content.html else None
        again = parse(
            bytes(compose(composer, replace(content, text=body("§\n", forged), html=html)))
        )
        assert len(leaves(again)) == len(leaves(parse(octets)))
        assert leaves(again)[0].get_content() == canonical(forged)


def test_smtputf8_is_asked_for_only_where_an_address_needs_it(
    composer: Composer, write_campaign: WriteCampaign
) -> None:
    content = Content("Grüße", body("é\n"))
    plain = compose(composer, content, replace(ANN, mailbox=parse_mailbox("a@bücher.example")))
    assert (plain.eightbit, plain.smtputf8) == (False, False)
    assert b"To: a@xn--bcher-kva.example\r\n" in bytes(plain)
    utf8 = compose(composer, content, replace(ANN, mailbox=parse_mailbox("jörg@bücher.example")))
    assert (utf8.eightbit, utf8.smtputf8) == (True, True)
    assert "To: jörg@bücher.example\r\n".encode() in bytes(utf8)
    replied = compose(composer, replace(content, reply_to="jörg@example.org"))
    assert replied.smtputf8
    sent = compose(composer_of(write_campaign(sender="jörg@example.org")), content)
    assert sent.smtputf8


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(contents())
@example(Content("Grüße", body("Grüße, §\n", "Zoë"), body("<p>Größe §</p>\n", "é", images=IMAGES)))
def test_a_message_of_8_bits_is_read_as_the_same(
    campaign: Campaign, eightbit: Composer, content: Content
) -> None:
    composed = compose(eightbit, content)
    octets = bytes(composed)
    message = parse(octets)
    expected = built_by_email_message(campaign, content)
    assert [described(part) for part in message.walk()] == [
        described(part) for part in expected.walk()
    ]
    assert octets.partition(b"\r\n\r\n")[0].isascii()
    assert_canonical(octets)
    assert composed.eightbit is not octets.isascii()
    assert composed.eightbit is not prepare(composed.chunks, stuffing=True).ascii
    assert not composed.smtputf8


def test_what_holds_a_part_of_8_bits_says_so_itself(eightbit: Composer, composer: Composer) -> None:
    """RFC 2045, 6.4: without the field a multipart is 7bit, and so is all that is in it."""
    html = body("<p>Größe §</p>\n", "é", images=IMAGES[:1])
    content = Content("s", body("Grüße\n"), html, attachments=ATTACHMENTS[:1])
    fields = [part["Content-Transfer-Encoding"] for part in read(eightbit, content).walk()]
    assert fields == ["8bit", "8bit", "8bit", "8bit", "8bit", "base64", "base64"]
    for part in read(composer, content).walk():
        assert ("Content-Transfer-Encoding" in part) is not part.is_multipart()


def test_what_is_the_same_for_all_is_shared_and_what_is_a_persons_own_is_in_few_chunks(
    composer: Composer,
) -> None:
    paragraph = "<p>" + "word " * 2000 + "</p>"
    structure = Structure((paragraph, "\n<b>", "</b>\n"), IMAGES)
    content = Content("s", body("x\n"), Body(structure, ("Ann", "Bob")), attachments=ATTACHMENTS)
    first = compose(composer, content)
    again = compose(composer, replace(content, subject="t"))
    shared = [chunk for chunk in first.chunks if any(chunk is other for other in again.chunks)]
    parts = [part.encoded for part in map(composer._parts.part, ATTACHMENTS)]
    parts += [composer._parts.part(image.path).encoded for image in IMAGES]
    assert all(any(chunk is part for chunk in shared) for part in parts)
    own = [chunk for chunk in first.chunks if not any(chunk is other for other in shared)]
    assert len(own) <= 3 + len(ATTACHMENTS)
    assert not any(chunk for chunk in first.chunks if len(chunk) > 998 and type(chunk) is bytes)


def test_a_structure_is_compiled_once(campaign: Campaign) -> None:
    fresh = composer_of(campaign)
    text, html = Structure(("Dear ", ",\n")), Structure(("<p>", "</p>\n"))
    compiled = set()
    for name in ("Ann", "Zoë", "李"):
        compose(fresh, Content("s", Body(text, (name,)), Body(html, (name,))))
        compiled.add((id(fresh._compiled_text.find(text)), id(fresh._compiled_html.find(html))))
    assert len(compiled) == 1


def test_a_structure_made_for_one_person_leaves_nothing_behind(campaign: Campaign) -> None:
    fresh = composer_of(campaign)
    shared = Structure(("Dear ", ",\n"))
    for number in range(50):
        single = body(f"<p>{number}</p>\n")
        compose(fresh, Content("s", Body(shared, ("Ann",)), single))
        del single
    gc.collect()
    assert len(fresh._compiled_html) == 0
    assert len(fresh._compiled_text) == 1


def test_what_is_kept_of_structures_is_bounded() -> None:
    from mailmerge.mime.encoding import compile_text
    from mailmerge.mime.message import _Compiled, _CompiledBody

    compiled = _Compiled(bound=2)
    structures = [Structure((str(number),)) for number in range(3)]
    bodies = [_CompiledBody(compile_text(each.static), b"", ()) for each in structures]
    compiled.keep(structures[0], bodies[0])
    compiled.keep(structures[1], bodies[1])
    assert compiled.find(structures[0]) is bodies[0]
    compiled.keep(structures[2], bodies[2])
    assert compiled.find(structures[1]) is None
    assert compiled.find(structures[0]) is bodies[0]
    assert len(compiled) == 2


def test_lanes_compose_at_the_same_time(campaign: Campaign) -> None:
    text, html = Structure(("Dear ", ",\n")), Structure(("<p>", "</p>\n"), IMAGES)
    names = [f"{name} {number}" for number in range(60) for name in ("Ann", "Zoë", "李")]

    def content(name: str) -> Content:
        single = name.startswith("Zoë")
        shown = body(f"<p>{name}</p>\n") if single else Body(html, (name,))
        return Content(name, Body(text, (name,)), shown, attachments=("terms.pdf",))

    alone = composer_of(campaign)
    expected = [bytes(compose(alone, content(name))) for name in names]
    shared = composer_of(campaign)
    with ThreadPoolExecutor(8) as lanes:
        composed = list(lanes.map(lambda name: bytes(compose(shared, content(name))), names))
    assert composed == expected


def test_the_sender_and_the_reverse_path(write_campaign: WriteCampaign) -> None:
    own = composer_of(write_campaign(sender="Zoë News <news@bücher.example>"))
    assert own.sender.display_name == "Zoë News"
    assert own.reverse_path == "news@xn--bcher-kva.example"
    other = composer_of(write_campaign('reverse_path = "bounces@example.org"'))
    assert other.reverse_path == "bounces@example.org"
    assert other.sender.address == "news@example.org"


@pytest.mark.parametrize(
    ("lines", "sender", "key"),
    [
        ((), "news", "message.from"),
        ((), "a@example.org, b@example.org", "message.from"),
        (('reverse_path = "Bounces <b@example.org>"',), "news@example.org", "message.reverse_path"),
    ],
)
def test_an_address_of_the_campaign_that_is_none_is_a_campaign_error(
    write_campaign: WriteCampaign, lines: tuple[str, ...], sender: str, key: str
) -> None:
    campaign = write_campaign(*lines, sender=sender)
    with pytest.raises(CampaignError, match=rf"^campaign.toml: {key}: "):
        composer_of(campaign)


GOOD = Content("s", body("x\n"))


@pytest.mark.parametrize(
    ("content", "error", "complaint"),
    [
        (replace(GOOD, subject=" "), MessageError, "the subject is empty"),
        (replace(GOOD, subject="\u00a0\u200b"), MessageError, "the subject is empty"),
        (replace(GOOD, subject="a\nBcc: eve@example.org"), MessageError, "Subject holds"),
        (replace(GOOD, to_name="Ann\r\nBcc: eve@example.org"), MessageError, "display name holds"),
        (replace(GOOD, headers=(("X-Note", "a\x00"),)), MessageError, "X-Note holds"),
        (replace(GOOD, headers=(("X\r\nBcc", "a"),)), MessageError, "is not a header field name"),
        (replace(GOOD, reply_to="nobody"), AddressError, "Reply-To: .* has no @ sign"),
        (replace(GOOD, attachments=("gone.pdf",)), AssetError, "there is no such file"),
        (replace(GOOD, attachments=("a\nb",)), MessageError, "the file name holds"),
        (replace(GOOD, text=body("\ud800")), MessageError, "surrogate"),
        (replace(GOOD, text=body("§\n", "\ud800")), MessageError, "surrogate"),
        (replace(GOOD, html=body("é§\n", "\udfff")), MessageError, "surrogate"),
    ],
)
def test_an_error_names_the_row(
    composer: Composer, content: Content, error: type[MailmergeError], complaint: str
) -> None:
    with pytest.raises(error, match=complaint) as caught:
        compose(composer, content)
    assert caught.value.problem.row == 7


def test_a_date_without_a_zone_and_a_wrong_message_id_are_refused(composer: Composer) -> None:
    for date, message_id in [(DATE.replace(tzinfo=None), MESSAGE_ID), (DATE, "abc")]:
        with pytest.raises(MessageError):
            composer.compose(ANN, GOOD, message_id=message_id, date=date)


@pytest.mark.parametrize(
    "block",
    [
        b"A: 1\r\n\r\nB: 2\r\n",
        b"A: 1\r\nBcc: x\r\nB: 2\r\n",
        b"A: 1\nBcc: x\r\nB: 2\r\n",
        b"A: 1\rBcc: x\r\nB: 2\r\n",
        b"A: 1\r\n",
    ],
)
def test_the_octets_are_counted_at_last(block: bytes) -> None:
    check_fields(b"A: 1\r\n 2\r\nB: 2\r\n", 2)
    with pytest.raises(MessageError, match="nobody asked for"):
        check_fields(block, 2)


def test_a_field_without_a_value_is_left_out(composer: Composer) -> None:
    content = replace(GOOD, headers=(("X-Empty", ""), ("X-Spaces", "  "), ("X-Full", "1")))
    message = read(composer, content)
    assert [name for name in message if name.startswith("X-")] == ["X-Full"]
