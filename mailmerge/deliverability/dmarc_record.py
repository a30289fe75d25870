"""The text of a DMARC record -> its policy, and what is wrong with it (RFC 9989, 4.7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailmerge.deliverability.tag_list import TagList, parse_tags
from mailmerge.language import tr

OBSOLETE: Final = ("pct", "rf", "ri")
"""Tags of RFC 7489 that receivers ignore now."""

_POLICIES = ("none", "quarantine", "reject")
_KNOWN: Final = {
    "v": ("DMARC1",),
    "p": _POLICIES,
    "sp": _POLICIES,
    "np": _POLICIES,
    "adkim": ("r", "s"),
    "aspf": ("r", "s"),
    "psd": ("y", "n", "u"),
    "t": ("y", "n"),
    "fo": (),
    "rua": (),
    "ruf": (),
}
"""The tags, with their values where there are few."""

_URI = re.compile(r"(?:mailto:[^\s,!@]+@(?P<domain>[^\s,!@]+)|https?://[^\s,!]+)", re.IGNORECASE)
_SIZED = re.compile(r"![0-9]+[kmgt]?\Z", re.IGNORECASE)
_VERSION = re.compile(r"\s*v\s*=\s*DMARC1\s*(?:;|\Z)")


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A record at `_dmarc.DOMAIN`.

    Attributes:
        domain: where it was found.
        text: the record.
        tags: its tags; values that do not exist are left out.
        faults: what receivers ignore or understand in another way, in words.
        usable: whether receivers apply it (RFC 9989, 4.10.1): p, sp and np are valid, or there is
            an address for reports.
    """

    domain: str
    text: str
    tags: TagList
    faults: tuple[str, ...] = ()
    usable: bool = True

    @property
    def strict_dkim(self) -> bool:
        """Whether a signature counts only if its domain is that of From."""
        return self.tags.get("adkim") == "s"

    @property
    def strict_spf(self) -> bool:
        """Whether the reverse path counts only if its domain is that of From."""
        return self.tags.get("aspf") == "s"

    @property
    def testing(self) -> bool:
        """Whether receivers are asked not to apply the policy yet (`t=y`)."""
        return self.tags.get("t") == "y"

    @property
    def report_domains(self) -> tuple[str, ...]:
        """The domains that get reports by mail."""
        found = (_URI.fullmatch(uri) for uri in _uris(self.tags.get("rua")))
        return tuple(dict.fromkeys(one["domain"].lower() for one in found if one and one["domain"]))

    def policy(self, author: str, *, exists: bool = True) -> str:
        """What receivers do with a failure of mail from `author`: none, quarantine or reject."""
        names: tuple[str, ...] = ("p",)
        if author != self.domain:
            names = ("sp", "p") if exists else ("np", "sp", "p")
        return next((self.tags.tags[name] for name in names if name in self.tags.tags), "none")


def is_dmarc(record: str) -> bool:
    """Whether a TXT record is one of DMARC: the version is the first tag, in this case."""
    return _VERSION.match(record) is not None


def parse_dmarc(domain: str, record: str) -> DmarcRecord:
    """Read a record. What is wrong in it is ignored by receivers, and listed here."""
    tags = parse_tags(record)
    valid = {
        name: value.lower() if _KNOWN.get(name) else value
        for name, value in tags.tags.items()
        if not _invalid(name, value)
    }
    policies_valid = all(name not in tags.tags or name in valid for name in ("p", "sp", "np")) and (
        "p" in valid
    )
    reports = any(_URI.fullmatch(uri) for uri in _uris(tags.get("rua")))
    if not policies_valid:
        valid = {name: value for name, value in valid.items() if name not in ("p", "sp", "np")}
    found = TagList(valid, tags.order, tags.repeated, tags.broken)
    return DmarcRecord(domain, record, found, tuple(_faults(tags)), policies_valid or reports)


def _invalid(name: str, value: str) -> bool:
    allowed = _KNOWN.get(name, ())
    if name == "v":
        return False
    return bool(allowed) and value.lower() not in allowed


def _faults(tags: TagList) -> Iterator[str]:
    if "p" not in tags.tags:
        yield tr("p= is missing, so the policy is none")
    for text in tags.broken:
        yield tr("{text!r} is no tag", text=text[:60])
    for name in tags.repeated:
        yield tr("{name}= is written twice", name=name)
    for name, value in tags.tags.items():
        if name not in _KNOWN and name not in OBSOLETE:
            yield tr("{name}= does not exist, so receivers ignore it", name=name)
        elif _invalid(name, value):
            yield tr("{name}={value} does not exist", name=name, value=value[:40])
    yield from _faults_of_reports(tags)


def _faults_of_reports(tags: TagList) -> Iterator[str]:
    for name in ("rua", "ruf"):
        for uri in _uris(tags.get(name)):
            if _SIZED.search(uri):
                yield tr("{name}= limits the size with !, which is obsolete", name=name)
            elif not _URI.fullmatch(uri):
                yield tr("{name}= has an address without mailto: {uri}", name=name, uri=uri[:60])


def _uris(value: str) -> list[str]:
    return [uri for part in value.split(",") if (uri := part.strip())]
