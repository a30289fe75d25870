from __future__ import annotations

import pytest

from mailmerge.errors import CampaignError
from mailmerge.mime.settings import Sender, sender_of
from mailmerge.recipients.address import parse_mailbox
from mailmerge.rendering.settings import ImageReferences
from tests.mime.conftest import WriteCampaign


def test_sender_and_reverse_path_come_from_the_campaign(write_campaign: WriteCampaign) -> None:
    own = sender_of(write_campaign(sender="Zoë News <news@bücher.example>"))
    assert own.mailbox.display_name == "Zoë News"
    assert own.reverse_path == "news@xn--bcher-kva.example"
    other = sender_of(write_campaign('reverse_path = "bounces@example.org"'))
    assert other.reverse_path == "bounces@example.org"
    assert other.mailbox.address == "news@example.org"


@pytest.mark.parametrize(
    ("lines", "sender", "key"),
    [
        ((), "news", "message.from"),
        ((), "a@example.org, b@example.org", "message.from"),
        (('reverse_path = "Bounces <b@example.org>"',), "news@example.org", "message.reverse_path"),
    ],
)
def test_wrong_address_of_the_campaign_is_an_error(
    write_campaign: WriteCampaign, lines: tuple[str, ...], sender: str, key: str
) -> None:
    campaign = write_campaign(*lines, sender=sender)
    with pytest.raises(CampaignError, match=rf"^campaign.toml: {key}: "):
        sender_of(campaign)


def test_format_comes_from_the_campaign(write_campaign: WriteCampaign) -> None:
    campaign = write_campaign(
        'encoding = "8bit"', 'related_by = "content-location"', 'content_base = "https://e.org/"'
    )
    sender = sender_of(campaign)
    assert (sender.campaign, sender.eightbit, sender.file) == ("news", True, "campaign.toml")
    assert sender.images == ImageReferences("example.org", by_location=True, base="https://e.org/")


def test_bounces_go_to_the_sender_by_default() -> None:
    mailbox = parse_mailbox("ann@bücher.example")
    assert Sender(mailbox).reverse_path == "ann@xn--bcher-kva.example"
    assert Sender(mailbox, return_to="b@example.org").reverse_path == "b@example.org"


def test_content_base_is_checked_before_the_addresses(write_campaign: WriteCampaign) -> None:
    base = f'content_base = "https://example.org/{"x" * 1200}"'
    campaign = write_campaign('related_by = "content-location"', base, sender="news")
    with pytest.raises(CampaignError, match=r"^campaign\.toml: message\.content_base: .*too long"):
        sender_of(campaign)
