"""Where mail of a domain is delivered: MX, null MX, or the address of the domain itself.

RFC 5321, 5.1: without MX records, the address of the domain is its mail server. RFC 7505: the
record `0 .` says that the domain takes no mail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mailmerge.deliverability.answers import Answer, Lookup

_State = Literal["mx", "address", "null-mx", "no-name", "no-server", "unknown"]


@dataclass(frozen=True, slots=True)
class MailServers:
    """The mail servers of a domain.

    Attributes:
        state: "mx"; "address": none but the domain itself; "null-mx": it takes no mail; "no-name":
            the domain does not exist; "no-server": it exists without any server; "unknown".
        hosts: the preferred servers first.
        reason: why nothing is known, in words.
    """

    state: _State
    hosts: tuple[str, ...] = ()
    reason: str = ""

    @property
    def takes_mail(self) -> bool:
        """Whether mail can be delivered, as far as is known."""
        return self.state in ("mx", "address", "unknown")


def find_mail_servers(domain: str, lookup: Lookup) -> MailServers:
    """The mail servers of a domain, given as A-labels."""
    answer = lookup(domain, "MX")
    if answer.is_unknown:
        return MailServers("unknown", reason=answer.reason)
    if answer.status == "no-name":
        return MailServers("no-name")
    if answer.records:
        return _of_records(answer)
    addresses = lookup(domain, "A")
    if not addresses.records:
        addresses = _other(addresses, lookup(domain, "AAAA"))
    if addresses.is_unknown:
        return MailServers("unknown", reason=addresses.reason)
    return MailServers("address", (domain,)) if addresses.records else MailServers("no-server")


def _other(first: Answer, second: Answer) -> Answer:
    """The answer of two questions of which one is enough."""
    return first if first.is_unknown and not second.records else second


def _of_records(answer: Answer) -> MailServers:
    pairs = sorted(
        (int(preference), host.strip())
        for preference, _, host in (text.partition(" ") for text in answer.records)
    )
    hosts = tuple(host for _, host in pairs if host)
    return MailServers("mx", hosts) if hosts else MailServers("null-mx")
