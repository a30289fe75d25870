"""The server for an address, as `connect` and `login` suggest it where none is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailmerge.language import marked, tr

if TYPE_CHECKING:
    from mailmerge.credentials import Account
    from mailmerge.errors import CampaignError
    from mailmerge.providers.discovery import Discovery, FoundServer
    from mailmerge.settings import Settings

_WAYS = {
    "domain": marked("known for this domain"),
    "mx": marked("found by its MX record"),
    "srv": marked("found by its SRV record"),
    "autoconfig": marked("found by its autoconfig file"),
}


def account_or_suggestion(campaign: Settings, *, ask_dns: bool) -> Account:
    """The account of a campaign.

    Raises:
        CampaignError: [smtp] names no server; the hint has what it could name.
    """
    from mailmerge.credentials import find_account, require_account
    from mailmerge.providers.discovery import discover

    account = find_account(campaign.smtp, campaign.folder)
    if account is not None:
        return account
    address = campaign.smtp.username or _sender(campaign)
    known = discover(address, ask_dns=ask_dns) if "@" in address else None
    if known is None or (known.found is None and not known.silent):
        return require_account(campaign.smtp, campaign.folder)
    raise _no_server(known)


def discovered(address: str, *, ask_dns: bool) -> FoundServer:
    """The server for an address.

    Raises:
        CampaignError: none is known; or a server that was asked did not answer.
    """
    from mailmerge.errors import CampaignError
    from mailmerge.providers.discovery import discover

    known = discover(address, ask_dns=ask_dns)
    if known.found is not None:
        return known.found
    if known.silent:
        raise CampaignError(
            _unanswered(known), hint=tr("try again, or use --host HOST"), code="server-unknown"
        )
    raise CampaignError(
        tr("no server is known for {domain}", domain=known.domain or address),
        hint=tr("use --host HOST; the provider of the address names its SMTP server"),
        code="server-unknown",
    )


def description(found: FoundServer, domain: str) -> str:
    """Where the server is, and how it was found: one line."""
    service = found.provider.title if found.provider else f"{found.host}:{found.port}"
    return tr(
        "{domain}: {service}, {way}", domain=domain, service=service, way=tr(_WAYS[found.way])
    )


def _no_server(known: Discovery) -> CampaignError:
    from mailmerge.errors import CampaignError
    from mailmerge.settings import CAMPAIGN_FILE

    if known.found is None:
        hint = tr("{reason}; try again, or add provider or host", reason=_unanswered(known))
    else:
        hint = tr(
            "add {lines} ({description})",
            lines=", ".join(known.found.toml),
            description=description(known.found, known.domain),
        )
    return CampaignError(
        tr("no server is configured"),
        file=CAMPAIGN_FILE,
        column="smtp",
        hint=hint,
        code="no-server",
    )


def _unanswered(known: Discovery) -> str:
    return tr(
        "the server for {domain} is not known, because {servers} did not answer",
        domain=known.domain,
        servers=", ".join(known.silent),
    )


def _sender(campaign: Settings) -> str:
    """The address in From; "" if a template or nothing is there."""
    from mailmerge.errors import MailmergeError
    from mailmerge.recipients.address import parse_mailbox

    try:
        return parse_mailbox(campaign.message.from_, names=True).address
    except MailmergeError:
        return ""
