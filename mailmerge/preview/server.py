"""Serves the preview of one campaign on loopback, from the command to Ctrl-C."""

from __future__ import annotations

import contextlib
import socket
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from mailmerge.campaign import load_campaign
from mailmerge.errors import CampaignError
from mailmerge.preview.access import Access, remember_door, remembered_door
from mailmerge.preview.routes import make_application
from mailmerge.preview.session import Session


def serve_preview(
    where: Path, *, port: int = 0, open_browser: bool = True, say: Callable[[str], None] = print
) -> None:
    """Serve the preview of a campaign on loopback until Ctrl-C.

    Port 0 takes the port of the last time, or else a free one.

    Raises:
        CampaignError: there is no campaign, or the port is taken.
    """
    session = Session(where)
    if not session.campaign_file.is_file():
        load_campaign(where)  # says what is missing; what is only broken is shown on the page
    with listening(session, port) as (listener, access):
        say("Reading the spreadsheet ...")
        session.reload()
        say(f"The preview is at {access.address} (Ctrl-C ends it)")
        if open_browser:
            webbrowser.open(access.address)
        with contextlib.suppress(KeyboardInterrupt):
            PreviewServer(session, access).run(sockets=[listener])


@contextlib.contextmanager
def listening(session: Session, port: int) -> Iterator[tuple[socket.socket, Access]]:
    """A listening socket on loopback, and the door to it.

    Raises:
        CampaignError: the port is taken.
    """
    last_port, token = remembered_door(session.state_folder)
    listener = _bound(port, last_port)
    try:
        access = Access(listener.getsockname()[1], token)
        remember_door(session.state_folder, access)
        yield listener, access
    finally:
        listener.close()


def _bound(port: int, last_port: int) -> socket.socket:
    for wanted in [port] if port else [last_port, 0]:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
            listener.listen(128)
        except OSError:
            listener.close()
        else:
            return listener
    raise CampaignError(f"port {port} is taken", hint="choose another --port", code="port-taken")


class PreviewServer(uvicorn.Server):
    """uvicorn for one session; its end lets go of the pages that listen, and waits for nobody."""

    def __init__(self, session: Session, access: Access, *, follow: bool = True) -> None:
        self._session = session
        super().__init__(
            uvicorn.Config(
                make_application(session, access, follow=follow),
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
                ws="none",
            )
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the live channels first: they would never end by themselves."""
        self._session.close()
        await super().shutdown(sockets)
