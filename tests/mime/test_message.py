from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, default

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mailmerge.errors import AddressError, AssetError, MailmergeError, MessageError
from mailmerge.mime.encoding import TextEncoder, compile_text
from mailmerge.mime.headers import is_blank
from mailmerge.mime.message import Composer
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import sender_of
from mailmerge.recipients.address import parse_mailbox
from mailmerge.rendering.content import Body, Content, RelatedImage, Structure
from mailmerge.settings import Settings
from mailmerge.smtp.content import prepare
from tests.mime.composing import (
    ANN,
    ATTACHMENTS,
    DATE,
    IMAGES,
    MESSAGE_ID,
    body,
    compose,
    composer_of,
    leaves,
    read,
)
from tests.mime.conftest import WriteCampaign
from tests.mime.reading import (
    assert_canonical,
    canonical,
    header_texts,
    parse,
    structures,
)

FIELDS = ["From", "To", "Subject", "Date", "Message-ID"]


def tree(part: EmailMessage) -> object:
    """The media types of a message and its parts."""
    if part.is_multipart():
        return part.get_content_subtype(), [tree(inner) for inner in part.iter_parts()]  # type: ignore[arg-type]
    return part.get_content_type()


def built_by_email_message(campaign: Settings, content: Content) -> EmailMessage:
    """The same content, built by the standard library, written and read again."""
    message = EmailMessage(SMTP)
    message.set_content(str(content.text))
    if content.html is not None:
        message.add_alternative(str(content.html), subtype="html")
        html = leaves(message)[-1]
        for image in content.html.structure.images:
            file = (campaign.folder / image.path).read_bytes()
            subtype = "png" if image.path.endswith("png") else "jpeg"
            html.add_related(
                file, "image", subtype, cid=f"<{image.reference}>", filename=image.path,
                disposition="inline", params={"name": image.path},
            )  # fmt: skip
        if content.html.structure.images:
            html.set_param("type", "text/html")
    for path in content.attachments:
        file = (campaign.folder / path).read_bytes()
        maintype, subtype = ("text", "csv") if path.endswith("csv") else ("application", "pdf")
        params = {"name": path, **({"charset": "utf-8"} if maintype == "text" else {})}
        message.add_attachment(file, maintype, subtype, filename=path, params=params)
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
        "content": None if part.is_multipart() else part.get_payload(decode=True),
    }


