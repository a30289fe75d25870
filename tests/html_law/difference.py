"""One difference between the written and the sent page, as one line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_INDEX = re.compile(r"\[\d+\]")
_SHOWN = 90


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        name: a computed property, `box`, `text`, `element`, `attribute NAME`, or `source`.
        path: the element, such as `html>body[1]>table[2]`, as the written page has it.
        written: the value in the page that the author wrote; "" if it has none.
        sent: the value in the page that is sent; "" if it has none.
        where: the views in which it is seen, such as `320 light`.
    """

    name: str
    path: str
    written: str
    sent: str
    where: tuple[str, ...]

    @property
    def kind(self) -> tuple[str, str, str]:
        """The property, the view, and the last two elements of the path without their numbers.

        The view is `plain` for what is seen without a state or a client, with style elements.
        """
        steps = _INDEX.sub("", self.path).split(">")
        views = {where.partition(" ")[2] for where in self.where}
        view = "plain" if views & {"light", "dark", ""} else min(views)
        return self.name, view, ">".join(steps[-2:])

    def __str__(self) -> str:
        """The difference as one line."""
        written, sent = (_short(text) for text in (self.written, self.sent))
        where = ", ".join(self.where)
        return f"{self.name}: {self.path}: written {written}, sent {sent} ({where})"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"{line[:_SHOWN]!r}..." if len(line) > _SHOWN else repr(line)


def merge(found: Iterable[Difference]) -> list[Difference]:
    """The differences, each once, with all views in which it is seen."""
    views: dict[tuple[str, str, str, str], list[str]] = {}
    for one in found:
        key = (one.name, one.path, one.written, one.sent)
        views.setdefault(key, []).extend(one.where)
    return [Difference(*key, tuple(where)) for key, where in views.items()]


def count_kinds(found: Iterable[Difference]) -> Counter[str]:
    """How often each kind occurs; the key is `property | view | path pattern`."""
    return Counter(" | ".join(one.kind) for one in found)
