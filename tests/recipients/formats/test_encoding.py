"""Bytes become text strictly, or not at all."""

from __future__ import annotations

import io

import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.formats.encoding import decide_encoding


def decide(content: bytes, wanted: str = "") -> str:
    return decide_encoding(io.BytesIO(content), "r.csv", wanted).codec


def refused(content: bytes, wanted: str = "") -> SpreadsheetError:
    with pytest.raises(SpreadsheetError) as caught:
        decide(content, wanted)
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
def test_a_list_of_names_is_recognised(codec: str, text: str) -> None:
    content = text.encode(codec)
    assert content.decode(decide(content)) == text


def test_ascii_and_utf_8_need_no_notice() -> None:
    for text in ("email\na@x.org\n", "email\nÅsa,张伟,😀\n"):
        assert decide_encoding(io.BytesIO(text.encode()), "r.csv").notice is None


@pytest.mark.parametrize("wanted", ["gb18030", "GBK", "windows-1252", "latin-1", "UTF-8"])
def test_a_wanted_encoding_needs_no_notice(wanted: str) -> None:
    content = "email,é\n".encode(wanted)
    decided = decide_encoding(io.BytesIO(content), "r.csv", wanted)
    assert content.decode(decided.codec) == "email,é\n"
    assert decided.notice is None


@pytest.mark.parametrize("wanted", ["klingon", "base64", "rot13"])
def test_an_unknown_encoding_is_refused(wanted: str) -> None:
    assert refused(b"email\n", wanted).problem.code == "encoding-unknown"


def test_a_wanted_encoding_must_fit() -> None:
    error = refused(b"email\r\na\r\nM\xfcller\n", "utf-8")
    assert error.problem.row == 3
    assert "line 3, byte 11 (hex FC) is not UTF-8" in str(error)


def test_a_byte_order_mark_is_checked() -> None:
    assert "is not UTF-8" in str(refused(b"\xef\xbb\xbfemail\nM\xfcller\n"))
    assert "is not UTF-16" in str(refused(b"\xff\xfea\0\x00\xd8b\0"))


def test_one_line_of_utf_8_makes_a_windows_file_mixed() -> None:
    windows = "".join(f"p{n}@x.org;Müller\n" for n in range(10)).encode("cp1252")
    error = refused(b"email;name\n" + windows + "z@x.org;Zoë\n".encode())
    assert error.problem.code == "encoding-mixed"
    assert error.problem.row == 2


def test_a_byte_far_down_that_does_not_fit_is_named() -> None:
    lines = "".join(f"p{n}@x.org,王小明\n" for n in range(10_000)).encode("gb18030")
    assert len(lines) > 2 * 65_536  # the judgement looks at so many bytes
    error = refused(b"email,name\n" + lines + b"z@x.org,Jos\xe9\n")
    assert error.problem.row == 10_002
    assert "is not GB18030" in str(error)


def test_bytes_in_no_encoding_are_refused() -> None:
    assert refused(bytes(range(128, 256)) * 4).problem.code == "encoding-mixed"


