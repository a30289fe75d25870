from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailmerge.rendering.placeholders import Placeholders

WORDS = Placeholders()


@given(st.lists(st.integers(0, 999_999), max_size=6), st.text(max_size=20))
def test_words_are_found_again_in_any_text(indices: list[int], text: str) -> None:
    joined = text + text.join(map(WORDS.word, indices))
    assert WORDS.within(joined) == indices
    texts, found = WORDS.split(joined)
    assert found == tuple(indices)
    assert len(texts) == len(indices) + 1


def test_words_survive_case_folding_and_are_letters_and_digits() -> None:
    word = WORDS.word(7)
    assert word == word.lower()
    assert word.isascii()
    assert word.isalnum()


def test_each_renderer_has_other_words() -> None:
    assert len({Placeholders().word(1) for _ in range(50)}) == 50


def test_words_of_others_are_plain_text() -> None:
    assert WORDS.within(Placeholders().word(1)) == []


def test_first_values_have_nothing_but_spaces_before_them() -> None:
    text = f" {WORDS.word(3)} {WORDS.word(4)}x{WORDS.word(5)}"
    assert WORDS.first(text) == [(3, True), (4, False)]
    assert WORDS.first(f"x{WORDS.word(1)}") == []


def test_last_values_have_nothing_but_spaces_after_them() -> None:
    text = f"{WORDS.word(3)}x{WORDS.word(4)} {WORDS.word(5)}\n"
    assert WORDS.last(text) == [(5, True), (4, False)]
    assert WORDS.last(f"{WORDS.word(1)}x") == []


def test_only_given_words_are_replaced() -> None:
    text = f"a{WORDS.word(1)}b{WORDS.word(2)}"
    assert WORDS.replace(text, {1: "X"}) == f"aXb{WORDS.word(2)}"
