"""mailmerge connect: the SMTP dialogue line by line, secrets hidden, each reply explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.completion import campaigns
from mailmerge.cli.discovery import account_or_suggestion, description, discovered
from mailmerge.cli.passwords import password_prompt
from mailmerge.cli.silent_addresses import silent_address_notes
from mailmerge.cli.terminal import Json, NoDns, ask_password, folded, print_json, reports_errors
from mailmerge.language import tr
from mailmerge.wording import one_line, padded

if TYPE_CHECKING:
    from mailmerge.credentials import Account
    from mailmerge.errors import MailmergeError
    from mailmerge.providers.dialogue import DialogueLine, Explainer, ServerReport
    from mailmerge.providers.discovery import FoundServer
    from mailmerge.providers.offers import CampaignNeeds
    from mailmerge.settings import Settings
    from mailmerge.smtp import Credentials, Envelope


class _Security(StrEnum):
    """How the connection is encrypted."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


_INDENT = " " * 5
_COLUMN = " " * 23
"""The indent of the meaning of an extension."""


@reports_errors
def connect(
    where: Annotated[
        Path | None,
        typer.Argument(
            metavar="CAMPAIGN",
            help="The campaign whose server to test.",
            show_default=False,
            autocompletion=campaigns,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Test this server, without a campaign.")
    ] = "",
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=1, max=65_535, help="The port of --host."),
    ] = None,
    security: Annotated[
        _Security | None,
        typer.Option(
            "--security", metavar="HOW", help="The encryption of --host: tls, starttls or none."
        ),
    ] = None,
    username: Annotated[
        str,
        typer.Option("--username", metavar="NAME", help="Log in to --host; asks for the password."),
    ] = "",
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="ADDRESS", help="Test whether the server accepts this recipient."
        ),
    ] = "",
    no_dns: NoDns = False,
    json: Json = False,
) -> None:
    """Test the connection to the server and the log-in.

    The dialogue is shown line by line, with explanations. No message is sent. With --username
    ADDRESS alone, the server of the address is looked up.
    """
    from mailmerge.credentials import read_credentials

    found = None
    if username and not (host or port or security or where):
        found = discovered(username, ask_dns=not no_dns)
        campaign, account = None, _account_of(found)
        if not json:
            _show_found(found, username)
    else:
        campaign, account = _campaign_and_account(
            where, host, port, security, username, ask_dns=not no_dns
        )
    envelope = _envelope(campaign, account, to) if to else None
    # The dialogue as a document is that of one connection, so its password is not tried before.
    ask = ask_password() if json else password_prompt(account, offers_to_keep=True)
    credentials = read_credentials(account, ask=ask)
    attempt = _Attempt(account, credentials, envelope, found, by_options=bool(host or found))
    if json:
        _print_document(attempt)
    else:
        _show_dialogue(attempt, lambda: _needs(campaign, account))


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One dialogue with a server."""

    account: Account
    credentials: Credentials | None
    envelope: Envelope | None
    found: FoundServer | None = None
    by_options: bool = False

    def worded(self, error: MailmergeError) -> MailmergeError:
        """The error with the names of options, if these and not campaign.toml name the server."""
        from mailmerge.providers.hints import as_user_error
        from mailmerge.smtp.errors import SmtpError

        cause = error.__cause__
        if not self.by_options or not isinstance(cause, SmtpError):
            return error
        return as_user_error(cause, host=self.account.server.host, by_options=True)

    def explainer(self, show: Callable[[DialogueLine], None]) -> Explainer:
        from mailmerge.providers.dialogue import Explainer
        from mailmerge.providers.lookup import provider_of_host

        provider = self.account.provider or provider_of_host(self.account.server.host)
        name = provider.name if provider else ""
        return Explainer(show, provider=name)

    def examine(self, explainer: Explainer) -> ServerReport:
        from mailmerge.providers.dialogue import examine

        server = self.account.server
        return examine(server, self.credentials, explainer, envelope=self.envelope)


def _show_dialogue(attempt: _Attempt, needs: Callable[[], CampaignNeeds]) -> None:
    """Show the dialogue line by line, then the server's extensions and advice."""
    from mailmerge.errors import MailmergeError
    from mailmerge.providers.catalogue import text

    name, security = attempt.account.server_name, attempt.account.server.security
    typer.echo(text("connect.connecting", server=name, security=security))
    explainer = attempt.explainer(_show_line)
    try:
        report = attempt.examine(explainer)
    except MailmergeError as error:
        raise explainer.brief(attempt.worded(error)) from error
    for note in silent_address_notes(attempt.account.server):
        typer.echo(note)
    _show_offers(report)
    _show_advice(report, needs())
    refused = report.error()
    if refused is not None:
        raise explainer.brief(refused)


