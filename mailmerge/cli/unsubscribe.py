"""mailmerge unsubscribe-server and unsubscribe-key: the server behind the unsubscribe links."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from mailmerge.cli.terminal import CampaignPath, reports_errors, say
from mailmerge.language import tr


@reports_errors
def unsubscribe_server(
    where: CampaignPath = Path(),
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", min=0, max=65_535, help="The port; 0 for any.")
    ] = 8025,
    key_file: Annotated[
        Path | None,
        typer.Option("--key-file", metavar="FILE", help="The copied key, without a campaign."),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--list", metavar="FILE", help="With --key-file: the suppression list to write."
        ),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate", metavar="N", min=0, help="Requests a second for each client; 0 for no limit."
        ),
    ] = None,
) -> None:
    """Serve the unsubscribe links; each request goes into the suppression list."""
    import uvicorn

    from mailmerge.errors import CampaignError
    from mailmerge.unsubscribe import open_app

    environment = {**os.environ}
    if key_file is not None:
        environment["MAILMERGE_UNSUBSCRIBE_KEY"] = str(key_file)
        environment["MAILMERGE_UNSUBSCRIBE_LIST"] = str(listed or "")
    elif listed is not None:
        raise CampaignError(tr("--list needs --key-file"), hint=tr("add --key-file"), code="usage")
    else:
        environment.pop("MAILMERGE_UNSUBSCRIBE_KEY", None)
        environment["MAILMERGE_CAMPAIGN"] = str(where)
    app = open_app(environment, rate=rate)
    config = uvicorn.Config(app, host, port, log_level="warning", access_log=False)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=config.backlog)
    except OSError as error:
        raise CampaignError(
            tr("{host} port {port} cannot be used", host=host, port=port),
            hint=tr("choose another --port"),
            code="port-taken",
        ) from error
    # An answer is written in two parts. Connections inherit this, or each would wait 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    say(
        tr(
            "Unsubscribe server at http://{address}:{port} (Ctrl-C stops it)",
            address=host,
            port=listening.getsockname()[1],
        )
    )
    uvicorn.Server(config).run([listening])


@reports_errors
def unsubscribe_key(where: CampaignPath = Path()) -> None:
    """Make the key that signs unsubscribe links; a second one replaces it for new messages."""
    from mailmerge.errors import CampaignError
    from mailmerge.settings import load_settings
    from mailmerge.unsubscribe_links import add_key

    settings = load_settings(where)
    section = settings.message.unsubscribe
    if section is None or section.secret_command:
        raise CampaignError(
            tr("the campaign uses no key file"),
            file=settings.file,
            column="message.unsubscribe",
            hint=tr("add [message.unsubscribe] without secret_command"),
            code="unsubscribe-settings",
        )
    add_key(settings.folder / section.key_file)
    say(
        tr(
            "Added a key to {key_file}. Copy this file to the unsubscribe server.",
            key_file=section.key_file,
        )
    )
