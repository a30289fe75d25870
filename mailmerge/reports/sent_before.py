"""The ledgers of other campaigns -> the recipients that were sent them, for `not_in`.

    [recipients]
    not_in = ["../november"]

A message in doubt counts as sent: its recipient may have it, and would get a second one.
"""

from __future__ import annotations

from dataclasses import replace

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.recipients.audience import Selection, open_audience
from mailmerge.recipients.sent_before import SentBefore
from mailmerge.recipients.standard_input import STANDARD_INPUT
from mailmerge.settings import CAMPAIGN_FILE, Settings, load_settings


def without_sent_before(campaign: Settings, selection: Selection | None = None) -> Selection:
    """The selection, without the recipients that were sent the campaigns of `not_in`.

    Raises:
        CampaignError: a folder of `not_in` has no campaign.
        LedgerError: a ledger of one cannot be read.
    """
    selection = selection or Selection()
    if not campaign.recipients.not_in:
        return selection
    return replace(selection, sent_before=_sent_before(campaign))


def count_left_out(campaign: Settings) -> dict[str, int]:
    """How many rows `not_in` leaves out now, by the name of the other campaign.

    Empty without `not_in`, or if the recipients come from standard input.

    Raises:
        CampaignError: as above.
        LedgerError: as above.
        SpreadsheetError: the spreadsheet cannot be read.
    """
    if not campaign.recipients.not_in or campaign.recipients.file == STANDARD_INPUT:
        return {}
    audience = open_audience(campaign, without_sent_before(campaign))
    for _ in audience:
        pass
    return audience.sent_before


def _sent_before(campaign: Settings) -> SentBefore:
    from mailmerge.ledger.ledger import Ledger
    from mailmerge.ledger.states import MAY_HAVE_LEFT

    names: dict[str, None] = {}
    by_identity: dict[str, str] = {}
    for folder in campaign.recipients.not_in:
        other = _other(campaign, folder)
        names[other.name] = None
        reader = Ledger.read(other)
        for one in reader.iterate() if reader is not None else ():
            if one.state in MAY_HAVE_LEFT:
                by_identity.setdefault(one.mailbox.identity, other.name)
    return SentBefore(tuple(names), by_identity)


def _other(campaign: Settings, folder: str) -> Settings:
    try:
        other = load_settings(campaign.folder / folder)
    except CampaignError as error:
        raise CampaignError(
            tr(
                'not_in: "{folder}" cannot be read: {message}',
                folder=folder,
                message=error.problem.message,
            ),
            file=campaign.file or CAMPAIGN_FILE,
            hint=tr("name the folder of the other campaign, as seen from this one"),
            code="not-in",
        ) from error
    if other.folder.resolve() == campaign.folder.resolve():
        raise CampaignError(
            tr('not_in: "{folder}" is this campaign itself', folder=folder),
            file=campaign.file or CAMPAIGN_FILE,
            hint=tr("name the folder of another campaign"),
            code="not-in",
        )
    return other
