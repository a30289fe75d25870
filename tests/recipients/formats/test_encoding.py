"""Octets become text strictly, or not at all."""

from __future__ import annotations

import io

import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.formats import encoding as encoding_module
from mailmerge.recipients.formats.encoding import decide_encoding


def decide(octets: bytes, wanted: str = "") -> str:
    return decide_encoding(io.BytesIO(octets), "r.csv", wanted).codec


def refused(octets: bytes, wanted: str = "") -> SpreadsheetError:
    with pytest.raises(SpreadsheetError) as caught:
        decide(octets, wanted)
    return caught.value


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1252", "email;Ort\na@x.org;Köln\nb@x.org;Málaga\nc@x.org;Østerby\n"),
        ("cp1252", "email,name\n" + "a@x.org,Bob\n" * 50 + "b@x.org,Renée\n"),
        ("cp1250", "email;miasto\na@x.org;Łódź\nb@x.org;Żaneta\nc@x.org;Łukasz\n"),
        ("cp1251", "email;город\na@x.org;Москва\nb@x.org;Иван\n"),
        ("cp1253", "email,name\na@x.org,Γιώργος\nb@x.org,Ελένη\n"),
        ("cp1254", "email,name\na@x.org,Şükrü Yağız\nb@x.org,Çiğdem\n"),
        ("cp1255", "email,name\na@x.org,דוד\nb@x.org,שרה כהן\n"),
        ("cp1257", "email,name\na@x.org,Jānis Bērziņš\nb@x.org,Žydrūnė\n"),
        ("cp1256", "email,name\na@x.org,محمد\nb@x.org,فاطمة\n"),
        ("gb18030", "email,城市\na@x.org,广州\nb@x.org,乌鲁木齐\n"),
        ("cp950", "email,城市\na@x.org,台北\nb@x.org,高雄\n"),
        ("cp932", "email,都市\na@x.org,東京\nb@x.org,さくら\n"),
    ],
)
def test_a_list_of_people_is_recognised(codec: str, text: str) -> None:
    octets = text.encode(codec)
    assert octets.decode(decide(octets)) == text


def test_ascii_and_utf_8_need_no_word() -> None:
    for text in ("email\na@x.org\n", "email\nÅsa,张伟,😀\n"):
        assert decide_encoding(io.BytesIO(text.encode()), "r.csv").notice is None


@pytest.mark.parametrize("wanted", ["gb18030", "GBK", "windows-1252", "latin-1", "UTF-8"])
def test_what_is_asked_for_is_taken_without_a_word(wanted: str) -> None:
    octets = "email,é\n".encode(wanted)
    decided = decide_encoding(io.BytesIO(octets), "r.csv", wanted)
    assert octets.decode(decided.codec) == "email,é\n"
    assert decided.notice is None


@pytest.mark.parametrize("wanted", ["klingon", "base64", "rot13"])
def test_what_is_no_encoding_is_refused(wanted: str) -> None:
    assert refused(b"email\n", wanted).problem.code == "encoding-unknown"


def test_what_is_asked_for_must_fit() -> None:
    error = refused(b"email\r\na\r\nM\xfcller\n", "utf-8")
    assert error.problem.row == 3
    assert "line 3, byte 11 (hex FC) is not UTF-8" in str(error)


def test_a_mark_is_believed_and_checked() -> None:
    assert "is not UTF-8" in str(refused(b"\xef\xbb\xbfemail\nM\xfcller\n"))
    assert "is not UTF-16" in str(refused(b"\xff\xfea\0\x00\xd8b\0"))


def test_a_line_of_utf_8_among_windows_lines_is_no_windows_file() -> None:
    windows = "".join(f"p{n}@x.org;Müller\n" for n in range(10)).encode("cp1252")
    error = refused(b"email;name\n" + windows + "z@x.org;Zoë\n".encode())
    assert error.problem.code == "encoding-mixed"
    assert error.problem.row == 2


def test_an_octet_far_down_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding_module, "_SAMPLE", 2000)
    lines = "".join(f"p{n}@x.org,王小明\n" for n in range(1000)).encode("gb18030")
    error = refused(b"email,name\n" + lines + b"z@x.org,Jos\xe9\n")
    assert error.problem.row == 1002
    assert "is not GB18030" in str(error)


def test_what_is_in_no_encoding_is_refused() -> None:
    assert refused(bytes(range(128, 256)) * 4).problem.code == "encoding-mixed"


def test_blocks_cut_characters_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    octets = "email\n姓名😀é\n姓名\n".encode()
    for size in range(1, 9):
        monkeypatch.setattr(encoding_module, "_BLOCK", size)
        assert decide(octets) == "utf-8"
        error = refused(octets + b"\xff\n")
        assert (error.problem.row, f"byte {len(octets)} " in str(error)) == (4, True)
        assert decide("email\n王小明,李娜\n".encode("gb18030")) == "gb18030"


def test_among_equals_one_is_chosen_and_said_with_an_example() -> None:
    # Every octet pair of this name is a common character of two standards.
    octets = "email,name\na@x.org,李娜\n".encode("gb18030")
    decided = decide_encoding(io.BytesIO(octets), "r.csv")
    assert decided.codec in {"gb18030", "cp950"}
    assert decided.notice is not None
    assert octets.decode(decided.codec)[19:21] in decided.notice.message
