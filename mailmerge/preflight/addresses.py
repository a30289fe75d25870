"""One mailbox -> problems: addresses that are well formed and still will not arrive."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from mailmerge.errors import Problem
from mailmerge.recipients.audience import Recipient

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_RESERVED = frozenset({"test", "example", "invalid", "localhost", "local", "onion"})
_RESERVED_DOMAINS = frozenset({"example.com", "example.net", "example.org"})

_POPULAR = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.fr", "yahoo.co.uk", "yahoo.co.jp",
    "hotmail.com", "hotmail.fr", "hotmail.co.uk", "outlook.com", "outlook.fr", "live.com",
    "msn.com", "icloud.com", "aol.com", "gmx.de", "gmx.net", "web.de", "t-online.de", "freenet.de",
    "orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "libero.it", "protonmail.com",
    "qq.com", "foxmail.com", "163.com", "126.com", "sina.com", "yandex.ru", "mail.ru",
    "comcast.net", "verizon.net", "btinternet.com", "naver.com", "proton.me", "fastmail.com",
)  # fmt: skip
"""Large mailbox services: a domain one slip of a finger away from one is most likely a slip."""

_NO_SLIP = frozenset(
    {"mail.com", "email.com", "ymail.com", "gmx.com", "gmx.at", "live.fr", "me.com"}
)
"""Real services that look like a slip."""


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """Looks at each domain once; `for_real` makes reserved domains an error (RFC 2606)."""

    file: str
    column: str
    for_real: bool = False

    def problems(self, recipient: Recipient) -> Iterator[Problem]:
        """What is wrong with the domain of this person's address."""
        domain = recipient.mailbox.domain
        verdict = judge_domain(domain)
        if verdict is None:
            return
        code, message, hint = verdict
        if code == "reserved-domain" and not self.for_real:
            return
        yield Problem(
            "error" if code == "reserved-domain" else "warning",
            code, f'"{recipient.mailbox.address}": {message}',
            self.file, recipient.row, self.column, hint,
        )  # fmt: skip


def is_reserved(domain: str) -> bool:
    """Whether nobody can ever get mail there: RFC 2606 and RFC 6761 keep it for examples."""
    _, _, top = domain.rpartition(".")
    return top in _RESERVED or ".".join(domain.split(".")[-2:]) in _RESERVED_DOMAINS


@lru_cache(maxsize=100_000)
def judge_domain(domain: str) -> tuple[str, str, str] | None:
    """What is suspicious about a domain as (code, message, hint), or None. Nothing is looked up."""
    labels = domain.split(".")
    if is_reserved(domain):
        return "reserved-domain", "this domain is reserved for examples", "use a real address"
    if domain in _POPULAR or domain in _NO_SLIP:
        return None
    if not _is_top_level(labels[-1]):
        return "unknown-tld", f"there is no top-level domain .{labels[-1]}", "look for a slip"
    meant = _meant(domain)
    if meant:
        return "likely-typo", f"did they mean {meant}?", "correct the cell if so"
    if mixed_scripts(domain):
        return "mixed-scripts", "the domain mixes letters of several scripts", "type it anew"
    return None


def mixed_scripts(domain: str) -> bool:
    """Whether a label mixes scripts that are not written together (UTS 39, 5.2); A-labels."""
    return "xn--" in domain and any(_mixes(label) for label in domain.split("."))


_WRITTEN_TOGETHER = frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})


def _mixes(label: str) -> bool:
    if not label.startswith("xn--"):
        return False
    try:
        letters = label.encode().decode("idna")
    except UnicodeError:
        return False
    names = (unicodedata.name(letter, "?") for letter in letters if letter.isalpha())
    scripts = {name.partition(" ")[0].partition("-")[0] for name in names}
    return len(scripts) > 1 and not scripts <= _WRITTEN_TOGETHER


def _meant(domain: str) -> str:
    """The popular domain that is one slip away: a letter more, less, wrong, or two swapped."""
    close = difflib.get_close_matches(domain, _POPULAR, n=1, cutoff=0.8)
    return close[0] if close and _one_slip(domain, close[0]) else ""


def _one_slip(typed: str, meant: str) -> bool:
    shorter, longer = sorted((typed, meant), key=len)
    if len(longer) - len(shorter) == 1:
        return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))
    if len(longer) != len(shorter):
        return False
    differing = [i for i in range(len(typed)) if typed[i] != meant[i]]
    if len(differing) == 1:
        return True
    return (
        len(differing) == 2
        and differing[1] == differing[0] + 1
        and typed[differing[0]] == meant[differing[1]]
        and typed[differing[1]] == meant[differing[0]]
    )


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, only_icann=True)


def _is_top_level(label: str) -> bool:
    return _suffixes().publicsuffix(label) is not None
