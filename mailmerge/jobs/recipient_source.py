"""The source of a job's recipients: the spreadsheet of campaign.toml, or a collection in code.

The check opens the spreadsheet of campaign.toml, and nothing opens it earlier. So the report lists
a missing file together with all other problems.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from mailmerge.preflight.check import CheckOptions, check_digest
from mailmerge.recipients.audience import Recipient, Selection, open_audience
from mailmerge.recipients.collection import Recipients
from mailmerge.reports.sent_before import without_sent_before
from mailmerge.settings import Settings


class RecipientSource(Protocol):
    """The source of the recipients."""

    @property
    def partial(self) -> bool:
        """Whether the source has only some of the campaign's recipients."""
        ...

    @property
    def whole(self) -> RecipientSource | None:
        """The source without the sample (`--percent`); None if there is no sample."""
        ...

    @property
    def selection(self) -> Selection:
        """The selection of the campaign's own recipients."""
        ...

    @property
    def given(self) -> Recipients | None:
        """The recipients to check in place of the campaign's own, or None."""
        ...

    def recipients(self) -> Iterator[Recipient]:
        """Yield all recipients; each call reads the file again.

        Raises:
            CampaignError: the selection is not valid.
            SpreadsheetError: the file cannot be read.
        """
        ...

    def with_invalid(self, invalid: Mapping[int, str]) -> Iterator[tuple[Recipient, str]]:
        """Yield all recipients, and the invalid rows, each with why it gets no message, or ""."""
        ...

    def digest(self, options: CheckOptions) -> str:
        """Return a digest of everything that a check depends on; "" if it cannot be computed."""
        ...


@dataclass(frozen=True, slots=True)
class _CampaignSource:
    """A selection of the spreadsheet that campaign.toml names."""

    settings: Settings
    selection: Selection

    @property
    def partial(self) -> bool:
        """Whether a condition or an address excludes recipients."""
        return self.selection.partial

    @property
    def whole(self) -> RecipientSource | None:
        """The same selection without its sample."""
        if self.selection.percent >= 100:
            return None
        return _CampaignSource(self.settings, replace(self.selection, percent=100.0))

    @property
    def given(self) -> None:
        """None: the check opens the spreadsheet itself."""

    def recipients(self) -> Iterator[Recipient]:
        """Yield the selected recipients of the present spreadsheet."""
        return open_audience(self.settings, self.selection).recipients()

    def with_invalid(self, invalid: Mapping[int, str]) -> Iterator[tuple[Recipient, str]]:
        """Yield the selected recipients and the invalid rows of the present spreadsheet."""
        return open_audience(self.settings, self.selection).with_invalid(invalid)

    def digest(self, options: CheckOptions) -> str:
        """Return a digest of the spreadsheet, the templates and the options."""
        return check_digest(self.settings, options)


@dataclass(frozen=True, slots=True)
class _GivenSource:
    """A collection of recipients in code."""

    given: Recipients

    @property
    def partial(self) -> bool:
        """Whether the collection is a selection of a campaign's recipients."""
        return self.given.partial

    @property
    def whole(self) -> RecipientSource | None:
        """The collection without its sample."""
        whole = self.given.whole
        return None if whole is None else _GivenSource(whole)

    @property
    def selection(self) -> Selection:
        """An empty selection, because the collection has applied its own."""
        return Selection()

    def recipients(self) -> Iterator[Recipient]:
        """Yield the recipients of the collection."""
        return iter(self.given)

    def with_invalid(self, invalid: Mapping[int, str]) -> Iterator[tuple[Recipient, str]]:
        """Yield the recipients and the invalid rows of the collection."""
        return self.given.audience().with_invalid(invalid)

    def digest(self, options: CheckOptions) -> str:
        """Return "": a collection does not know the file that it comes from."""
        del options
        return ""


def source_of(settings: Settings, recipients: Recipients | Selection) -> RecipientSource:
    """Return the source for the recipients that a job was given.

    Raises:
        CampaignError: a folder of `not_in` has no campaign.
        LedgerError: its ledger cannot be read.
    """
    if isinstance(recipients, Selection):
        return _CampaignSource(settings, without_sent_before(settings, recipients))
    if settings.recipients.not_in:
        recipients = recipients.without(without_sent_before(settings).sent_before)
    return _GivenSource(recipients)
