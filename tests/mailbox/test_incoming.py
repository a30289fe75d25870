"""Mails are read within bounds, whatever their structure, size and character set are."""

from __future__ import annotations

import base64
import time
import zipfile
from io import BytesIO

import pytest

from mailmerge.mailbox.incoming import MOST_BYTES, Fields, read_mail

HEAD = b"From: a@example.org\nSubject: x\nMIME-Version: 1.0\n"


def test_text_of_each_encoding_is_decoded() -> None:
    text = "Grüße aus 北京\n"
    coded = base64.b64encode(text.encode("gb18030"))
    raw = (
        HEAD
        + b"Content-Type: text/plain; charset=gbk\nContent-Transfer-Encoding: base64\n\n"
        + coded
    )
    assert read_mail(raw).text == text
    quoted = HEAD + (
        b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        b"Gr=C3=BC=C3=9Fe an a=\nlle\n"
    )
    assert read_mail(quoted).text == "Grüße an alle\n"


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_every_kind_of_line_end_is_read(ends: bytes) -> None:
    raw = HEAD + b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\none\n--b--\n'
    mail = read_mail(raw.replace(b"\n", ends))
    assert mail.fields["subject"] == "x"
    assert mail.text == "one"


def test_html_alone_is_shown_as_text() -> None:
    raw = HEAD + b"Content-Type: text/html\n\n<style>p{x}</style><p>user&nbsp;<b>unknown</b></p>"
    assert read_mail(raw).text.split() == ["user", "unknown"]


def test_folded_and_repeated_fields_are_read() -> None:
    fields = Fields("References: <a@b>\n <c@d>\nReceived: one\nReceived: two\nno field\n")
    assert fields["references"] == "<a@b> <c@d>"
    assert (fields["received"], fields.all("received")) == ("one", ["one", "two"])
    assert set(fields) == {"references", "received"}


def subject(value: str) -> str:
    return read_mail(f"Subject: {value}\n\n".encode()).subject


def test_encoded_words_are_decoded_whatever_they_hold() -> None:
    assert subject("=?utf-8?b?6YCA6K6i?=") == "退订"
    assert subject("=?x-unknown?q?caf=E9?=") == "café"
    assert subject("=?utf-8?b?!!!?= x")
    assert subject("Grüße") == "Grüße"


@pytest.mark.parametrize(
    "charset", ["rot13", "punycode", "idna", "zip", "hex", "x" * 300, "base64"]
)
def test_codecs_that_are_no_character_sets_are_not_used(charset: str) -> None:
    raw = HEAD + f"Content-Type: text/plain; charset={charset}\n\n".encode() + b"caf\xc3\xa9"
    assert read_mail(raw).text == "café"


def test_wrongly_folded_boundary_is_found_in_the_body() -> None:
    raw = (
        HEAD
        + b"Content-Type: multipart/mixed;\n\n--b1\nContent-Type: text/plain\n\nunknown\n--b1--\n"
    )
    assert read_mail(raw).text == "unknown"


def deep(levels: int) -> bytes:
    body = b"text"
    for level in range(levels):
        name = b"b%d" % level
        body = (
            b"Content-Type: multipart/mixed; boundary=" + name + b"\n\n--" + name + b"\n" + body
            + b"\n--" + name + b"--\n"
        )  # fmt: skip
    return b"From: a@b.example\n" + body


def zip_bomb() -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(50_000_000))
    return (
        HEAD + b"Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(packed.getvalue())
    )  # fmt: skip


HOSTILE = {
    "deep parts": deep(5_000),
    "many parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "long header": b"X: " + b"a" * 5_000_000 + b"\n\nx",
    "many fields": b"X: 1\n" * 500_000 + b"\n",
    "endless folding": b"X: a\n" + b" b\n" * 300_000 + b"\n",
    "long boundary": HEAD + b"Content-Type: multipart/mixed; boundary=" + b"b" * 500_000 + b"\n\n",
    "zip bomb": zip_bomb(),
    "open tags": HEAD + b"Content-Type: text/html\n\n" + b"<style" * 200_000,
    "open brackets": HEAD + b"Content-Type: text/html\n\n" + b"<" * 1_000_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?=" * 100_000 + b"\n\n",
    "addresses": HEAD + b"\n" + b"a@" * 500_000,
    "dots": HEAD + b"\n" + b"a@b" + b".c" * 500_000,
    "ids": HEAD + b"\n" + b"Message-ID: <a@b>\n" * 60_000,
    "nothing": b"",
    "zeros": bytes(1_000_000),
    "no header": b"\n\n\n\n",
    "bad base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"=" * 100_000 + b"A" * 99_999,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mails_cost_little_and_raise_nothing(name: str) -> None:
    from mailmerge.mailbox.classify import classify

    begun = time.process_time()
    mail = read_mail(HOSTILE[name])
    assert len(mail.parts) <= 40
    assert sum(len(part.text) for part in mail.parts) < 40 * MOST_BYTES
    assert classify(HOSTILE[name]).kind in {"other", "bounced"}
    assert time.process_time() - begun < 5  # a pattern of quadratic time takes minutes
