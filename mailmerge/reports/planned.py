"""The deliveries of a campaign that was not sent yet: every recipient is pending."""

from __future__ import annotations

from collections.abc import Iterator

from mailmerge.ledger.states import Delivery, State
from mailmerge.recipients.audience import Recipient, open_audience
from mailmerge.reports.sent_before import without_sent_before
from mailmerge.settings import Settings


class PlannedDeliveries:
    """The recipients of a campaign, read from its spreadsheet."""

    def __init__(self, campaign: Settings) -> None:
        self._campaign = campaign

    def iterate(self) -> Iterator[Delivery]:
        """Yield a pending delivery for each recipient; rows that get no message are left out.

        Raises:
            CampaignError: the recipients cannot be read, or come from standard input.
        """
        for one in open_audience(self._campaign, without_sent_before(self._campaign)):
            if isinstance(one, Recipient):
                yield Delivery(
                    one.row, one.key, one.row, one.mailbox, one.cells, State.PENDING, rows=one.rows
                )
