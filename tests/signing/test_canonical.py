"""The relaxed form, compared with that of dkimpy; shared texts have the digest of their bytes."""

from __future__ import annotations

import hashlib

import dkim.canonicalization
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.octets import Sealed, SharedText
from mailmerge.signing.canonical import body_hash, relaxed_fields, split_message

LINES = st.text(alphabet=" \tab.é", max_size=6).map(lambda text: f"{text}\r\n")
TEXTS = st.lists(LINES, max_size=6).map("".join).map(str.encode)
ENDS = st.sampled_from([b"", b"x", b" ", b"end \t"])
STATIC = st.lists(
    st.text(alphabet=" ab=\t", max_size=5).flatmap(
        lambda text: st.sampled_from([text, f"{text}\r\n", f"\r\n{text}", f" \r\n {text}"])
    ),
    min_size=1,
    max_size=5,
)
VALUES = st.sampled_from(
    [
        "",
        " ",
        "x",
        "Ann",
        "a b",
        "a  b",
        " a",
        "a ",
        "a\tb",
        "\t",
        "=\r\nx",
        "x\r\n",
        "x\r\n y",
        " ",
    ]
)


def plain_hash(body: bytes) -> bytes:
    return hashlib.sha256(dkim.canonicalization.Relaxed.canonicalize_body(body)).digest()


@given(TEXTS, ENDS, st.integers(min_value=1, max_value=9))
def test_digest_of_a_body_is_that_of_dkimpy(text: bytes, end: bytes, cut: int) -> None:
    body = text + end
    chunks = [body[at : at + cut] for at in range(0, len(body), cut)]
    # Without a line end at the end, RFC 6376, 3.4.4 adds one, which dkimpy leaves out.
    whole = body if body.endswith(b"\r\n") or not body.strip(b" \t\r\n") else body + b"\r\n"
    if body.strip(b" \t\r\n"):
        assert body_hash(chunks) == plain_hash(whole)


@given(STATIC, st.data())
def test_shared_text_has_the_digest_of_its_bytes(static: list[str], data: st.DataObject) -> None:
    texts = [text.encode() for text in static]
    texts[-1] += b"\r\n"
    values = [data.draw(VALUES).encode() for _ in texts[1:]]
    pieces = [b""] * (2 * len(texts) - 1)
    pieces[0::2], pieces[1::2] = texts, values
    filled = SharedText(texts).filled(pieces)
    assert body_hash(filled) == body_hash([b"".join(pieces)])


def test_shared_text_is_looked_at_once() -> None:
    shared = SharedText([b"Dear  ", b",\r\n   indented \r\n"])
    for value in (b"Ann", b"Bob of  the\r\n hill"):
        (filled,) = shared.filled([shared.static[0], value, shared.static[1]])
        assert type(filled) is Sealed
        assert filled.origin is not None
        assert body_hash([filled]) == body_hash([bytes(filled)])


@pytest.mark.parametrize(
    "value", [b"", b" ", b"a ", b" a", b"a  b", b"a\tb", b"=\r\nb", b"a \r\nb"]
)
@pytest.mark.parametrize("before", [b"Dear", b"Dear ", b"line\r\n", b"line\r\n "])
@pytest.mark.parametrize("after", [b"\r\n", b" \r\n", b" x\r\n", b"x \r\n"])
def test_white_space_around_a_value_counts(before: bytes, value: bytes, after: bytes) -> None:
    filled = SharedText([before, after]).filled([before, value, after])
    assert body_hash(filled) == body_hash([before + value + after])


def test_header_and_body_are_found_in_any_chunks() -> None:
    whole = b"A: 1\r\nB: 2\r\n 3\r\n\r\nbody\r\n"
    for cut in (1, 2, 5, 100):
        header, body = split_message([whole[at : at + cut] for at in range(0, len(whole), cut)])
        assert header == b"A: 1\r\nB: 2\r\n 3\r\n"
        assert b"".join(body) == b"body\r\n"
    assert split_message([b"A: 1\r\n"]) == (b"A: 1\r\n", [])


@pytest.mark.parametrize(
    ("field", "relaxed"),
    [
        (b"Subject: a \t b \r\n", b"subject:a b"),
        (b"SubJect :x\r\n", b"subject:x"),
        (b"A: one\r\n\ttwo\r\n  three\r\n", b"a:one two three"),
        (b"A:\r\n", b"a:"),
    ],
)
def test_fields_are_unfolded_and_folded_to_one_space(field: bytes, relaxed: bytes) -> None:
    found = relaxed_fields(field)
    assert found.relaxed == (relaxed,)
    assert found.names == (field.partition(b":")[0].rstrip(),)
