"""clients.json -> which mail programs do not know a feature, in words."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from mailmerge.language import tr

WORD_ENGINE: Final = "outlook.windows"
"""Outlook for Windows until the version of 2024: Word draws its messages."""

_FIRST: Final = ("gmail", WORD_ENGINE, "outlook", "apple-mail", "yahoo", "samsung-email", "gmx")
"""Widely used programs are named first."""

_NAMES: Final = {
    WORD_ENGINE: "Outlook for Windows (Word engine)",
    "outlook.windows-mail": "Windows Mail",
    "outlook.outlook-com": "Outlook.com",
    "outlook.macos": "Outlook for macOS",
    "outlook.ios": "Outlook for iOS",
    "outlook.android": "Outlook for Android",
}
_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Support:
    """The support of one feature.

    Attributes:
        title: the name of the feature.
        lacking: the programs that do not have it: keys such as `gmail.ios`.
        tested: the number of programs that were tested.
    """

    title: str
    lacking: tuple[str, ...]
    tested: int

    @property
    def share(self) -> float:
        """The share of the tested programs that do not have it, from 0 to 1."""
        return len(self.lacking) / self.tested if self.tested else 0.0

    def in_words(self) -> str:
        """`Gmail, Outlook for Windows (Word engine) and 4 more`."""
        names = _names_of(self.lacking)
        shown = ", ".join(names[:_NAMED])
        more = len(names) - _NAMED
        return tr("{names} and {more} more", names=shown, more=more) if more > 0 else shown


@functools.cache
def _data() -> Mapping[str, Any]:
    file = resources.files("mailmerge.preflight.deep").joinpath("clients.json")
    data: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
    return data


@functools.cache
def load_support() -> Mapping[str, Support]:
    """The support of each feature, by its name at caniemail.com, such as `css-display-flex`."""
    clients = _data()["clients"]
    return {slug: _support(entry, clients) for slug, entry in _data()["features"].items()}


def data_date() -> str:
    """The day of the data, such as 2026-05-13."""
    return str(_data()["date"])


def _support(entry: Mapping[str, str], clients: Iterable[str]) -> Support:
    states = list(zip(clients, entry["support"], strict=True))
    lacking = tuple(client for client, state in states if state == "n")
    return Support(entry["title"], lacking, sum(state in "yan" for _, state in states))


def _names_of(lacking: Iterable[str]) -> list[str]:
    """Names of programs: that of the family if all of its programs lack the feature."""
    families: dict[str, list[str]] = {}
    for client in sorted(lacking, key=_weight):
        families.setdefault(client.partition(".")[0], []).append(client)
    names: list[str] = []
    for family, clients in families.items():
        every = [one for one in _data()["clients"] if one.startswith(f"{family}.")]
        if family == "outlook" or len(clients) < len(every):
            names += map(_name_of, clients)
        else:
            names.append(_data()["families"][family])
    return names


def _weight(client: str) -> tuple[int, str]:
    family = client.partition(".")[0]
    for number, first in enumerate(_FIRST):
        if first in (client, family):
            return number, client
    return len(_FIRST), client


def _name_of(client: str) -> str:
    if client in _NAMES:
        return _NAMES[client]
    family, platform = client.split(".")
    title = _data()["families"][family]
    return title if platform == "desktop-webmail" else f"{title} ({_data()['platforms'][platform]})"
