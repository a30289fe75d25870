"""Messages of `connect` and `providers` in English and Chinese: one file, one lookup.

The texts are in messages.toml. A key is a section and a name with a dot: `offer.SIZE`.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any, Literal

from mailmerge.language import language

Language = Literal["en", "zh"]

_RATE = re.compile(r"(?P<count>\d+)/(?:(?P<number>[\d.]+) )?(?P<unit>second|minute|hour|day)s?")


@functools.cache
def _messages() -> Mapping[str, Any]:
    text = resources.files("mailmerge.providers").joinpath("messages.toml").read_text("utf-8")
    return tomllib.loads(text)


def text(key: str, language: Language | None = None, /, **values: object) -> str:
    """The message of this key; each `{name}` in it is replaced by the value of that name.

    Without a language it is that of the user.

    Raises:
        KeyError: there is no such key, or a value is missing.
    """
    section, _, name = key.partition(".")
    found: str = _messages()[section][name][language or chosen_language()]
    return found.format_map(values) if values else found


def known_text(key: str, language: Language | None = None, /, **values: object) -> str:
    """The message of this key, or "" if there is none, such as for an unknown EHLO keyword."""
    section, _, name = key.partition(".")
    return text(key, language, **values) if name in _messages()[section] else ""


def chosen_language() -> Language:
    """The language of the user (`mailmerge.language`), as this package's files name it."""
    return "zh" if language() == "zh_CN" else "en"


def rates_in_words(rates: Iterable[str], language: Language | None = None) -> str:
    """Rates such as `30/minute` for a reader; English ones stay as campaign.toml has them."""
    language = language or chosen_language()
    if language == "en":
        return ", ".join(rates)
    return text("rate.between", language).join(_rate(rate, language) for rate in rates)


def _rate(rate: str, language: Language) -> str:
    found = _RATE.fullmatch(rate)
    if found is None:
        return rate
    form = "rate.many" if found["number"] else "rate.one"
    unit = text(f"rate.{found['unit']}", language)
    return text(form, language, count=f"{int(found['count']):,}", number=found["number"], unit=unit)
