"""A reply of the server -> its meaning and what to do, in English or Chinese.

The explanations are in a table, explanations.toml; this module looks them up.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, Literal, Self

from mailmerge.providers.catalogue import Language, chosen_language

Step = Literal["greeting", "hello", "tls", "login", "token", "mail", "rcpt", "content"]
"""The step of a session that a reply belongs to; `token` is a log-in by an OAuth 2 token."""

_STEPS: Final[Mapping[str, Step]] = {
    "GREETING": "greeting",
    "EHLO": "hello",
    "HELO": "hello",
    "LHLO": "hello",
    "STARTTLS": "tls",
    "AUTH": "login",
    "MAIL": "mail",
    "RCPT": "rcpt",
    "DATA": "content",
    "BDAT": "content",
}
_TOKEN = re.compile(r"AUTH (XOAUTH2|OAUTHBEARER)\b", re.IGNORECASE)

# The text begins with the status (RFC 2034, 3), but qmail and others put it elsewhere. There it
# must have the class of the code, and must not be part of an address or of a version.
_LONGEST_TEXT = 1_000
"""The characters of a reply that are looked at. A reply may have 60 kB."""

_STATUS = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?!\w|\.\d)")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The meaning of a reply, and the action to take, each in some sentences.

    `key` is the entry of explanations.toml that they come from.
    """

    meaning: str
    action: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """A reply and its circumstances; `status` has the class of the code."""

    code: int
    text: str
    status: str
    provider: str
    steps: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One [reply.NAME]: its conditions, and the explanation in each language."""

    codes: frozenset[int]
    providers: frozenset[str]
    steps: frozenset[str]
    status: re.Pattern[str] | None
    text: re.Pattern[str] | None
    explanations: Mapping[str, Explanation]

    def fits(self, case: _Case) -> bool:
        return (
            (not self.codes or case.code in self.codes)
            and (not self.providers or case.provider in self.providers)
            and (not self.steps or not self.steps.isdisjoint(case.steps))
            and (self.status is None or bool(self.status.fullmatch(case.status)))
            and (self.text is None or bool(self.text.search(case.text)))
        )

    @property
    def exactness(self) -> tuple[bool, ...]:
        """The sort key: the most specific entry is the greatest; codes alone do not count.

        Entries for a token come first, because servers usually refuse it with the text for a wrong
        password.
        """
        return (
            "token" in self.steps,
            self.status is not None,
            self.text is not None,
            bool(self.providers),
            bool(self.steps),
        )


@dataclass(frozen=True, slots=True)
class Explanations:
    """A parsed explanations.toml.

    Attributes:
        entries: sorted from specific to general.
        only: for some steps, codes and words that occur at no other step.
        speakers: for some services, words that no other service uses.
        status: explanations by enhanced status, used after the entries.
        subject: explanations by the middle figure of the status, used after `status`.
        code: explanations by reply code, used after `subject`.
        digit: explanations by the first digit, used last.
    """

    entries: tuple[_Entry, ...]
    only: Mapping[str, tuple[frozenset[int], re.Pattern[str]]]
    speakers: Mapping[str, re.Pattern[str]]
    status: Mapping[str, Mapping[str, Explanation]]
    subject: Mapping[str, Mapping[str, Explanation]]
    code: Mapping[str, Mapping[str, Explanation]]
    digit: Mapping[str, Mapping[str, Explanation]]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the TOML text of explanations.toml."""
        parsed = tomllib.loads(text)
        entries = [_entry(name, item) for name, item in parsed["reply"].items()]
        return cls(
            tuple(sorted(entries, key=lambda entry: entry.exactness, reverse=True)),
            {
                step: (frozenset(item["code"]), _words(item["text"]))
                for step, item in parsed["only"].items()
            },
            {name: _words(words) for name, words in parsed["speaker"].items()},
            *(_short(name, parsed[name]) for name in ("status", "subject", "code", "digit")),
        )

    def explain(
        self,
        code: int,
        text: str,
        *,
        provider: str = "",
        language: Language = "en",
        step: Step | None = None,
    ) -> Explanation:
        """The explanation of the reply `code text`; see the function `explain`."""
        if code >= 400:
            case = self._case(code, text[:_LONGEST_TEXT], provider, step)
            for entry in self.entries:
                if entry.fits(case):
                    return entry.explanations[language]
            detail = case.status.partition(".")[2]
            for table, key in ((self.status, detail), (self.subject, detail.partition(".")[0])):
                if key in table:
                    return table[key][language]
        fallback = self.code.get(str(code)) or self.digit.get(str(code // 100), self.digit["0"])
        return fallback[language]

    def _case(self, code: int, text: str, provider: str, step: Step | None) -> _Case:
        steps = self._steps(code, text) if step is None else {step}
        return _Case(
            code=code,
            text=text,
            status=_status(code, text),
            provider=provider or self._speaker(text),
            steps=frozenset(steps | {"login"} if "token" in steps else steps),
        )

    def _steps(self, code: int, text: str) -> set[str]:
        """The steps that such a reply must belong to; empty if it may be any."""
        return {
            step
            for step, (codes, words) in self.only.items()
            if code in codes or words.search(text)
        }

    def _speaker(self, text: str) -> str:
        """The service that uses these words; "" if several do."""
        return next((name for name, words in self.speakers.items() if words.search(text)), "")


def explain(
    code: int,
    text: str,
    *,
    provider: str = "",
    language: Language | None = None,
    step: Step | None = None,
) -> Explanation:
    """The explanation of the reply `code text`; there is always one.

    `provider` is the name of a service in providers.toml, "" if unknown. `step` is the step that
    the reply belongs to, None if unknown. Both can change the meaning of a reply. The enhanced
    status is read from the text (RFC 2034, 3). Without a language it is that of the user.
    """
    wanted = language or chosen_language()
    return _known().explain(code, text, provider=provider, language=wanted, step=step)


@functools.cache
def _known() -> Explanations:
    path = resources.files("mailmerge.providers").joinpath("explanations.toml")
    return Explanations.parse(path.read_text("utf-8"))


def step_of(command: str) -> Step | None:
    """The step of a reply to this command; `GREETING` is the connection itself."""
    if _TOKEN.match(command):
        return "token"
    return _STEPS.get(command.partition(" ")[0].upper())


def _status(code: int, text: str) -> str:
    """The enhanced status with the class of the code, such as `5.7.1`; "" if there is none."""
    for found in _STATUS.finditer(text):
        if found.start() == 0 or int(found[1]) == code // 100:
            return f"{code // 100}.{found[2]}.{found[3]}"
    return ""


def _entry(key: str, item: Mapping[str, Any]) -> _Entry:
    return _Entry(
        codes=frozenset(item.get("code", ())),
        providers=frozenset(item.get("provider", ())),
        steps=frozenset(item.get("step", ())),
        status=re.compile(item["status"]) if "status" in item else None,
        text=_words(item["text"]) if "text" in item else None,
        explanations={name: Explanation(**item[name], key=key) for name in ("en", "zh")},
    )


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _short(section: str, table: Mapping[str, Any]) -> dict[str, dict[str, Explanation]]:
    return {
        key: {
            name: Explanation(pair[0], pair[1], f"{section} {key}")
            for name, pair in languages.items()
        }
        for key, languages in table.items()
    }
