"""The words of mail programs and servers, from phrases.toml; read when they are first needed."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Any, Final

_FILE: Final = "phrases.toml"

_Table = tuple[tuple[str, tuple[str, ...]], ...]
"""Reasons with their phrases, in the order in which they are compared."""


@cache
def pattern(name: str, before: str = "", after: str = "") -> re.Pattern[str]:
    """Return the pattern of a list, with what stands before and after it."""
    return re.compile(f"{before}(?:{'|'.join(_read()[name])}){after}", re.IGNORECASE)


@cache
def texts(name: str) -> tuple[str, ...]:
    """Return a list of plain texts."""
    return tuple(_read()[name])


@cache
def table(name: str) -> _Table:
    """Return the phrases of a table: `against_the_code` or `by_text`."""
    return tuple((one["reason"], tuple(one["phrases"])) for one in _read()[name])


@cache
def _read() -> dict[str, Any]:
    text = resources.files(__package__).joinpath(_FILE).read_text("utf-8")
    return tomllib.loads(text)
