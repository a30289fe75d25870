"""Counts, sizes and durations in words; text that is safe on a terminal and fits in its columns."""

from __future__ import annotations

import ast
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge import wording
from mailmerge.language import use
from mailmerge.wording import (
    columns_of,
    counted,
    duration_in_words,
    one_line,
    padded,
    prefixed,
    printable,
    size_in_words,
    wrapped,
)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 errors"), (1, "1 error"), (2, "2 errors"), (1_000, "1,000 errors")],
)
def test_a_count_has_its_noun(number: int, words: str) -> None:
    assert counted(number, "error") == words


def test_an_irregular_plural_is_given() -> None:
    assert [counted(number, "query", "queries") for number in (1, 3)] == ["1 query", "3 queries"]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1_023, "1,023 bytes"),
        (2_048, "2.0 KB"),
        (26_214_400, "25.0 MB"),
        (1 << 31, "2.0 GB"),
        (1 << 42, "4,096.0 GB"),
    ],
)
def test_sizes_count_in_powers_of_two(size: int, words: str) -> None:
    assert size_in_words(size) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1.2, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7_199, "120 minutes"),
        (7_200, "2 hours"),
        (172_800, "2 days"),
        (86_400_000, "1,000 days"),
    ],
)
def test_durations_use_a_unit_with_at_least_two(seconds: float, words: str) -> None:
    assert duration_in_words(seconds) == words


# Written as numbers: most of these are invisible in an editor.
BIDI_CONTROLS = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
LINE_BREAKS = [0x0A, 0x0B, 0x0C, 0x0D, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029]
C0_AND_C1 = [*range(0x20), *range(0x7F, 0xA0)]


@pytest.mark.parametrize("code", sorted({*BIDI_CONTROLS, *LINE_BREAKS, *C0_AND_C1, 0xD83D}))
def test_no_control_character_is_printed(code: int) -> None:
    shown = f"a{chr(code)}b"
    assert one_line(shown) == "a\ufffdb"
    assert printable(shown) == (shown if chr(code) in "\t\n" else "a\ufffdb")


def test_text_of_every_script_is_printed_as_it_is() -> None:
    text = "Zoé 王小明 שלום مرحبا 👩‍👩‍👧 …"
    assert printable(text) == one_line(text) == text


@given(st.text())
def test_one_line_is_always_one_line(text: str) -> None:
    shown = one_line(text)
    assert len(shown) == len(text)
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} for one in shown)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("ascii", 5),
        ("e\u0301", 1),
        ("王小明", 6),
        ("ｆｕｌｌ", 8),
        ("ｱ", 1),
        ("\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}", 2),
        ("👩‍👩‍👧", 2),
        ("👍🏽", 2),
        ("🇫🇷", 2),
        ("a\u200bb", 2),
        ("\ufffd", 1),
    ],
)
def test_columns_are_those_of_a_terminal(text: str, columns: int) -> None:
    assert columns_of(text) == columns


def test_padding_counts_columns_and_leaves_a_gap() -> None:
    assert padded("服务器", 8) == "服务器  "
    assert padded("e\u0301", 3) == "e\u0301  "
    assert padded("too long", 3) == "too long "


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("  ", 8, [""]),
        ("one\n\ttwo", 8, ["one two"]),
        ("unbreakable", 4, ["unbr", "eaka", "ble"]),
        ("王小明 王小明", 6, ["王小明", "王小明"]),
        ("一二三四五", 6, ["一二三", "四五"]),
        ("一二三，四五", 6, ["一二", "三，四", "五"]),
        ("一二（三四", 6, ["一二", "（三四"]),
        ("か\u3099か\u3099", 2, ["か\u3099", "か\u3099"]),
        ("👩‍👩‍👧👩‍👩‍👧", 3, ["👩‍👩‍👧", "👩‍👩‍👧"]),
    ],
)
def test_text_is_wrapped_by_columns(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines


def test_the_first_line_may_have_another_beginning() -> None:
    assert wrapped("one two three", 9, first="1. ", rest="   ") == ["1. one", "   two", "   three"]


def test_a_word_goes_below_a_label_that_is_too_long() -> None:
    assert wrapped("word", 8, first="label   ", rest="  ") == ["label   ", "  word"]


@given(st.text(), st.integers(2, 50))
def test_no_line_is_too_wide_and_no_letter_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(columns_of(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def counted_nouns() -> set[str]:
    """The nouns that the package gives to `counted` as literals."""
    calls = (
        node
        for file in Path(wording.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "counted"
    )
    return {
        call.args[1].value
        for call in calls
        if len(call.args) > 1
        and isinstance(call.args[1], ast.Constant)
        and isinstance(call.args[1].value, str)
    }


def test_every_noun_is_counted_in_chinese() -> None:
    nouns = counted_nouns()
    assert {"recipient", "row", "error"} <= nouns
    use("zh_CN")
    for noun in nouns:
        assert not re.search("[A-Za-z]", counted(1_000, noun)), noun
    assert counted(1_000, "recipient") == "1,000 位收件人"


def test_sizes_and_durations_are_chinese() -> None:
    use("zh_CN")
    assert (size_in_words(900), size_in_words(2048)) == ("900 字节", "2.0 KB")
    assert (duration_in_words(90), duration_in_words(10_800)) == ("90 秒", "3 小时")


def test_a_message_about_a_named_thing() -> None:
    assert prefixed("message.subject", "it is empty") == "message.subject: it is empty"
    use("zh_CN")
    assert prefixed("message.subject", "为空") == "message.subject：为空"
