"""campaign.toml -> Settings: the folder format of a campaign, read, validated, frozen."""

from __future__ import annotations

from mailmerge.settings.fingerprint import NOTHING_RECORDED, Fingerprint
from mailmerge.settings.folder import CAMPAIGN_FILE, STATE_FOLDER, Settings
from mailmerge.settings.rates import Rate, parse_duration, parse_rate, strictest
from mailmerge.settings.reading import explained, load_settings
from mailmerge.settings.sections import (
    NEVER_IN_A_LINE,
    RESERVED_HEADER_FIELDS,
    AttachmentSection,
    CampaignSection,
    DeliverySection,
    DkimSection,
    ImapSection,
    MessageSection,
    OAuthSection,
    RecipientsSection,
    RepliesSection,
    SmimeSection,
    SmtpSection,
    UnsubscribeSection,
)

__all__ = [
    "CAMPAIGN_FILE",
    "NEVER_IN_A_LINE",
    "NOTHING_RECORDED",
    "RESERVED_HEADER_FIELDS",
    "STATE_FOLDER",
    "AttachmentSection",
    "CampaignSection",
    "DeliverySection",
    "DkimSection",
    "Fingerprint",
    "ImapSection",
    "MessageSection",
    "OAuthSection",
    "Rate",
    "RecipientsSection",
    "RepliesSection",
    "Settings",
    "SmimeSection",
    "SmtpSection",
    "UnsubscribeSection",
    "explained",
    "load_settings",
    "parse_duration",
    "parse_rate",
    "strictest",
]
