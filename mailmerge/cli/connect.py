"""mailmerge connect: the SMTP dialogue line by line, secrets hidden, each reply explained."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.terminal import Json, ask_password, folded, print_json, reports_errors
from mailmerge.wording import one_line, padded, size_in_words

if TYPE_CHECKING:
    from mailmerge.campaign import Campaign
    from mailmerge.credentials import Account
    from mailmerge.errors import MailmergeError
    from mailmerge.providers.dialogue import Line, Rehearsal, Wishes
    from mailmerge.providers.lookup import Language
    from mailmerge.smtp.command import Envelope


class Security(StrEnum):
    """How the connection is encrypted."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


_INDENT = " " * 5
_HEADINGS = {
    "connecting": ("Connecting to", "正在连接"),
    "offers": ("What the server offers", "服务器支持的扩展"),
    "missing": ("What it does not offer", "不支持的扩展"),
    "advice": ("What that means here", "这意味着"),
}


_FITS = (
    "The first message of the campaign has {}. It fits.",
    "本活动的第一封邮件为 {}，可以发送。",
)
_TOO_LARGE = (
    "The first message of the campaign has {}: this server would refuse it.",
    "本活动的第一封邮件为 {}，该服务器会拒收。",
)


@reports_errors
def connect(
    where: Annotated[
        Path | None,
        typer.Argument(
            metavar="CAMPAIGN", help="The campaign whose server to test.", show_default=False
        ),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="A server, instead of a campaign.")
    ] = "",
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=1, max=65_535, help="Its port.")
    ] = None,
    security: Annotated[
        Security | None,
        typer.Option(
            "--security",
            metavar="HOW",
            help="How to encrypt: tls, starttls or none.",
        ),
    ] = None,
    username: Annotated[
        str, typer.Option("--username", metavar="NAME", help="Log in; asks for the password.")
    ] = "",
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="ADDRESS", help="Ask the server about this recipient; nothing is sent."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Test the connection to the server; send nothing.

    Each line of the dialogue is shown and explained.
    """
    from mailmerge.credentials import read_credentials, require_account
    from mailmerge.errors import MailmergeError
    from mailmerge.providers.dialogue import Narrator, refused, rehearse
    from mailmerge.providers.explanations import language_of_locale
    from mailmerge.providers.lookup import provider_of_host

    campaign = _campaign(where, host, port, security, username)
    account = require_account(campaign)
    language = language_of_locale(os.environ)
    provider = account.provider or provider_of_host(account.server.host)
    envelope = _envelope(campaign, account, to) if to else None
    credentials = read_credentials(campaign, account, ask=ask_password())
    lines: list[Line] = []
    if not json:
        words = _HEADINGS["connecting"][language == "zh"]
        typer.echo(f"{words} {account.server_name} ({account.server.security})")
    narrator = Narrator(
        lines.append if json else _show,
        provider=provider.name if provider else "",
        language=language,
    )
    try:
        found = rehearse(account.server, credentials, narrator, envelope=envelope)
    except MailmergeError as error:
        if json:
            print_json(_document(account, lines, None, error))
        raise narrator.in_short(error) from error
    if json:
        print_json(_document(account, lines, found, None))
    else:
        sample = None if host else _sample_size(campaign)
        _conclude(found, _wishes(campaign, account), sample, language)
    trouble = refused(found)
    if trouble is not None:
        raise narrator.in_short(trouble)


def _campaign(
    where: Path | None, host: str, port: int | None, security: Security | None, username: str
) -> Campaign:
    """The campaign that is named, or one made up of a server and nothing else."""
    from mailmerge import campaign as campaigns
    from mailmerge.errors import CampaignError

    if not host:
        if port or security or username:
            raise CampaignError("--port, --security and --username need --host", code="usage")
        return campaigns.load_campaign(where or Path())
    if where is not None:
        raise CampaignError("name a campaign or --host, not both", code="usage")
    smtp = campaigns.SmtpSection(
        host=host,
        port=port,
        security=security.value if security else None,
        username=username,
        plain_text_login=security is Security.NONE,
    )
    return campaigns.Campaign(
        Path(),
        campaigns.CampaignSection(),
        campaigns.RecipientsSection(),
        campaigns.MessageSection.model_validate(_NO_MESSAGE),
        smtp,
        campaigns.DeliverySection(),
    )


_NO_MESSAGE = {"from": "", "subject": "", "text": "none"}


def _envelope(campaign: Campaign, account: Account, to: str) -> Envelope:
    """From the campaign's sender, or the log-in, or else the recipient to themselves."""
    from mailmerge.recipients.address import parse_mailbox
    from mailmerge.smtp.command import Envelope

    recipient = parse_mailbox(to)
    login = account.username if "@" in account.username else ""
    message = campaign.message
    sender = parse_mailbox(message.reverse_path or message.from_ or login or to, names=True)
    utf8 = recipient.needs_smtputf8 or sender.needs_smtputf8
    return Envelope(sender.forward_path, (recipient.forward_path,), smtputf8=utf8)