@st.composite
def contents(draw: st.DrawFn) -> Content:
    text = Body(*_structured(draw(structures())))
    html = None
    if draw(st.booleans()):
        images = tuple(draw(st.lists(st.sampled_from(IMAGES), unique=True)))
        html = Body(*_structured(draw(structures()), images))
    return Content(
        draw(header_texts().filter(lambda subject: not is_blank(subject))),
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
def test_message_is_read_as_the_one_of_email_message(
    campaign: Settings, composer: Composer, content: Content
) -> None:
    written = bytes(compose(composer, content))
    message = parse(written)
    expected = built_by_email_message(campaign, content)
    assert [described(part) for part in message.walk()] == [
        described(part) for part in expected.walk()
    ]
    assert not any(part.defects for part in message.walk())
    assert_canonical(written)
    assert written.isascii()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(contents())
def test_header_holds_the_intended_fields_only(composer: Composer, content: Content) -> None:
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
def test_same_arguments_give_the_same_bytes(campaign: Settings, content: Content) -> None:
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
def test_tree_is_as_deep_as_the_content_needs(
    composer: Composer,
    html: bool,
    images: tuple[RelatedImage, ...],
    attachments: tuple[str, ...],
    expected: object,
) -> None:
    shown = body(HTML, "Ann", images=images) if html else None
    content = Content("s", body("Hello §\n", "Ann"), shown, attachments=attachments)
    assert tree(read(composer, content)) == expected


def test_file_name_is_written_for_old_and_new_readers(composer: Composer) -> None:
    content = Content("s", body("x\n"), attachments=("报价单.csv",))
    written = bytes(compose(composer, content))
    assert b"filename*=utf-8''%E6%8A%A5%E4%BB%B7%E5%8D%95.csv" in written
    assert b'name="=?utf-8?b?5oql5Lu35Y2VLmNzdg==?="' in written


def test_boundary_in_a_cell_changes_nothing(composer: Composer) -> None:
    content = Content(
        "s", body("§\n", "x"), body("<p>§</p>\n", "x", images=IMAGES), attachments=ATTACHMENTS
    )
    written = bytes(compose(composer, content))
    boundaries = {
        part.get_boundary() for part in parse(written).walk() if part.get_boundary() is not None
    }
    assert len(boundaries) == 3
    for boundary in boundaries:
        forged = f"--{boundary}\n\nforged"
        html = replace(content.html, values=(forged,)) if content.html else None
        again = parse(
            bytes(compose(composer, replace(content, text=body("§\n", forged), html=html)))
        )
        assert len(leaves(again)) == len(leaves(parse(written)))
        assert leaves(again)[0].get_content() == canonical(forged)


def test_smtputf8_is_needed_only_for_addresses(
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
def test_message_in_8bit_is_read_as_the_same(
    campaign: Settings, eightbit: Composer, content: Content
) -> None:
    composed = compose(eightbit, content)
    written = bytes(composed)
    message = parse(written)
    expected = built_by_email_message(campaign, content)
    assert [described(part) for part in message.walk()] == [
        described(part) for part in expected.walk()
    ]
    assert written.partition(b"\r\n\r\n")[0].isascii()
    assert_canonical(written)
    assert composed.eightbit is not written.isascii()
    assert composed.eightbit is not prepare(composed.chunks, stuffing=True).ascii
    assert not composed.smtputf8


def test_common_bytes_are_shared_and_own_bytes_are_in_few_chunks(campaign: Settings) -> None:
    store = PartStore(campaign.folder)
    composer = Composer(sender_of(campaign), store)
    paragraph = "<p>" + "word " * 2000 + "</p>"
    structure = Structure((paragraph, "\n<b>", "</b>\n"), IMAGES)
    content = Content("s", body("x\n"), Body(structure, ("Ann", "Bob")), attachments=ATTACHMENTS)
    first = compose(composer, content)
    again = compose(composer, replace(content, subject="t"))
    shared = [chunk for chunk in first.chunks if any(chunk is other for other in again.chunks)]
    paths = [*ATTACHMENTS, *(image.path for image in IMAGES)]
    parts = [store.part(path).encoded for path in paths]
    assert all(any(chunk is part for chunk in shared) for part in parts)
    own = [chunk for chunk in first.chunks if not any(chunk is other for other in shared)]
    assert len(own) <= 3 + len(ATTACHMENTS)
    assert not any(chunk for chunk in first.chunks if len(chunk) > 998 and type(chunk) is bytes)


def test_structure_is_compiled_once(campaign: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[tuple[str, ...]] = []

    def listening(static: tuple[str, ...], *, eightbit: bool) -> TextEncoder:
        compiled.append(static)
        return compile_text(static, eightbit=eightbit)

    monkeypatch.setattr("mailmerge.mime.message.compile_text", listening)
    fresh = composer_of(campaign)
    text, html = Structure(("Dear ", ",\n")), Structure(("<p>", "</p>\n"))
    for name in ("Ann", "Zoë", "李"):
        compose(fresh, Content("s", Body(text, (name,)), Body(html, (name,))))
    assert compiled == [text.static, html.static]
    assert fresh.compiled == (1, 1)


def test_structure_of_one_recipient_is_dropped(campaign: Settings) -> None:
    fresh = composer_of(campaign)
    shared = Structure(("Dear ", ",\n"))
    for number in range(50):
        single = body(f"<p>{number}</p>\n")
        compose(fresh, Content("s", Body(shared, ("Ann",)), single))
        del single
    gc.collect()
    assert fresh.compiled == (1, 0)


def test_threads_share_a_composer(campaign: Settings) -> None:
    text, html = Structure(("Dear ", ",\n")), Structure(("<p>", "</p>\n"), IMAGES)
    names = [f"{name} {number}" for number in range(60) for name in ("Ann", "Zoë", "李")]

    def content(name: str) -> Content:
        single = name.startswith("Zoë")
        shown = body(f"<p>{name}</p>\n") if single else Body(html, (name,))
        return Content(name, Body(text, (name,)), shown, attachments=("terms.pdf",))

    alone = composer_of(campaign)
    expected = [bytes(compose(alone, content(name))) for name in names]
    shared = composer_of(campaign)
    with ThreadPoolExecutor(8) as workers:
        composed = list(workers.map(lambda name: bytes(compose(shared, content(name))), names))
    assert composed == expected


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
def test_error_names_the_row(
    composer: Composer, content: Content, error: type[MailmergeError], complaint: str
) -> None:
    with pytest.raises(error, match=complaint) as caught:
        compose(composer, content)
    assert caught.value.problem.row == 7


def test_date_without_zone_and_wrong_message_id_are_refused(composer: Composer) -> None:
    for date, message_id in [(DATE.replace(tzinfo=None), MESSAGE_ID), (DATE, "abc")]:
        with pytest.raises(MessageError):
            composer.compose(ANN, GOOD, message_id=message_id, date=date)


def test_field_without_a_value_is_left_out(composer: Composer) -> None:
    content = replace(GOOD, headers=(("X-Empty", ""), ("X-Spaces", "  "), ("X-Full", "1")))
    message = read(composer, content)
    assert [name for name in message if name.startswith("X-")] == ["X-Full"]
