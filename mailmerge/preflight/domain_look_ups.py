"""The part of a check that asks the DNS: it collects the domains, and asks after the last row."""

from __future__ import annotations

from mailmerge.deliverability.dns_check import DnsReport, check_dns
from mailmerge.deliverability.recipient_domains import RecipientDomains
from mailmerge.deliverability.resolver import Dns, DnsOptions
from mailmerge.preflight.addresses import is_reserved
from mailmerge.preflight.rules import Setup
from mailmerge.recipients.audience import Recipient


class DomainLookUps:
    """Collects the domains of the recipients; without options it does nothing.

    Raises:
        CampaignError: the name server in the options is no address.
    """

    def __init__(self, options: DnsOptions | None) -> None:
        self._dns = Dns(options) if options is not None else None
        self._domains = RecipientDomains()

    def add(self, recipient: Recipient) -> None:
        """Remember the domain of a recipient; reserved ones have a rule of their own."""
        if self._dns is None:
            return
        domain = recipient.mailbox.domain
        if not is_reserved(domain):
            self._domains.add(domain, recipient.row)

    def report(self, setup: Setup) -> DnsReport:
        """Ask about the sender and all domains; an empty report without options."""
        if self._dns is None:
            return DnsReport()
        return check_dns(setup.campaign, setup.account, self._domains, self._dns)
