"""mailmerge render: write messages to files, or print one of them."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mailmerge.cli.terminal import CampaignPath, reports_errors, say
from mailmerge.language import tr
from mailmerge.wording import counted


class _Format(StrEnum):
    """The file formats of a message."""

    EML = "eml"
    HTML = "html"
    TEXT = "text"
    MBOX = "mbox"
    MAILDIR = "maildir"


@reports_errors
def render(
    where: CampaignPath = Path(),
    to: Annotated[
        str, typer.Option("--to", metavar="ADDRESS", help="Only the recipient with this address.")
    ] = "",
    row: Annotated[
        int | None,
        typer.Option("--row", metavar="N", min=1, help="Only the recipient in this row."),
    ] = None,
    all_recipients: Annotated[
        bool, typer.Option("--all", help="All recipients; needs --out.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write files into this folder.")
    ] = None,
    form: Annotated[
        _Format,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="The format: eml, html, text, mbox or maildir.",
        ),
    ] = _Format.EML,
) -> None:
    """Write messages to files, or print one.

    Without --to, --row or --all, it renders the message of the first recipient.
    """
    from mailmerge.errors import CampaignError
    from mailmerge.export import export_messages, message_bytes, sample_messages
    from mailmerge.messages import message_factory
    from mailmerge.recipients.audience import Selection, open_audience
    from mailmerge.reports.sent_before import without_sent_before
    from mailmerge.settings import load_settings

    if bool(to) + (row is not None) + all_recipients > 1:
        raise CampaignError(
            tr("--to, --row and --all exclude each other"),
            hint=tr("leave out all but one"),
            code="usage",
        )
    if out is None and (all_recipients or form in (_Format.MBOX, _Format.MAILDIR)):
        what = "--all" if all_recipients else f"--format {form.value}"
        raise CampaignError(
            tr("{what} needs a folder", what=what), hint=tr("add --out DIR"), code="usage"
        )
    limit = None if all_recipients or row is not None else 1
    campaign = load_settings(where)
    factory = message_factory(campaign)
    audience = open_audience(
        campaign, without_sent_before(campaign, Selection(only=to, limit=limit))
    )
    messages = sample_messages(audience, factory, row=row)
    if out is None:
        _, message = next(messages)
        sys.stdout.buffer.write(message_bytes(message, form.value))
        return
    say(
        tr(
            "Wrote {messages} into {out}",
            messages=counted(export_messages(messages, out, form.value), "message"),
            out=out,
        )
    )
