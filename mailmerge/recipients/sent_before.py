"""The recipients of other campaigns, which `not_in` leaves out, by the identity of the address."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SentBefore:
    """Who was sent other campaigns.

    `repr` is a digest, so that it can be part of the digest of a check.

    Attributes:
        campaigns: the names of the other campaigns.
        by_identity: the name of a campaign by the identity of each address that was sent it.
    """

    campaigns: tuple[str, ...] = ()
    by_identity: Mapping[str, str] = field(default_factory=lambda: _NONE)

    def __repr__(self) -> str:
        digest = hashlib.sha256()
        for identity, campaign in sorted(self.by_identity.items()):
            digest.update(f"{identity}\0{campaign}\0".encode(errors="surrogatepass"))
        return f"SentBefore({self.campaigns!r}, {digest.hexdigest()})"

    def known_as(self, sameness: Callable[[str], str]) -> SentBefore:
        """The same with what `sameness` makes of each identity."""
        return SentBefore(
            self.campaigns,
            {sameness(identity): campaign for identity, campaign in self.by_identity.items()},
        )


NONE_BEFORE = SentBefore()
