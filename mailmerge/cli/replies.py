"""mailmerge replies: read what came back by mail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.terminal import Json, ask_password, print_json, reports_errors, say
from mailmerge.language import marked, tr, trn
from mailmerge.wording import one_line

if TYPE_CHECKING:
    from mailmerge.mailbox.account import ImapAccount
    from mailmerge.mailbox.imap import ImapFolder
    from mailmerge.mailbox.replies import Collected, Reply
    from mailmerge.settings import Settings

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 300.0
_WAIT_SECONDS = 300.0

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
            metavar="FILES",
            help="Mails as files (.eml), mbox files, Maildirs, or folders of these; by default the "
            "mailbox of [imap] is read.",
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
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep reading the mailbox of [imap] as mails arrive.")
    ] = False,
    mark_read: Annotated[
        bool,
        typer.Option(
            "--mark-read", help="Mark mails about your messages as read in the mailbox of [imap]."
        ),
    ] = False,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            metavar="DATE",
            help="The first time, read the mailbox from this day on (2026-11-27); by default from "
            "the first message of the campaign on.",
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Read bounces, complaints, unsubscribe mails and answers, and record what they say."""
    from mailmerge.errors import CampaignError
    from mailmerge.mailbox.account import imap_account
    from mailmerge.mailbox.replies import collect_replies
    from mailmerge.mailbox.sources import read_mails
    from mailmerge.settings import CAMPAIGN_FILE, load_settings

    paths = [*(files or ()), *(source or ())]
    is_campaign = where.suffix == ".toml" or (where / CAMPAIGN_FILE).exists()
    if not is_campaign and where.exists() and where != Path():
        where, paths = Path(), [where, *paths]
    settings = load_settings(where)
    if paths and (watch or mark_read or since):
        raise CampaignError(
            tr("--watch, --mark-read and --since are for the mailbox of [imap]"),
            hint=tr("leave out the files, or these options"),
            code="usage",
        )
    if paths:
        found = collect_replies(settings, read_mails(paths), words=words, again=again)
        _report(found, json=json)
        return
    account = imap_account(settings, ask=ask_password())
    reading = _Reading(words, again, mark_read, _day(since))
    _report(_read(settings, account, reading), json=json)
    if watch:
        _watch(settings, account, reading, json=json)


@dataclass(frozen=True)
class _Reading:
    """How the mailbox is read."""

    words: bool
    again: bool
    mark_read: bool
    since: float | None


def _day(text: str) -> float | None:
    from datetime import datetime

    from mailmerge.errors import CampaignError

    try:
        return datetime.fromisoformat(text).astimezone().timestamp() if text else None
    except ValueError as error:
        raise CampaignError(
            tr("--since: {text} is not a day", text=repr(text[:40])),
            hint=tr("write it as 2026-11-27"),
            code="usage",
        ) from error


def _read(settings: Settings, account: ImapAccount, reading: _Reading) -> Collected:
    from mailmerge.mailbox.imap import ImapFolder

    with ImapFolder(account) as folder:
        return _read_folder(settings, folder, account, reading)


def _read_folder(
    settings: Settings, folder: ImapFolder, account: ImapAccount, reading: _Reading
) -> Collected:
    from mailmerge.mailbox.replies import collect_mailbox

    return collect_mailbox(
        settings,
        folder,
        account.name,
        words=reading.words,
        again=reading.again,
        mark_read=reading.mark_read,
        since=reading.since,
    )


def _watch(settings: Settings, account: ImapAccount, reading: _Reading, *, json: bool) -> None:
    """Read new mails as they arrive, until the user stops it; a lost connection is opened again."""
    import time

    from mailmerge.errors import LedgerHeld, ServerError
    from mailmerge.mailbox.imap import ImapFolder

    reading, pause = replace(reading, again=False), _FIRST_PAUSE
    while True:
        try:
            with ImapFolder(account) as folder:
                while True:
                    found = _read_folder(settings, folder, account, reading)
                    if found.counts["read"]:
                        _report(found, json=json)
                    pause = _FIRST_PAUSE
                    folder.wait(_WAIT_SECONDS)
        except (ServerError, LedgerHeld) as error:
            say(one_line(str(error)))
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)


def _report(found: Collected, *, json: bool) -> None:
    if json:
        print_json(found.document())
    else:
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