def _print_document(attempt: _Attempt) -> None:
    """Print the dialogue as one JSON document, even if it fails."""
    from mailmerge.errors import MailmergeError

    lines: list[DialogueLine] = []
    explainer = attempt.explainer(lines.append)
    try:
        report = attempt.examine(explainer)
    except MailmergeError as error:
        worded = attempt.worded(error)
        print_json(_document(attempt, lines, None, worded))
        raise explainer.brief(worded) from error
    print_json(_document(attempt, lines, report, None))
    refused = report.error()
    if refused is not None:
        raise explainer.brief(refused)


def _campaign_and_account(
    where: Path | None,
    host: str,
    port: int | None,
    security: _Security | None,
    username: str,
    *,
    ask_dns: bool,
) -> tuple[Settings | None, Account]:
    """The campaign with its account, or no campaign and the account of the options."""
    from mailmerge.credentials import require_account
    from mailmerge.errors import CampaignError
    from mailmerge.settings import SmtpSection, load_settings

    if not host:
        if port or security or username:
            raise CampaignError(
                tr("--port, --security and --username need --host"),
                hint=tr("add --host HOST"),
                code="usage",
            )
        campaign = load_settings(where or Path())
        return campaign, account_or_suggestion(campaign, ask_dns=ask_dns)
    if where is not None:
        raise CampaignError(
            tr("a campaign and --host exclude each other"),
            hint=tr("leave out one of them"),
            code="usage",
        )
    smtp = SmtpSection(
        host=host,
        port=port,
        security=security.value if security else None,
        username=username,
        plain_text_login=security is _Security.NONE,
    )
    return None, require_account(smtp, Path())


def _account_of(found: FoundServer) -> Account:
    """The account at a server that was found; without a log-in where only OAuth works."""
    from mailmerge.credentials import require_account
    from mailmerge.settings import SmtpSection

    provider = found.provider
    smtp = SmtpSection(
        provider=provider.name if provider else "",
        host=found.host,
        port=found.port,
        security=found.security,
        username="" if provider and provider.login == "oauth" else found.username,
    )
    return require_account(smtp, Path())


def _show_found(found: FoundServer, username: str) -> None:
    """Print the server that was found, as lines for campaign.toml."""
    typer.echo(one_line(description(found, username.rpartition("@")[2])))
    typer.echo("  [smtp]")
    for line in found.toml:
        typer.echo(one_line(f"  {line}"))
    if found.provider and found.provider.login == "oauth":
        typer.echo(
            tr("It is tested without a log-in, because this service needs `mailmerge login`.")
        )
    typer.echo()


def _envelope(campaign: Settings | None, account: Account, to: str) -> Envelope:
    """The envelope of the test: its sender is the campaign's, or the log-in, or the recipient."""
    from mailmerge.recipients.address import parse_mailbox
    from mailmerge.smtp import Envelope

    recipient = parse_mailbox(to)
    login = account.username if "@" in account.username else ""
    own = (campaign.message.reverse_path or campaign.message.from_) if campaign else ""
    sender = parse_mailbox(own or login or to, names=True)
    utf8 = recipient.needs_smtputf8 or sender.needs_smtputf8
    return Envelope(sender.forward_path, (recipient.forward_path,), smtputf8=utf8)


