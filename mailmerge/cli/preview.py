"""mailmerge preview: show every message in the browser before it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.chosen_language import chosen_by_option
from mailmerge.cli.terminal import CampaignPath, reports_errors, say
from mailmerge.language import tr
from mailmerge.wording import counted

if TYPE_CHECKING:
    from mailmerge.preflight.check import CheckOptions


@reports_errors
def preview(
    context: typer.Context,
    where: CampaignPath = Path(),
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="N",
            min=0,
            max=65_535,
            help="The port on 127.0.0.1; 0 for a free one.",
        ),
    ] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Write static pages into this folder, and do not serve."
        ),
    ] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Show the findings of check --deep as well.")
    ] = False,
    dns: Annotated[
        bool, typer.Option("--dns", help="Show the findings of check --dns as well.")
    ] = False,
) -> None:
    """Show every message in the browser.

    The page updates when you save a file of the campaign.
    """
    language, extra = chosen_by_option(context), _extra(deep, dns)
    if out is not None:
        from mailmerge.preview.static_pages import write_static_pages

        count = write_static_pages(where, out, page_language=language, extra=extra)
        written = counted(count, "message")
        say(tr("Wrote {messages}. Open {out}", messages=written, out=out / "index.html"))
        return
    from mailmerge.preview.serve import serve_preview

    serve_preview(
        where,
        port=port,
        open_browser=not no_open,
        say=say,
        page_language=language,
        extra=extra,
    )


def _extra(deep: bool, dns: bool) -> CheckOptions:
    from mailmerge.deliverability.resolver import DnsOptions
    from mailmerge.preflight.check import CheckOptions
    from mailmerge.preflight.deep.stage import DeepOptions

    return CheckOptions(dns=DnsOptions() if dns else None, deep=DeepOptions() if deep else None)
