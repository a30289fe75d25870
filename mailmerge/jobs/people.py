"""The recipients of a job: those of the campaign's own spreadsheet, or a collection in code.

A campaign's own spreadsheet is opened by the check and not before, so that the report lists a
missing file along with everything else that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mailmerge.preflight.check import CheckOptions, check_digest
from mailmerge.recipients.audience import Recipient, Selection, open_audience
from mailmerge.recipients.collection import Recipients
from mailmerge.settings import Settings


class People(Protocol):
    """Where the recipients come from."""

    @property
    def partial(self) -> bool:
        """Whether these are only some of the campaign's recipients."""
        ...

    @property
    def selection(self) -> Selection:
        """How the campaign's own recipients are narrowed."""
        ...

    @property
    def given(self) -> Recipients | None:
        """The recipients to check in place of the campaign's own."""
        ...

    def recipients(self) -> Iterator[Recipient]:
        """All of them, read again each time.

        Raises:
            CampaignError: the selection cannot be understood.
            SpreadsheetError: the file cannot be read.
        """
        ...

    def digest(self, options: CheckOptions) -> str:
        """What a passed check of them stands for; empty where a later check cannot know it."""
        ...


@dataclass(frozen=True, slots=True)
class CampaignPeople:
    """Those of the spreadsheet that campaign.toml names, narrowed by a selection."""

    settings: Settings
    selection: Selection

    @property
    def partial(self) -> bool:
        """A condition or an address leaves others out."""
        return bool(self.selection.where or self.selection.only)

    @property
    def given(self) -> None:
        """The check opens the spreadsheet itself."""

    def recipients(self) -> Iterator[Recipient]:
        """Those of the spreadsheet as it is now."""
        return open_audience(self.settings, self.selection).recipients()

    def digest(self, options: CheckOptions) -> str:
        """A digest of the spreadsheet, the templates and the options."""
        return check_digest(self.settings, options)


@dataclass(frozen=True, slots=True)
class GivenPeople:
    """Those of a collection."""

    given: Recipients

    @property
    def partial(self) -> bool:
        """A collection of a campaign may be narrowed."""
        return self.given.partial

    @property
    def selection(self) -> Selection:
        """The collection has applied it."""
        return Selection()

    def recipients(self) -> Iterator[Recipient]:
        """Those of the collection."""
        return iter(self.given)

    def digest(self, options: CheckOptions) -> str:
        """Where its file is, a collection does not say."""
        del options
        return ""


def people_of(settings: Settings, people: Recipients | Selection) -> People:
    """The recipients of a job."""
    if isinstance(people, Selection):
        return CampaignPeople(settings, people)
    return GivenPeople(people)
