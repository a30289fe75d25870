"""What a DNS look-up gives: records, the certainty that there are none, or no answer.

Everything in this package that judges records is a pure function of answers. `Lookup` is the only
way to get them; resolver.py has the one implementation that uses the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

RecordType = Literal["A", "AAAA", "MX", "TXT", "PTR", "CNAME"]
_Status = Literal["found", "no-data", "no-name", "unknown"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question.

    Attributes:
        status: "found"; "no-data": the name exists without such records; "no-name": the name does
            not exist (NXDOMAIN); "unknown": a time-out, SERVFAIL or the like, which proves nothing.
        records: as text: an address, a host, `PREFERENCE HOST` of MX, the joined strings of TXT.
            Host names have lower case and no dot at the end.
        reason: why nothing is known, in words.
    """

    status: _Status
    records: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known."""
        return self.status == "unknown"

    @property
    def is_void(self) -> bool:
        """Whether it is certain that there are no records (RFC 7208, 4.6.4: a void look-up)."""
        return self.status in ("no-data", "no-name")


class Lookup(Protocol):
    """Asks the DNS; it raises nothing."""

    def __call__(self, name: str, kind: RecordType) -> Answer:
        """The records of a name. Names that the DNS cannot hold have the status "no-name"."""
        ...