def _wishes(campaign: Campaign, account: Account) -> Wishes:
    from mailmerge.providers.dialogue import Wishes

    return Wishes(
        window=campaign.delivery.window,
        connections=account.connections,
        messages_per_connection=account.messages_per_connection,
        rates=tuple(str(rate) for rate in account.rates),
        max_size=account.size_limit,
        nearby=account.is_loopback,
    )


def _sample_size(campaign: Campaign) -> int | None:
    """The octets of the first message; None where none can be made, which the check explains."""
    from mailmerge.errors import MailmergeError
    from mailmerge.mime.export import merge
    from mailmerge.recipients.audience import Selection

    if campaign.recipients.file == "-":
        return None
    try:
        return len(next(merge(campaign, Selection(limit=1))).octets)
    except MailmergeError:
        return None


def _show(line: Line) -> None:
    """One line on standard output, and below a reply what it means."""
    colour = {"C": "cyan", "S": "red" if line.code >= 400 else "green"}[line.side]
    typer.echo(f"{typer.style(f'{line.side}:', fg=colour, bold=True)} {one_line(line.text)}")
    if line.explanation:
        meaning = folded(line.explanation.meaning, first=_INDENT, rest=_INDENT)
        typer.echo(typer.style(meaning, dim=True if line.code < 400 else None))
        if line.explanation.action:
            typer.echo(folded(line.explanation.action, first="   → ", rest=_INDENT))


def _conclude(found: Rehearsal, wishes: Wishes, sample: int | None, language: Language) -> None:
    """What the server offers, what it lacks, and what follows for a message of `sample` octets."""
    from mailmerge.providers.dialogue import advice, offers, size_limit

    listed = offers(found.capabilities, language=language)
    there = [offer for offer in listed if offer.offered]
    _heading("offers", language)
    if found.tls_version:
        _row("TLS", found.tls_version)
    for offer in there:
        _row(offer.keyword, offer.meaning or offer.value)
    missing = [offer for offer in listed if not offer.offered]
    if missing:
        _heading("missing", language)
    for offer in missing:
        _row(offer.keyword, offer.meaning)
    sentences = [*advice(found.capabilities, wishes, language=language)]
    limit = size_limit(found.capabilities, wishes)
    if sample and limit:
        words = _FITS if sample <= limit else _TOO_LARGE
        sentences.insert(1, words[language == "zh"].format(size_in_words(sample)))
    if sentences:
        _heading("advice", language)
    for sentence in sentences:
        typer.echo(folded(sentence, first="  ", rest="  "))


def _row(keyword: str, meaning: str) -> None:
    label = padded(f"  {one_line(keyword)}", 23)
    typer.echo(folded(one_line(meaning), first=label, rest=" " * 23))


def _heading(name: str, language: Language) -> None:
    typer.echo()
    typer.echo(typer.style(_HEADINGS[name][language == "zh"], bold=True))


def _document(
    account: Account, lines: list[Line], found: Rehearsal | None, error: MailmergeError | None
) -> dict[str, object]:
    """The dialogue as one JSON document."""
    keywords = found.capabilities.keywords if found else {}
    refusal = (found.refusal or found.impossible) if found else ""
    return {
        "server": account.server_name,
        "security": account.server.security,
        "tls": found.tls_version if found else "",
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
