"""The names by which other modules know the settings of a campaign."""

from __future__ import annotations

from mailmerge.settings import (
    CAMPAIGN_FILE,
    NEVER_IN_A_LINE,
    RESERVED_HEADER_FIELDS,
    STATE_FOLDER,
    CampaignSection,
    DeliverySection,
    MessageSection,
    Rate,
    RecipientsSection,
    SmtpSection,
    parse_duration,
    parse_rate,
)
from mailmerge.settings import Settings as Campaign
from mailmerge.settings import load_settings as load_campaign

__all__ = [
    "CAMPAIGN_FILE",
    "NEVER_IN_A_LINE",
    "RESERVED_HEADER_FIELDS",
    "STATE_FOLDER",
    "Campaign",
    "CampaignSection",
    "DeliverySection",
    "MessageSection",
    "Rate",
    "RecipientsSection",
    "SmtpSection",
    "load_campaign",
    "parse_duration",
    "parse_rate",
]