def _needs(campaign: Settings | None, account: Account) -> CampaignNeeds:
    from mailmerge.engine.limits import resolve_limits
    from mailmerge.providers.offers import CampaignNeeds
    from mailmerge.settings import DeliverySection

    limits = resolve_limits(campaign.delivery if campaign else DeliverySection(), account)
    return CampaignNeeds(
        window=limits.window,
        connections=limits.connections,
        messages_per_connection=limits.messages_per_connection,
        rates=tuple(str(rate) for rate in limits.rates),
        max_size=limits.size_limit,
        sample=_sample_size(campaign) if campaign else None,
        nearby=account.is_loopback,
    )


def _sample_size(campaign: Settings) -> int | None:
    """The size of the first message in bytes; None if it cannot be made (the check says why)."""
    from mailmerge.errors import MailmergeError
    from mailmerge.export import sample_messages
    from mailmerge.messages import message_factory
    from mailmerge.recipients.audience import Selection, open_audience

    if campaign.recipients.file == "-":
        return None
    try:
        audience = open_audience(campaign, Selection(limit=1))
        _, message = next(sample_messages(audience, message_factory(campaign)))
    except MailmergeError:
        return None
    return message.size


def _show_line(line: DialogueLine) -> None:
    """Print one line, and below the last line of a reply its explanation."""
    colour = {"C": "cyan", "S": "red" if line.code >= 400 else "green"}[line.side]
    typer.echo(f"{typer.style(f'{line.side}:', fg=colour, bold=True)} {one_line(line.text)}")
    if line.explanation:
        meaning = folded(line.explanation.meaning, first=_INDENT, rest=_INDENT)
        typer.echo(typer.style(meaning, dim=True if line.code < 400 else None))
        if line.explanation.action:
            typer.echo(folded(line.explanation.action, first="   → ", rest=_INDENT))


def _show_offers(report: ServerReport) -> None:
    """Print the extensions that the server offers, and those that it lacks."""
    from mailmerge.providers.offers import offers

    listed = offers(report.capabilities)
    missing = [offer for offer in listed if not offer.offered]
    _show_heading("offers")
    if report.tls_version:
        _show_row("TLS", report.tls_version)
    for offer in listed:
        if offer.offered:
            _show_row(offer.keyword, offer.meaning or offer.value)
    if missing:
        _show_heading("missing")
    for offer in missing:
        _show_row(offer.keyword, offer.meaning)


def _show_advice(report: ServerReport, needs: CampaignNeeds) -> None:
    """Print the consequences for the campaign."""
    from mailmerge.providers.offers import advice

    sentences = advice(report.capabilities, needs)
    if sentences:
        _show_heading("advice")
    for sentence in sentences:
        typer.echo(folded(sentence, first="  ", rest="  "))


def _show_row(keyword: str, meaning: str) -> None:
    label = padded(f"  {one_line(keyword)}", len(_COLUMN))
    typer.echo(folded(one_line(meaning), first=label, rest=_COLUMN))


def _show_heading(name: str) -> None:
    from mailmerge.providers.catalogue import text

    typer.echo()
    typer.echo(typer.style(text(f"connect.{name}"), bold=True))


def _document(
    attempt: _Attempt,
    lines: list[DialogueLine],
    report: ServerReport | None,
    error: MailmergeError | None,
) -> dict[str, object]:
    """The dialogue as plain values."""
    keywords = report.capabilities.keywords if report else {}
    refusal = (report.refusal or report.impossible) if report else ""
    account, found = attempt.account, attempt.found
    return {
        **({} if found is None else {"found": found.as_json()}),
        "server": account.server_name,
        "security": account.server.security,
        "tls": report.tls_version if report else "",
        "dialogue": [
            {
                "side": line.side,
                "line": line.text,
                "meaning": line.explanation.meaning if line.explanation else "",
                "action": line.explanation.action if line.explanation else "",
            }
            for line in lines
        ],
        "offers": {keyword: " ".join(values) for keyword, values in keywords.items()},
        "refused": str(refusal),
        "error": str(error) if error else "",
    }
