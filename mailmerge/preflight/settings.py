"""Rules on campaign.toml and this machine that need no recipient."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from mailmerge.errors import CampaignError, Problem
from mailmerge.language import tr
from mailmerge.mime.references import content_base_field
from mailmerge.preflight.rules import Setup
from mailmerge.settings import CAMPAIGN_FILE

_RELEASED = datetime(2026, 1, 1).astimezone()
"""A system clock with an earlier time is wrong, because this program did not exist then."""


def check_text_part(setup: Setup) -> Iterator[Problem]:
    """The campaign has a template for the text as well as for the HTML."""
    message = setup.campaign.message
    if message.html is not None and message.text is None:
        said = tr("there is no text template; the text is made from the HTML")
        hint = tr('add text = "body.txt" to write it yourself')
        yield Problem(
            "warning", "no-text-part", said, CAMPAIGN_FILE, column="message.text", hint=hint
        )


def check_content_base(setup: Setup) -> Iterator[Problem]:
    """`content_base`, if it is used, can be written as a header field (RFC 2110)."""
    message = setup.campaign.message
    if message.related_by != "content-location" or not message.content_base:
        return
    try:
        content_base_field(message.content_base, setup.campaign.file)
    except CampaignError as error:
        yield error.problem


def check_clock(setup: Setup) -> Iterator[Problem]:
    """The system clock is plausible; the Date of every message comes from it."""
    campaign, now = setup.campaign, setup.now
    files = (CAMPAIGN_FILE, campaign.recipients.file)
    paths = [campaign.folder / name for name in files if name != "-"]
    times = [path.stat().st_mtime for path in paths if path.is_file()]
    newest = datetime.fromtimestamp(max(times, default=0), tz=now.tzinfo)
    if now < _RELEASED or newest - now >= timedelta(days=1):
        message = tr("the system clock is wrong ({now:%Y-%m-%d})", now=now)
        hint = tr("set it: the Date of every message and the check of certificates depend on it")
        yield Problem("warning", "clock", message, hint=hint)
