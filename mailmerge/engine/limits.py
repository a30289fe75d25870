"""Command line, campaign.toml and provider -> Limits: how fast, how many, how long.

A setting of the command line wins over campaign.toml, and campaign.toml over what is known of the
provider. This is decided here and nowhere else, and both the plan and the run take the result, so
that a run does what its plan has said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailmerge.credentials import Account, Allowance
from mailmerge.engine.retry import ReplyRules, no_rules
from mailmerge.ledger.interface import InDoubt
from mailmerge.providers.lookup import provider_of_host
from mailmerge.settings import DeliverySection, Rate, parse_duration


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a run.

    `rates` hold for all messages, and `domain_rates` in addition for the recipients of a domain.
    They are counted under the name `account`. `window` is the number of messages in flight on each
    connection; `messages_per_connection` is None where nothing limits it. `wait` is the time in
    seconds that a run may wait for deferred recipients, or for a quota. `limit` is the number of
    recipients to try at most. `size_limit` is the largest message in bytes, None where it is not
    known. `rules` say what replies mean at this provider.
    """

    rates: tuple[Rate, ...] = ()
    domain_rates: Mapping[str, Sequence[Rate]] = field(default_factory=dict)
    connections: int = 1
    window: int = 1
    messages_per_connection: int | None = None
    wait: float = 0.0
    limit: int | None = None
    in_doubt: InDoubt = "hold"
    size_limit: int | None = None
    account: str = ""
    rules: ReplyRules = no_rules


def resolve_limits(
    delivery: DeliverySection,
    account: Account | None = None,
    *,
    rates: Sequence[Rate] | None = None,
    connections: int | None = None,
    window: int | None = None,
    wait: float | None = None,
    limit: int | None = None,
    in_doubt: InDoubt = "hold",
    counted_as: str = "",
) -> Limits:
    """The limits of a run of a campaign.

    `delivery` is the section of campaign.toml, `account` the server and what is known of its
    provider; None where the server is our own, as in the sandbox. The other arguments are those of
    the command line; None means that it does not say. `counted_as` names what the rates are counted
    under where there is no account.
    """
    allows = (account.allows if account else Allowance()).within(delivery)
    return Limits(
        rates=tuple(rates) if rates is not None else allows.rates,
        domain_rates=delivery.domain_rates,
        connections=connections or allows.connections or 1,
        window=window or delivery.window,
        messages_per_connection=allows.messages_per_connection,
        wait=wait if wait is not None else parse_duration(delivery.wait),
        limit=limit,
        in_doubt=in_doubt,
        size_limit=allows.message_size,
        account=account.name if account else counted_as,
        rules=_rules(account),
    )


def _rules(account: Account | None) -> ReplyRules:
    """What replies mean at the provider, also where campaign.toml names only its host."""
    if account is None:
        return no_rules
    provider = account.provider or provider_of_host(account.server.host)
    return provider.action_for if provider is not None else no_rules
