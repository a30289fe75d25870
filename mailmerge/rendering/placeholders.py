"""Words that stand for values while a page goes through the parser and the inliner."""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Mapping, Sequence


class Placeholders:
    """A word for each value of a page, by the index of the value.

    All words have the same form, so that they can be found in any text. They begin with ten random
    letters, chosen for each renderer, so that no template or cell contains one by chance. The
    letters are lower-case consonants: no step between template and page changes them, and no other
    word looks like them.

    Attributes:
        pattern: matches every word; its group 1 is the index in decimal.
    """

    def __init__(self) -> None:
        self._stem = "zq" + "".join(secrets.choice("bcdfghjkmnpqrstvwx") for _ in range(10))
        self.pattern = re.compile(self._stem + r"(\d{6})z")

    def word(self, index: int) -> str:
        """The word that stands for the value `index`."""
        return f"{self._stem}{index:06d}z"

    def within(self, text: str) -> list[int]:
        """The indices of the values whose words a text holds, in their order."""
        return [int(number) for number in self.pattern.findall(text)]

    def split(self, text: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The texts between the words, and the indices of the values."""
        pieces = self.pattern.split(text)
        return tuple(pieces[::2]), tuple(map(int, pieces[1::2]))

    def first(self, text: str) -> list[tuple[int, bool]]:
        """The values that only spaces and other values precede.

        Each comes with whether a space follows it: if the value were empty, that space would begin
        the text.
        """
        pieces, indices = self.split(text)
        followed = [piece[:1].isspace() for piece in pieces[1:]]
        return list(zip(indices, followed, strict=True))[: _leading_blanks(pieces)]

    def last(self, text: str) -> list[tuple[int, bool]]:
        """The values that only spaces and other values follow.

        Each comes with whether a space precedes it.
        """
        pieces, indices = self.split(text)
        preceded = [piece[-1:].isspace() for piece in pieces[:-1]]
        return list(zip(indices, preceded, strict=True))[::-1][: _leading_blanks(pieces[::-1])]

    def replace(self, text: str, values: Mapping[int, str]) -> str:
        """The text with some of its words replaced by values."""
        return self.pattern.sub(lambda found: values.get(int(found[1]), found[0]), text)


def _leading_blanks(texts: Sequence[str]) -> int:
    """How many texts are blank before the first one that is not."""
    return sum(1 for _ in itertools.takewhile(lambda text: not text.strip(), texts))
