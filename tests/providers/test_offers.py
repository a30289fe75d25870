"""What a server offers, and what follows from it for a campaign."""

from __future__ import annotations

import pytest

from mailmerge.providers.offers import CampaignNeeds, advice, offers
from mailmerge.smtp import Capabilities

BARE = Capabilities("x", esmtp=True)
QUICK = Capabilities("x", esmtp=True, keywords={"PIPELINING": (), "CHUNKING": ()})


@pytest.mark.parametrize("size", ["0", "12345678901234567890", "1099511627776"])
def test_a_size_of_zero_or_beyond_reach_is_no_limit(size: str) -> None:
    found = Capabilities("x", esmtp=True, keywords={"SIZE": (size,)})
    assert offers(found)[0].meaning == "the server names no largest size"
    assert advice(found, CampaignNeeds()) == ()


def test_a_large_size_is_a_limit() -> None:
    found = Capabilities("x", esmtp=True, keywords={"SIZE": ("1099511627775",)})
    assert "1,024.0 GB" in offers(found)[0].meaning
    assert len(advice(found, CampaignNeeds())) == 1


def test_unknown_keywords_come_last_without_meaning() -> None:
    found = Capabilities("x", esmtp=True, keywords={"XODD": ("one", "two"), "AUTH": ("PLAIN",)})
    shown = {offer.keyword: offer for offer in offers(found)}
    assert [*shown] == ["SIZE", "PIPELINING", "CHUNKING", "SMTPUTF8", "AUTH", "XODD"]
    assert (shown["AUTH"].offered, shown["AUTH"].meaning) == (True, "log-in by PLAIN")
    assert (shown["XODD"].value, shown["XODD"].meaning) == ("one two", "")
    assert not shown["SMTPUTF8"].offered
    assert "DSN" not in shown, "nothing follows where it is missing"


def test_extensions_are_explained_in_chinese() -> None:
    assert offers(QUICK, language="zh")[1].meaning == "命令可成组发送：每封邮件一次往返"


def test_a_server_and_a_campaign_without_limits_need_no_advice() -> None:
    assert advice(BARE, CampaignNeeds()) == ()


def test_a_window_needs_chunking() -> None:
    assert "has no effect here" in advice(BARE, CampaignNeeds(window=2))[0]
    assert "up to 2 messages" in advice(QUICK, CampaignNeeds(window=2))[0]
    assert "window = 16" in advice(QUICK, CampaignNeeds())[0]
    assert advice(QUICK, CampaignNeeds(nearby=True)) == ()


def test_the_smaller_limit_counts() -> None:
    needs = CampaignNeeds(max_size=26_214_400, rates=("500/day", "20/minute"), connections=2)
    size, rates = advice(BARE, needs)
    assert size.startswith("A message may have up to 25.0 MB: attachments of about 18.3 MB")
    assert rates.startswith("Messages are sent no faster than 500/day, 20/minute;")
    assert rates.endswith("simultaneous connections: 2.")
    smaller = Capabilities("x", esmtp=True, keywords={"SIZE": ("1048576",)})
    assert advice(smaller, needs)[0].startswith("A message may have up to 1.0 MB")


@pytest.mark.parametrize(
    ("sample", "says"), [(1000, "It fits."), (1_048_576, "It fits."), (1_048_577, "refuse it.")]
)
def test_the_first_message_is_compared_with_the_limit(sample: int, says: str) -> None:
    found = Capabilities("x", esmtp=True, keywords={"SIZE": ("1048576",)})
    assert advice(found, CampaignNeeds(sample=sample))[1].endswith(says)
    assert advice(BARE, CampaignNeeds(sample=sample)) == (), "there is no limit to compare with"


@pytest.mark.parametrize(
    ("own", "mailmax", "messages"), [(80, "50", 50), (40, "50", 40), (None, "50", 50)]
)
def test_a_connection_carries_the_smaller_number(
    own: int | None, mailmax: str, messages: int
) -> None:
    found = Capabilities("x", esmtp=True, keywords={"LIMITS": (f"MAILMAX={mailmax}",)})
    (sentence,) = advice(found, CampaignNeeds(messages_per_connection=own))
    assert sentence == f"A new connection is made after {messages} messages."
