"""All regular expressions of the package, and texts on which a bad one takes quadratic time."""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mailmerge

_PACKAGE = Path(mailmerge.__file__).parent
_OPENINGS = (
    "<a ",
    "<!--",
    "=?",
    "url(",
    "/*",
    "a@",
    "a.",
    " a",
    "a=",
    "<a b='",
    '"a',
    "&#",
    "<img ",
    "<style>",
    "</style ",
    "<script>",
    "<title>",
    "<head>",
    "<td ",
)


def compiled_patterns() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Every compiled pattern that a module of the package holds, with its name."""
    for module in pkgutil.walk_packages(mailmerge.__path__, "mailmerge."):
        if module.name.endswith("__main__"):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            for place, pattern in _patterns_in(value):
                yield f"{module.name}.{name}{place}", pattern


def _patterns_in(value: Any) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield "", value
    elif isinstance(value, (list, tuple)):
        for index, one in enumerate(value):
            yield from ((f"[{index}]{place}", found) for place, found in _patterns_in(one))
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from ((f"[{key!r}]{place}", found) for place, found in _patterns_in(one))


def uses(name: str) -> frozenset[str]:
    """The methods of a pattern (`search`, `fullmatch`, ...) that the package calls."""
    module, _, variable = re.sub(r"\[.*", "", name).rpartition(".")
    own = Path(str(importlib.import_module(module).__file__))
    found = {
        method
        for path in ([own] if variable.startswith("_") else _PACKAGE.rglob("*.py"))
        for method in re.findall(
            rf"\b{variable}(?:\[\w+\])?\.(search|match|fullmatch|sub|subn|split|find(?:all|iter))\b",
            path.read_text(encoding="utf-8"),
        )
    }
    return frozenset(found or {"search", "match", "fullmatch"})


def attacks(pattern: re.Pattern[Any]) -> list[tuple[str, str, str]]:
    """A start, a unit to repeat, and an end, that make a pattern that backtracks slow."""
    source = pattern.pattern
    source = source if isinstance(source, str) else source.decode("latin-1")
    signs = [sign for sign in sorted(set(source)) if sign not in "()|?*+\\"]
    words = re.findall(r"[A-Za-z<>@=:&;/!-]{2,}", source)
    units = dict.fromkeys([*"a0 \t\n<>@.\"'=:/&;-_()[]{},~!#%", *signs, *words, *_OPENINGS])
    frames = (("", ""), ("", "\x01"), ("<", "\x01"), ('"', "\x01"), ("a", "\x01"))
    return [(start, unit, end) for unit in units for start, end in frames]


def seconds(pattern: re.Pattern[Any], methods: frozenset[str], text: str) -> float:
    """The processor time of the calls that the package makes, once each."""
    subject: Any = text if isinstance(pattern.pattern, str) else text.encode("utf-8")
    begin = time.thread_time()
    if methods & {"sub", "subn", "split", "findall", "finditer"}:
        for _ in pattern.finditer(subject):
            pass
    for method in methods & {"search", "match", "fullmatch"}:
        getattr(pattern, method)(subject)
    return time.thread_time() - begin
