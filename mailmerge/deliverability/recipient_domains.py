"""The domains of the recipients: which take mail, and whose mailboxes they are.

A list has few domains compared with its rows, so each domain is asked for once, several at the same
time and within the rate of the resolver.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mailmerge.deliverability.exchangers import MailServers, find_mail_servers
from mailmerge.deliverability.receivers import Receiver, receiver_of
from mailmerge.deliverability.resolver import Dns

_ROWS_KEPT: Final = 1_000
"""Rows of one domain that are named, as for any other kind of problem."""


@dataclass(slots=True)
class RecipientDomains:
    """Counts recipients by their domain, as A-labels, while the rows are read."""

    counts: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=dict)

    def add(self, domain: str, row: int) -> None:
        """Count one recipient."""
        self.counts[domain] = self.counts.get(domain, 0) + 1
        rows = self.rows.setdefault(domain, [])
        if len(rows) < _ROWS_KEPT:
            rows.append(row)


@dataclass(frozen=True, slots=True)
class ReceiverCount:
    """Recipients at one receiver; None for all that are not large."""

    receiver: Receiver | None
    recipients: int


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where the recipients are.

    Attributes:
        dead: the domains that take no mail, and why.
        unknown: the number of domains of which nothing is known.
        receivers: the most recipients first.
    """

    dead: tuple[tuple[str, MailServers], ...]
    unknown: int
    receivers: tuple[ReceiverCount, ...]


def find_destinations(counts: dict[str, int], dns: Dns) -> Destinations:
    """Ask for the mail servers of each domain."""
    dns.prefetch(counts, "MX")
    servers = {domain: find_mail_servers(domain, dns) for domain in counts}
    return _sorted(counts, servers)


def _sorted(counts: dict[str, int], servers: dict[str, MailServers]) -> Destinations:
    dead = tuple((domain, found) for domain, found in servers.items() if not found.takes_mail)
    unknown = sum(found.state == "unknown" for found in servers.values())
    totals: dict[Receiver | None, int] = {}
    for domain, found in servers.items():
        if found.takes_mail:
            receiver = receiver_of(found.hosts)
            totals[receiver] = totals.get(receiver, 0) + counts[domain]
    return Destinations(dead, unknown, tuple(_ranked(totals.items())))


def _ranked(totals: Iterable[tuple[Receiver | None, int]]) -> list[ReceiverCount]:
    found = [ReceiverCount(receiver, number) for receiver, number in totals]
    return sorted(found, key=lambda one: (one.receiver is None, -one.recipients))
