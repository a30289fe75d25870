"""Command line, campaign.toml and provider -> Limits: how fast, how many, how long.

Limits add up: those of the command line, of campaign.toml and of the provider all hold, and the
stricter governs. So a default of campaign.toml never lifts the limit of an account. Other settings
of the command line replace those of campaign.toml. This is decided only here. Both the plan and the
run take the result, so a run does what its plan says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailmerge.credentials import Account, Allowance
from mailmerge.engine.hours import Schedule, schedule_of
from mailmerge.engine.retry import ReplyRules, no_rules
from mailmerge.language import tr
from mailmerge.ledger.interface import InDoubt
from mailmerge.providers.lookup import provider_of_host
from mailmerge.settings import DeliverySection, Rate, parse_duration, strictest


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a run.

    Attributes:
        rates: the rates of all messages.
        domain_rates: further rates for the recipients of a domain.
        connections: the maximum number of parallel connections.
        window: the maximum number of messages in flight on each connection.
        messages_per_connection: the maximum number of messages on a connection, or None.
        wait: the maximum seconds to wait for deferred recipients, or for a quota.
        limit: the maximum number of recipients to try, or None.
        in_doubt: what to do with recipients in doubt.
        size_limit: the maximum size of a message in bytes, or None if it is not known.
        account: the name under which the rates are counted.
        rules: what replies mean at this provider.
        schedule: the hours in which recipients may be sent; None means at any time.
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
    schedule: Schedule | None = None


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
    in_hours: bool = True,
) -> Limits:
    """Return the limits of a run of a campaign.

    `delivery` is the section of campaign.toml. `account` is the server with what is known of its
    provider, or None for the sandbox. The other arguments come from the command line; None means
    not given, and with rates but no account only these rates hold. `counted_as` is the name under
    which rates are counted if there is no account. `in_hours` says whether [delivery] hours hold.
    """
    known = account.allows if account else Allowance()
    allows = known.within(delivery)
    sources = {"--rate": tuple(rates or ())}
    if account is not None or rates is None:
        sources |= {"campaign.toml": delivery.rate, _provider_name(account): known.rates}
    return Limits(
        rates=_with_origins(strictest(*sources.values()), sources),
        domain_rates=delivery.domain_rates,
        connections=_connections(connections, allows, known),
        window=window or delivery.window,
        messages_per_connection=allows.messages_per_connection,
        wait=wait if wait is not None else parse_duration(delivery.wait),
        limit=limit,
        in_doubt=in_doubt,
        size_limit=allows.message_size,
        account=account.name if account else counted_as,
        rules=_rules(account),
        schedule=schedule_of(delivery) if in_hours else None,
    )


def _connections(wanted: int | None, allows: Allowance, known: Allowance) -> int:
    if wanted is None:
        return allows.connections or 1
    return min(wanted, known.connections or wanted)


def _provider_name(account: Account | None) -> str:
    return (
        account.provider.title if account is not None and account.provider else tr("the provider")
    )


def _with_origins(rates: Sequence[Rate], sources: Mapping[str, Sequence[Rate]]) -> tuple[Rate, ...]:
    """The rates with where each comes from; unchanged if all are from one place."""
    if sum(map(bool, sources.values())) <= 1:
        return tuple(rates)
    return tuple(replace(rate, origin=_origin(rate, sources)) for rate in rates)


def _origin(rate: Rate, sources: Mapping[str, Sequence[Rate]]) -> str:
    names = [name for name, listed in sources.items() if rate in listed]
    looser = [
        tr("{rate} of {source}", rate=other, source=name)
        for name, listed in sources.items()
        for other in listed
        if other.seconds == rate.seconds and other.count > rate.count
    ]
    sources_in_words = tr(" and ").join(names)
    if not looser:
        return sources_in_words
    return tr(
        "{sources}, stricter than {looser}",
        sources=sources_in_words,
        looser=tr(" and ").join(looser),
    )


def _rules(account: Account | None) -> ReplyRules:
    """Return the rules of the provider, even if campaign.toml names only its host."""
    if account is None:
        return no_rules
    provider = account.provider or provider_of_host(account.server.host)
    return provider.action_for if provider is not None else no_rules
