"""A reply of the server -> what it means and what to do, in English or Chinese.

The knowledge is a table, explanations.toml; here it is only looked up.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from mailmerge.smtp.providers import Language

_STATUS = re.compile(r"(?:^|\s)[245]\.(\d{1,3})\.(\d{1,3})\b")
_RATE = re.compile(r"(?P<count>\d+)/(?:(?P<number>[\d.]+) )?(?P<unit>second|minute|hour|day)s?")
_LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a reply means, and what a person does about it; one or two sentences each."""

    meaning: str
    action: str


@dataclass(frozen=True, slots=True)
class _Entry:
    """One [[reply]]: what it is for, and the explanation in each language."""

    codes: frozenset[int]
    providers: frozenset[str]
    status: re.Pattern[str] | None
    text: re.Pattern[str] | None
    explanations: Mapping[str, Explanation]

    def fits(self, code: int, status: str, text: str, provider: str) -> bool:
        return (
            (not self.codes or code in self.codes)
            and (not self.providers or provider in self.providers)
            and (self.status is None or bool(self.status.fullmatch(status)))
            and (self.text is None or bool(self.text.search(text)))
        )


def explain(code: int, text: str, *, provider: str = "", language: Language = "en") -> Explanation:
    """What the reply `code text` means and what to do; there is always an answer.

    `provider` is the name of a service in providers.toml, where it is known: some replies mean
    something else there. The enhanced status is read from the text (RFC 2034, 3).
    """
    known = _table()
    if code >= 400:
        status = _status(code, text)
        for entry in known.entries:
            if entry.fits(code, status, text, provider):
                return entry.explanations[language]
        detail = status.partition(".")[2]
        for table, key in ((known.status, detail), (known.subject, detail.partition(".")[0])):
            if key in table:
                return table[key][language]
    fallback = known.code.get(str(code)) or known.digit.get(str(code // 100), known.digit["0"])
    return fallback[language]


def _status(code: int, text: str) -> str:
    """The enhanced status with the class of the code: `5.7.1`; empty where there is none."""
    found = _STATUS.search(text)
    return f"{code // 100}.{found[1]}.{found[2]}" if found else ""


def explain_success(verb: str, *, language: Language = "en") -> str:
    """What 2yz or 3yz to this command means; `GREETING` stands for the connection itself."""
    words: str = _file()["success"].get(verb, {}).get(language, "")
    return words


def explain_offer(keyword: str, value: str, *, language: Language = "en") -> str:
    """What a keyword of the EHLO reply is good for; empty for one that nobody here knows."""
    words: str = _file()["offer"].get(keyword, {}).get(language, "")
    return words.replace("{value}", value)


def explain_missing(keyword: str, *, language: Language = "en") -> str:
    """What follows when the server does not offer this; empty where nothing does."""
    words: str = _file()["missing"].get(keyword, {}).get(language, "")
    return words


def explain_advice(name: str, figures: Mapping[str, object], *, language: Language = "en") -> str:
    """One sentence about what a server's offer means for a campaign."""
    words: str = _file()["advice"][name][language]
    return words.format_map(figures)


def rates_in_words(rates: Iterable[str], *, language: Language = "en") -> str:
    """Rates such as `30/minute` as a person reads them; English ones as campaign.toml has them."""
    words: Mapping[str, str] | None = _file()["rate"].get(language)
    if words is None:
        return ", ".join(rates)
    return words["between"].join(_rate(text, words) for text in rates)


def _rate(text: str, words: Mapping[str, str]) -> str:
    found = _RATE.fullmatch(text)
    if found is None:
        return text
    form = words["many" if found["number"] else "one"]
    count = f"{int(found['count']):,}"
    return form.format(count=count, number=found["number"], unit=words[found["unit"]])


def language_of_locale(environ: Mapping[str, str]) -> Language:
    """`zh` for a Chinese locale, else `en`; the first variable that is set counts (POSIX, 8.2)."""
    chosen = next((environ[name] for name in _LOCALE_VARIABLES if environ.get(name)), "")
    return "zh" if re.match(r"zh(?![a-z])", chosen, re.IGNORECASE) else "en"


@dataclass(frozen=True, slots=True)
class _Table:
    entries: tuple[_Entry, ...]
    status: Mapping[str, Mapping[str, Explanation]]
    subject: Mapping[str, Mapping[str, Explanation]]
    code: Mapping[str, Mapping[str, Explanation]]
    digit: Mapping[str, Mapping[str, Explanation]]


@functools.cache
def _file() -> Mapping[str, Any]:
    text = resources.files("mailmerge.smtp").joinpath("explanations.toml").read_text("utf-8")
    return tomllib.loads(text)


@functools.cache
def _table() -> _Table:
    parsed = _file()
    return _Table(
        tuple(_entry(item) for item in parsed["reply"]),
        *(_short(parsed[name]) for name in ("status", "subject", "code", "digit")),
    )


def _entry(item: Mapping[str, Any]) -> _Entry:
    return _Entry(
        codes=frozenset(item.get("code", ())),
        providers=frozenset(item.get("provider", ())),
        status=re.compile(item["status"]) if "status" in item else None,
        text=re.compile(item["text"], re.IGNORECASE) if "text" in item else None,
        explanations={name: Explanation(**item[name]) for name in ("en", "zh")},
    )


def _short(table: Mapping[str, Any]) -> dict[str, dict[str, Explanation]]:
    return {
        key: {name: Explanation(*pair) for name, pair in languages.items()}
        for key, languages in table.items()
    }
