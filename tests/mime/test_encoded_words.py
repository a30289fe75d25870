"""Encoded-words keep to RFC 2047, and a reader gets the text back."""

from __future__ import annotations

import random
import re
from email.header import decode_header, make_header

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmerge.mime.encoded_words import encode_where_needed, encoded_words, is_plain
from mailmerge.mime.headers import unstructured_field
from tests.mime.reading import header_texts, read_field

ENCODED_WORD = re.compile(r"=\?[^?]*\?[bq]\?[^?]*\?=")
EMPTY_WORD = re.compile(r"=\?utf-8\?[bq]\?\?=")


@given(header_texts())
@example("中" * 100)
@example("a" * 30 + " " + "中" * 100)
@example("a" * 60 + " " * 60 + "é" * 30)
@example("é" + "  x" * 60)
@example("a" + " " * 1000 + "b")
@example("é " + "x" * 2000 + " é")
def test_encoded_words_are_short_and_split_no_character(text: str) -> None:
    for line in unstructured_field("Subject", text).decode("ascii").split("\r\n"):
        words = ENCODED_WORD.findall(line)
        assert len(line.lstrip(" ")) <= 76 or not words
        for word in words:
            assert len(word) <= 75
            ((octets, charset),) = decode_header(word)
            assert charset == "utf-8"
            octets.decode("utf-8")


def test_encoded_words_are_readable_where_the_text_is_latin() -> None:
    assert encoded_words("Neues aus Köln") == ["=?utf-8?q?Neues_aus_K=C3=B6ln?="]
    assert encoded_words("中文") == ["=?utf-8?b?5Lit5paH?="]


def test_long_field_name_keeps_encoded_words_short() -> None:
    name = "X-" + "N" * 70
    field = unstructured_field(name, "中文" * 30)
    assert read_field(field) == "中文" * 30
    assert max(map(len, field.split(b"\r\n")[1:])) <= 76
    assert max(map(len, ENCODED_WORD.findall(field.decode()))) <= 75


def test_address_in_a_free_field_is_not_encoded() -> None:
    value = "Zoë Łukasz <zoe@example.org>, Jörg <joerg@example.org>, x@example.org, Ann  é"
    field = unstructured_field("Disposition-Notification-To", value)
    assert read_field(field) == value
    for address in (b" <zoe@example.org>,", b" <joerg@example.org>,", b" x@example.org,"):
        assert address in field


@given(header_texts())
@example("a  b")
@example(" a")
@example("é   é")
def test_encoded_text_is_never_empty(text: str) -> None:
    """RFC 2047, 2: encoded-text is one character or more."""
    assert not EMPTY_WORD.search(unstructured_field("Subject", text).decode("ascii"))


def test_no_subject_of_many_random_ones_has_an_empty_word() -> None:
    chance = random.Random(2047)
    fragments = ["a", "b@c.d", "é", "中", "", "", "=?", "x" * 30]
    encoded = 0
    for _ in range(5000):
        words = chance.choices(fragments, k=chance.randrange(1, 9))
        field = unstructured_field("Subject", " ".join(words)).decode("ascii")
        encoded += "=?utf-8?" in field
        assert not EMPTY_WORD.search(field), words
    assert encoded > 1000


def test_empty_text_is_not_encoded() -> None:
    with pytest.raises(AssertionError, match="RFC 2047"):
        encoded_words("")


@given(st.text(min_size=1, max_size=80), st.integers(0, 75))
@example("😀" * 40, 30)
def test_text_is_read_again_and_the_first_word_fits(text: str, room: int) -> None:
    words = encoded_words(text, room)
    assert str(make_header(decode_header("\r\n ".join(words)))) == text
    assert max(map(len, words)) <= 75
    if room >= 30:
        assert len(words[0]) <= room


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("Hello", "Hello"),
        ("Hello é", "Hello =?utf-8?b?w6k=?="),
        ("é and é", "=?utf-8?b?w6kgYW5kIMOp?="),
        ("Café and more Café", "=?utf-8?q?Caf=C3=A9_and_more_Caf=C3=A9?="),
        ("é a@b.c é", "=?utf-8?b?w6k=?= a@b.c =?utf-8?b?w6k=?="),
        ("a  b", "=?utf-8?q?a_?= b"),
        ("a =?x b", "a =?utf-8?b?PT94?= b"),
    ],
)
def test_only_words_that_need_it_are_encoded(value: str, encoded: str) -> None:
    assert encode_where_needed("Subject", value) == encoded


@pytest.mark.parametrize(
    ("text", "plain"), [("Hello", True), ("é", False), ("a\n", False), ("=?", False), ("", True)]
)
def test_plain_text_is_printable_ascii(text: str, plain: bool) -> None:
    assert is_plain(text) is plain
