"""How likely a text is in the languages of a code page, by its letters outside ASCII.

One byte is another letter in each code page: E5 is å in Windows-1252, ĺ in Windows-1250 and х in
Windows-1251. Which of them was meant shows in the letters around it, and in the other letters of
the text: those of one text are those of one language. `letters.tsv` has a line for each language:
how frequent each letter outside ASCII is, and how frequent each letter before and after it is (^
and $ are the ends of a word). The figures were counted in names, places, streets, professions,
months and languages.

The likelihood is that of a naive Bayes classifier: letters are taken as independent of each other,
apart from their neighbours. All readings of one sample have the same number of letters, because
each byte is one, so the sums can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import islice
from typing import Final

_UNKNOWN_LETTER: Final = -16.0
"""The logarithm of the likelihood of a sign that no word of the language has."""

_UNKNOWN_NEIGHBOUR: Final = -7.0
_OF_NEIGHBOURS: Final = 0.7
"""The weight of the neighbours, which depend on each other."""

_ANOTHER_LANGUAGE: Final = 4.0
_WORDS: Final = 500
_WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u0323]+[^\W\d_]*)*")
_Table = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class _Language:
    letters: Mapping[str, float]
    before: _Table
    after: _Table

    def of_word(self, word: str) -> float:
        around = f"^{word.lower()}$"
        return sum(
            self._likelihood(around[at], around[at - 1], around[at + 1])
            for at in range(1, len(around) - 1)
            if not around[at].isascii()
        )

    def _likelihood(self, letter: str, before: str, after: str) -> float:
        alone = self.letters.get(letter)
        if alone is None:
            return _UNKNOWN_LETTER
        left = self.before.get(letter, {}).get(before, _UNKNOWN_NEIGHBOUR)
        right = self.after.get(letter, {}).get(after, _UNKNOWN_NEIGHBOUR)
        return alone + _OF_NEIGHBOURS * (left + right)


def likelihood(text: str, languages: Sequence[str]) -> float:
    """The logarithm of the likelihood of a text in the best of some languages, such as "de".

    A word may be of another one of the languages, as a name in a list often is; that costs
    something. Signs that are no letters, and capitals within a word, count as letters that no
    language has. The first 500 words decide.
    """
    words = list(islice((one[0] for one in _WORD.finditer(text) if not one[0].isascii()), _WORDS))
    strange = sum(map(_strange_capitals, words))
    strange += sum(not one.isascii() and not one.isalpha() for one in _WORD.sub("", text))
    known = _languages()
    table = [[known[name].of_word(word) for word in words] for name in languages]
    best = [max(column) - _ANOTHER_LANGUAGE for column in zip(*table, strict=True)]
    of_each: list[float] = [sum(map(max, row, best)) for row in table]
    return max(of_each) + min(strange, _WORDS) * _UNKNOWN_LETTER


def _strange_capitals(word: str) -> int:
    """How many letters outside ASCII are capitals within a word of small letters."""
    if word == word.upper():
        return 0
    return sum(not one.isascii() and one.isupper() for one in word[1:])


@cache
def _languages() -> Mapping[str, _Language]:
    file = resources.files("mailmerge.recipients.formats").joinpath("letters.tsv")
    found = {}
    for line in file.read_text("utf-8").splitlines():
        name, letters, before, after = line.split("\t")
        found[name] = _Language(_levels(letters), _table(before), _table(after))
    return found


def _table(text: str) -> _Table:
    return {one[0]: _levels(one[1:]) for one in text.split(" ") if one}


def _levels(text: str) -> Mapping[str, float]:
    """Pairs of a letter and a level: a is certain, each further letter halves the logarithm."""
    return {text[at]: (ord("a") - ord(text[at + 1])) / 2 for at in range(0, len(text) - 1, 2)}
