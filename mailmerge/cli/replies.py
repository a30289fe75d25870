"""mailmerge replies: read what came back by mail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.terminal import Json, print_json, reports_errors, say
from mailmerge.language import marked, tr, trn

if TYPE_CHECKING:
    from mailmerge.mailbox.replies import Collected, Reply

_LISTED = 20
_NAMES = {
    "matched": marked("about messages of this campaign folder"),
    "bounced": marked("bounced"),
    "complained": marked("complaints"),
    "unsubscribed": marked("unsubscribed"),
    "answered": marked("answers"),
    "auto_replied": marked("automatic replies"),
    "delivered": marked("delivery reports"),
    "not_ours": marked("about other things"),
    "suppressed": marked("addresses added to the suppression list"),
}


@reports_errors
def replies(
    where: Annotated[
        Path,
        typer.Argument(
            metavar="CAMPAIGN",
            help="The campaign's folder or its campaign.toml; by default the current folder.",
            show_default=False,
        ),
    ] = Path(),
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILES...",
            help="Mails as files (.eml), mbox files, Maildirs, or folders of these.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", metavar="PATH", help="A file or folder of mails; can be used several times."
        ),
    ] = None,
    words: Annotated[
        bool,
        typer.Option(
            "--words",
            help='Also unsubscribe those who write only "unsubscribe" or such a word as subject.',
        ),
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Judge mails again that were read before.")
    ] = False,
    json: Json = False,
) -> None:
    """Read bounces, complaints, unsubscribe mails and answers, and record what they say."""
    from mailmerge.errors import CampaignError
    from mailmerge.mailbox.replies import collect_replies
    from mailmerge.mailbox.sources import read_mails
    from mailmerge.settings import CAMPAIGN_FILE, load_settings

    paths = [*(files or ()), *(source or ())]
    is_campaign = where.suffix == ".toml" or (where / CAMPAIGN_FILE).exists()
    if not is_campaign and where.exists() and where != Path():
        where, paths = Path(), [where, *paths]
    settings = load_settings(where)
    if not paths:
        raise CampaignError(
            tr("no mails are named"),
            hint=tr("add files, an mbox, a Maildir or a folder of mails: replies . bounces.mbox"),
            code="no-mails",
        )
    found = collect_replies(settings, read_mails(paths), words=words, again=again)
    if json:
        print_json(found.document())
        return
    _show(found)


def _show(found: Collected) -> None:
    counts = found.document()
    say(trn("Read {count:,} mail:", "Read {count:,} mails:", counts["read"]))
    width = max(len(f"{count:,}") for count in counts.values())
    for name, words in _NAMES.items():
        if counts[name]:
            typer.echo(f"{counts[name]:>{width},}  {tr(words)}")
    if not any(counts[name] for name in _NAMES):
        typer.echo(tr("Nothing new."))
    for one in found.replies[:_LISTED]:
        typer.echo(_line(one))
    if len(found.replies) > _LISTED:
        typer.echo("  " + tr("... and more: status --export FILE.csv lists all of them"))


def _line(one: Reply) -> str:
    from mailmerge.wording import one_line

    kind = _KINDS[one.kind.value + (" hard" if one.hard else "")]
    return one_line(f"  {one.address}  {tr(kind)}  {one.reason}")[:_WIDEST]


_WIDEST = 200
_KINDS = {
    "bounced": marked("bounced (soft)"),
    "bounced hard": marked("bounced (hard)"),
    "complained": marked("complained"),
    "unsubscribed": marked("unsubscribed"),
    "answered": marked("answered"),
    "auto_replied": marked("automatic reply"),
    "delivered": marked("delivered"),
}