@pytest.mark.parametrize("before", range(8))
def test_a_block_may_end_inside_a_character(before: int) -> None:
    block = 1 << 20
    text = "email\n" + "x" * (block - 6 - before) + "姓名😀é\n姓名\n"
    content = text.encode()
    assert decide(content) == "utf-8"
    error = refused(content + b"\xff\n")
    assert (error.problem.row, f"byte {len(content)} " in str(error)) == (4, True)
    content = ("email\n" + "x\n" * ((block - 6) // 2) + "王小明,李娜\n")[before:].encode("gb18030")
    assert decide(content) == "gb18030"


def test_among_equals_one_is_chosen_with_an_example() -> None:
    # Every pair of bytes of this name is a common character of two standards.
    content = "email,name\na@x.org,李娜\n".encode("gb18030")
    decided = decide_encoding(io.BytesIO(content), "r.csv")
    assert decided.codec in {"gb18030", "cp950"}
    assert decided.notice is not None
    assert content.decode(decided.codec)[19:21] in decided.notice.message


CORPUS = {
    "de": (
        "Jürgen Müller;Köln|Sören Groß;Düsseldorf|Käthe Weiß;Gießen",
        ["cp1252", "mac_roman", "cp850"],
    ),
    "fr": (
        "Élodie Lefèvre;Orléans|François Côté;Besançon|Zoë Gaël;Nîmes",
        ["cp1252", "mac_roman", "cp850"],
    ),
    "es": (
        "José Muñoz;Málaga|Begoña Ibáñez;Cádiz|Ángel Núñez;León",
        ["cp1252", "mac_roman", "cp850"],
    ),
    "pt": (
        "João Conceição;São Paulo|Sítio Uwada;maço|José Porão;Brasília",
        ["cp1252", "mac_roman", "cp850"],
    ),
    "sv": (
        "Åsa Sjöberg;Göteborg|Björn Ångström;Malmö|Søren Østergård;Århus",
        ["cp1252", "mac_roman", "cp850"],
    ),
    "pl": (
        "Łukasz Wiśniewski;Łódź|Żaneta Dąbrowska;Kraków|Michał Zając;Gdańsk",
        ["cp1250", "iso8859_2", "cp852", "mac_latin2"],
    ),
    "cs": (
        "Tomáš Dvořák;Plzeň|Jiří Šťastný;Česká Lípa|Lucie Růžičková;Jičín",
        ["cp1250", "iso8859_2", "cp852", "mac_latin2"],
    ),
    "hu": (
        "Gergő Szűcs;Győr|Tünde Kovács;Székesfehérvár|Ödön Tóth;Hódmezővásárhely",
        ["cp1250", "iso8859_2", "cp852"],
    ),
    "ru": (
        "Иван Петров;Москва|Ольга Щербакова;Нижний Новгород|Юрий Жуков;Санкт-Петербург",
        ["cp1251", "koi8_r", "cp866"],
    ),
    "el": ("Γιώργος Παπαδόπουλος;Αθήνα|Ελένη;Θεσσαλονίκη", ["cp1253"]),
    "tr": ("Şükrü Yağız;İstanbul|Çiğdem Öztürk;Eskişehir|Işıl;Muğla", ["cp1254"]),
    "he": ("דוד כהן;תל אביב|שרה לוי;ירושלים", ["cp1255"]),
    "ar": ("محمد علي;القاهرة|فاطمة حسن;الرياض", ["cp1256"]),
    "lt": ("Žydrūnė;Šiauliai|Rūta Kazlauskaitė;Panevėžys|Ąžuolas;Mažeikiai", ["cp1257"]),
    "lv": ("Jānis Bērziņš;Rīga|Līga Kalniņa;Jūrmala", ["cp1257"]),
    "th": ("สมชาย ใจดี;กรุงเทพ|สุดา รักไทย;เชียงใหม่", ["cp874"]),
    "ko": ("김민수;서울|이영희;부산|박지훈;대구", ["cp949"]),
    "ja": ("田中太郎;東京|佐藤さくら;大阪|スズキ;名古屋", ["cp932", "euc_jp", "iso2022_jp"]),
    "zh": ("王小明;北京|李娜;上海|陈伟;广州|赵敏;乌鲁木齐", ["gb18030"]),
    "tw": ("陳美玲;台北|林志明;高雄|張雅婷;臺中", ["cp950"]),
}
"""Names and towns of large languages, and the encodings in which old programs write them."""


@pytest.mark.parametrize(
    ("language", "codec"),
    [(language, codec) for language, (_, codecs) in CORPUS.items() for codec in codecs],
)
def test_names_of_every_large_language_are_read_in_its_encodings(language: str, codec: str) -> None:
    names = CORPUS[language][0].split("|")
    text = "email;name;ort\n" + "".join(f"a{n}@x.org;{one}\n" for n, one in enumerate(names))
    content = text.encode(codec)
    assert content.decode(decide(content)) == text
