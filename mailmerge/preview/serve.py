"""Serves the preview of one campaign, from the command to Ctrl-C."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from mailmerge.language import tr
from mailmerge.preflight.check import CheckOptions
from mailmerge.preview.redirect_page import opened_in_browser
from mailmerge.preview.server import open_server
from mailmerge.preview.session import PreviewSession
from mailmerge.settings import load_settings


def serve_preview(
    where: Path,
    *,
    port: int = 0,
    open_browser: bool,
    say: Callable[[str], None] = print,
    page_language: str = "",
    extra: CheckOptions | None = None,
) -> None:
    """Serve the preview of a campaign on loopback until Ctrl-C.

    Port 0 means the port of the last preview, or a free one. `page_language` is the language of the
    page, "" for the browser's. `extra` has the parts of the check that have to be asked for.

    Raises:
        CampaignError: there is no campaign, or the port is in use.
    """
    session = PreviewSession(where, page_language, extra)
    if not session.campaign_file.is_file():
        load_settings(where)  # raises if it is missing; the page shows other errors
    with open_server(session, port) as server:
        say(tr("Reading the spreadsheet ..."))
        session.reload()
        address = server.access.address
        say(tr("The preview is at {address} (press Ctrl-C to stop it)", address=address))
        with contextlib.ExitStack() as opened:
            if open_browser:
                opened.enter_context(opened_in_browser(address, session.state_folder))
            with contextlib.suppress(KeyboardInterrupt):
                server.serve_until_stopped()
