"""What callers may write for rates and durations, and which limits come of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.credentials import Account, Allowance
from mailmerge.errors import CampaignError
from mailmerge.jobs.options import JobOptions, rates_of, retries_of, seconds_of
from mailmerge.jobs.targets import RealServer, SandboxServer
from mailmerge.settings import DeliverySection, parse_rate
from mailmerge.smtp import Server

MINUTE, DAY = parse_rate("60/minute"), parse_rate("500/day")


def test_rates_are_texts_or_values_or_lists() -> None:
    assert rates_of(None) is None
    assert rates_of("60/minute") == rates_of(MINUTE) == (MINUTE,)
    assert rates_of(["60/minute", DAY]) == (MINUTE, DAY)
    assert rates_of([]) == ()


def test_wait_is_a_text_or_seconds() -> None:
    assert (seconds_of(None), seconds_of(2.5), seconds_of("1 minute")) == (None, 2.5, 60.0)


def test_retry_is_one_state_or_several() -> None:
    assert retries_of("") == retries_of([]) == frozenset()
    assert retries_of("deferred") == {"deferred"}
    assert retries_of(["rejected", "deferred"]) == {"rejected", "deferred"}
    with pytest.raises(CampaignError, match="retry: 'sent' is not"):
        retries_of("sent")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["fast", ["60/minute", "x"]])
def test_wrong_rate_is_one_error(wrong: str | list[str]) -> None:
    with pytest.raises(CampaignError, match="rate: "):
        rates_of(wrong)


def test_wrong_wait_is_one_error() -> None:
    with pytest.raises(CampaignError, match="wait: "):
        seconds_of("soon")


def test_rates_of_campaign_toml_need_an_account() -> None:
    delivery = DeliverySection.model_validate({"rate": "60/minute"})
    account = Account(Server("smtp.example.org"), allows=Allowance((DAY,)))
    real, sandbox = RealServer(account, lambda: None), SandboxServer(Path("box"))
    assert JobOptions().limits(delivery, real).rates == (MINUTE, DAY)
    assert JobOptions().limits(DeliverySection(), real).rates == (DAY,)
    assert JobOptions().limits(delivery, sandbox).rates == ()
    assert JobOptions(rates=(DAY,)).limits(delivery, sandbox).rates == (DAY,)
    assert JobOptions().limits(delivery, sandbox).account == "sandbox"
