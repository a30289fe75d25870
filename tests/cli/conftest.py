"""What the tests of the commands share: a small campaign, and a way to call the program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from typer.testing import CliRunner, Result

from mailmerge.cli import app
from tests import servers

Call = Callable[..., Result]

CAMPAIGN = """
[campaign]
name = "spring"
[message]
from = "Example News <news@example.org>"
subject = "Hello {{ name }}"
text = "body.txt"
html = "body.html"
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    """Three recipients, HTML and text, no server."""
    folder = tmp_path / "spring"
    folder.mkdir()
    (folder / "campaign.toml").write_text(CAMPAIGN)
    (folder / "recipients.csv").write_text(
        "email,name\nann@example.org,Ann\nbob@example.org,Bob\nzoe@example.org,Zoé\n"
    )
    (folder / "body.txt").write_text("Dear {{ name }},\n\nspring is here.\n")
    (folder / "body.html").write_text(
        "<!doctype html><html><body><p>Dear {{ name }}</p></body></html>"
    )
    return folder


@pytest.fixture
def call() -> Call:
    """Call the program in this process, as the shell would: `call("check", folder)`."""

    def run(*arguments: object, **options: object) -> Result:
        return CliRunner().invoke(app, [str(one) for one in arguments], **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def smtp_server() -> Iterator[int]:
    """The port of a server on loopback that takes everything."""
    port = servers.free_port()
    controller = Controller(_Accepting(), hostname="127.0.0.1", port=port)
    controller.start()
    yield port
    controller.stop()


class _Accepting:
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return "250 2.0.0 OK"
