"""The HTTP server of one session, on loopback."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import uvicorn

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.preview.access import Access
from mailmerge.preview.routes import make_application
from mailmerge.preview.saved_address import load_address, new_token, save_address
from mailmerge.preview.session import PreviewSession


@contextlib.contextmanager
def open_server(session: PreviewSession, port: int = 0, *, watch: bool = True) -> Iterator[_Server]:
    """A server that is listening, and answers once it runs.

    Port 0 means the port of the last preview, or a free one. With `watch`, the server follows the
    campaign's files.

    Raises:
        CampaignError: the port is in use.
    """
    last_port, token = load_address(session.state_folder)
    with _listen([port] if port else [last_port, 0]) as listener:
        own_port = listener.getsockname()[1]
        # Another program may have taken the last port, and with it the token of an open page.
        access = Access(own_port, token if own_port == last_port else new_token())
        save_address(session.state_folder, access)
        yield _Server(session, access, listener, watch=watch)


def _listen(ports: list[int]) -> socket.socket:
    """A listening socket on the first port that is free."""
    for port in ports:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # on Windows it would share the port with another program
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(128)
        except OSError:
            listener.close()
        else:
            return listener
    raise CampaignError(
        tr("port {ports} is in use", ports=ports[0]),
        hint=tr("choose another --port"),
        code="port-taken",
    )


class _Server(uvicorn.Server):
    """uvicorn for one session; at its end it closes the pages' event streams first."""

    def __init__(
        self, session: PreviewSession, access: Access, listener: socket.socket, *, watch: bool
    ) -> None:
        self.access = access
        self._session = session
        self._listener = listener
        super().__init__(
            uvicorn.Config(
                make_application(session, access, watch=watch),
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
                ws="none",
            )
        )

    def serve_until_stopped(self) -> None:
        """Answer requests until Ctrl-C or until `should_exit` is set."""
        self.run(sockets=[self._listener])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the event streams first: they would never end by themselves."""
        self._session.close()
        await super().shutdown(sockets)
