"""The options of a job; options that are left out come from campaign.toml."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from mailmerge.engine.events import Listener
from mailmerge.engine.limits import Limits, resolve_limits
from mailmerge.errors import CampaignError
from mailmerge.jobs.targets import SANDBOX, Target
from mailmerge.language import tr
from mailmerge.ledger.interface import InDoubt
from mailmerge.settings import DeliverySection, Rate, parse_duration, parse_rate

Retry = Literal["rejected", "deferred", "drafted"]
"""Recipients to try again at once: in spite of a final refusal, before they are due, or in spite of
a draft of their message."""

Retries = Retry | Sequence[Retry] | Literal[""]
"""One kind of recipients to try again, or several; "" for none."""

Rates = str | Rate | Sequence[str | Rate] | None
"""A rate such as "60/minute", or several that apply together."""


@dataclass(frozen=True, slots=True)
class JobOptions:
    """The options of a job (see `Job`); None means the value of campaign.toml.

    `wait` is in seconds.
    """

    rates: tuple[Rate, ...] | None = None
    connections: int | None = None
    window: int | None = None
    limit: int | None = None
    wait: float | None = None
    in_doubt: InDoubt = "hold"
    retry: frozenset[Retry] = frozenset()
    accept_changes: bool = False
    accept_older_ledger: bool = False
    listener: Listener | None = None
    skip_invalid: bool = False
    approved: str = ""

    def limits(self, delivery: DeliverySection, target: Target) -> Limits:
        """Return the limits of a run to this target.

        A server without an account enforces no known rate. So only the rates of these options apply
        to it, and not those of campaign.toml.
        """
        return resolve_limits(
            delivery,
            target.account,
            rates=(self.rates or ()) if target.account is None else self.rates,
            connections=self.connections,
            window=self.window,
            wait=target.wait(self.wait),
            limit=target.limit(self.limit),
            in_doubt=self.in_doubt,
            counted_as=SANDBOX,
            in_hours=target.in_hours,
        )


def rates_of(given: Rates) -> tuple[Rate, ...] | None:
    """Return the rates that a caller gives; None if it gives none.

    Raises:
        CampaignError: a text is not a rate.
    """
    if given is None:
        return None
    listed = [given] if isinstance(given, str | Rate) else given
    try:
        return tuple(parse_rate(one) if isinstance(one, str) else one for one in listed)
    except ValueError as error:
        raise CampaignError(tr("rate: {error}", error=error), code="wrong-value") from error


def retries_of(given: Retries) -> frozenset[Retry]:
    """Return the kinds of recipients that a caller wants to try again.

    Raises:
        CampaignError: there is no such kind.
    """
    listed = frozenset([given] if isinstance(given, str) else given) - {""}
    for one in sorted(listed - frozenset(get_args(Retry))):
        raise CampaignError(
            tr('retry: {one!r} is not "rejected", "deferred" or "drafted"', one=one),
            code="wrong-value",
        )
    return cast("frozenset[Retry]", listed)


def seconds_of(given: float | str | None) -> float | None:
    """Return a duration such as "15 minutes", or a number of seconds, in seconds.

    Raises:
        CampaignError: the text is not a duration.
    """
    try:
        return parse_duration(given) if isinstance(given, str) else given
    except ValueError as error:
        raise CampaignError(tr("wait: {error}", error=error), code="wrong-value") from error
