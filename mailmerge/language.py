"""The language of all texts for users: gettext catalogues under locales/.

The texts in the source are English and are the keys of the catalogues. `tr` translates a text and
fills in its values; `trn` does so for a text with a number. The values have names, so that a
translation can order them as its language needs:

    tr("{file} was not found", file=name)
    trn("{count:,} row is empty", "{count:,} rows are empty", count)

A table of texts that is made when its module is imported marks them with `marked`, and calls `tr`
when it uses one: the language may be chosen after the import.

A program that imports mailmerge gets English until it calls `use`. The command calls it first, with
--lang or what the environment says (POSIX.1, 8.2: LC_ALL, LC_MESSAGES, LANG; gettext: LANGUAGE).
"""

from __future__ import annotations

import gettext
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "locales"
_DOMAIN: Final = "mailmerge"
ENGLISH: Final = "en"
LANGUAGES: Final = (ENGLISH, "zh_CN")
"""The languages that are complete: English, Simplified Chinese."""

_VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


class _Chosen:
    """The catalogue in use; one for the process."""

    language = ENGLISH
    catalogue: gettext.NullTranslations = gettext.NullTranslations()


def tr(text: str, /, **values: object) -> str:
    """Return `text` in the language of the user, with `values` filled in (str.format).

    Without values, braces in `text` stand for themselves.
    """
    translated = _Chosen.catalogue.gettext(text) if text else text
    return translated.format(**values) if values else translated


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """Return `one` or `many` in the language of the user; `{count}` is the number."""
    return _Chosen.catalogue.ngettext(one, many, count).format(count=count, **values)


def listed(parts: Iterable[str]) -> str:
    """Return the parts of a list in one text, as the language of the user joins them."""
    return tr(", ").join(parts)


def marked(text: str) -> str:
    """Return `text` itself, to be translated later; it becomes a key of the catalogues."""
    return text


def language() -> str:
    """The language in use, one of `LANGUAGES`."""
    return _Chosen.language


def use(name: str) -> None:
    """Use a language from now on: one of `LANGUAGES`, or a name that `closest` accepts.

    Raises:
        ValueError: there is no such language.
    """
    found = closest(name)
    if found is None:
        raise ValueError(f"no texts in {name!r}; choose one of {', '.join(LANGUAGES)}")
    _Chosen.language = found
    _Chosen.catalogue = gettext.translation(
        _DOMAIN, _FOLDER, languages=[found], fallback=found == ENGLISH
    )


def closest(name: str) -> str | None:
    """The language for a locale's name, such as zh_CN.UTF-8, zh-Hans, en_GB, C; None if none is."""
    base = name.partition(".")[0].partition("@")[0].replace("-", "_").lower()
    if base in ("c", "posix") or base.partition("_")[0] == "en":
        return ENGLISH
    return "zh_CN" if base.partition("_")[0] == "zh" else None


def from_environment(variables: Mapping[str, str], system: str = "") -> str:
    """The language that the environment asks for; English if there are no texts in it.

    `system` is the locale of the user's interface, used if the environment says nothing.
    """
    for name in _VARIABLES:
        for wanted in variables.get(name, "").split(":"):
            if wanted:
                found = closest(wanted)
                if found or name != "LANGUAGE":
                    return found or ENGLISH
    return closest(system) or ENGLISH
