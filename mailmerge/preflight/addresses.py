"""Rules on well-formed addresses to which mail would not arrive."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from mailmerge.errors import Problem
from mailmerge.language import language, tr
from mailmerge.preflight.rules import Setup
from mailmerge.recipients.audience import Recipient
from mailmerge.wording import prefixed

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
"""Large mailbox services. A domain that is one typing error away from one is likely an error."""

_NO_TYPO = frozenset(
    {"mail.com", "email.com", "ymail.com", "gmx.com", "gmx.at", "live.fr", "me.com"}
)
"""Real services that look like a typing error."""


def check_domain(recipient: Recipient, setup: Setup) -> Iterator[Problem]:
    """The domain of the address can get mail; a reserved one is an error of a real send only."""
    mailbox = recipient.mailbox
    found = judge_domain(mailbox.domain)
    if found is None or (found.code == "reserved-domain" and not setup.for_real):
        return
    section = setup.campaign.recipients
    yield replace(
        found,
        message=prefixed(f'"{mailbox.address}"', found.message),
        file=section.file,
        row=recipient.row,
        column=section.address,
    )


def is_reserved(domain: str) -> bool:
    """Whether mail can never arrive there: RFC 2606 and RFC 6761 keep it for examples."""
    _, _, top = domain.rpartition(".")
    return top in _RESERVED or ".".join(domain.split(".")[-2:]) in _RESERVED_DOMAINS


def judge_domain(domain: str) -> Problem | None:
    """The problem of a suspicious domain, without a place; None for any other. No DNS is used."""
    return _judged(domain, language())


@lru_cache(maxsize=100_000)
def _judged(domain: str, _language: str) -> Problem | None:
    """As `judge_domain`; the texts are those of one language."""
    labels = domain.split(".")
    if is_reserved(domain):
        message, hint = tr("this domain is reserved for examples"), tr("use a real address")
        return Problem("error", "reserved-domain", message, hint=hint)
    if domain in _POPULAR or domain in _NO_TYPO:
        return None
    if not _is_top_level(labels[-1]):
        message = tr("there is no top-level domain .{labels}", labels=labels[-1])
        return Problem("warning", "unknown-tld", message, hint=tr("look for a typing error"))
    intended = _intended(domain)
    if intended:
        message = tr("the domain looks like a typing error of {intended}", intended=intended)
        return Problem("warning", "likely-typo", message, hint=tr("correct the cell if so"))
    if _mixed_scripts(domain):
        message = tr("the domain mixes letters of several scripts")
        return Problem("warning", "mixed-scripts", message, hint=tr("type it again"))
    return None


def _mixed_scripts(domain: str) -> bool:
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


def _intended(domain: str) -> str:
    """The popular domain that is one error away: a letter more, less, wrong, or two swapped."""
    close = difflib.get_close_matches(domain, _POPULAR, n=1, cutoff=0.8)
    return close[0] if close and _one_error(domain, close[0]) else ""


def _one_error(typed: str, intended: str) -> bool:
    shorter, longer = sorted((typed, intended), key=len)
    if len(longer) - len(shorter) == 1:
        return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))
    if len(longer) != len(shorter):
        return False
    differing = [i for i in range(len(typed)) if typed[i] != intended[i]]
    if len(differing) == 1:
        return True
    return (
        len(differing) == 2
        and differing[1] == differing[0] + 1
        and typed[differing[0]] == intended[differing[1]]
        and typed[differing[1]] == intended[differing[0]]
    )


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, only_icann=True)


def organizational_domain(domain: str) -> str:
    """The part of a domain that one organization registers, such as example.co.uk."""
    return _suffixes().privatesuffix(domain.lower()) or ".".join(domain.lower().split(".")[-2:])


def _is_top_level(label: str) -> bool:
    return _suffixes().publicsuffix(label) is not None
