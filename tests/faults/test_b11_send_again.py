"""Rows that failed are exported and sent again, and the server sees other addresses or cells."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from typer.testing import CliRunner

from mailmerge.cli import app
from tests import servers

ADDRESSES = ["-x@example.org", "+news@example.org", "ann@example.org"]
PHONE = "+49 170 1234567"


class Judge:
    """Refuses every recipient at first, and then accepts and keeps all messages."""

    def __init__(self) -> None:
        self.accepts = False
        self.taken: dict[str, str] = {}

    async def handle_RCPT(
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if not self.accepts:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        body = message_from_bytes(content, policy=policy.default).get_content()
        self.taken[envelope.rcpt_tos[0]] = body.strip()
        return "250 2.0.0 Ok"


@pytest.fixture
def judge() -> Iterator[tuple[Judge, int]]:
    judge, port = Judge(), servers.free_port()
    controller = Controller(judge, hostname="127.0.0.1", port=port)
    controller.start()
    yield judge, port
    controller.stop()


def write_campaign(folder: Path, file: str, port: int) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "campaign.toml").write_text(
        f"""[campaign]
name = "again"
[recipients]
file = "{file}"
[message]
from = "A <a@example.org>"
subject = "News"
text = "body.txt"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
"""
    )
    (folder / "body.txt").write_text("{{ phone }}\n")
    return folder


@pytest.mark.parametrize("file", ["again.csv", "again.xlsx"])
def test_server_sees_the_same_recipients_again(
    tmp_path: Path, judge: tuple[Judge, int], file: str
) -> None:
    server, port = judge
    first = write_campaign(tmp_path / "first", "people.csv", port)
    rows = "".join(f"{address},{PHONE}\n" for address in ADDRESSES)
    (first / "people.csv").write_text(f"email,phone\n{rows}", encoding="utf-8")
    call = CliRunner().invoke
    sent = call(app, ["send", str(first), "--yes"])
    assert sent.exit_code == 5, sent.output
    second = write_campaign(tmp_path / "second", file, port)
    said = call(app, ["status", str(first), "--failed", str(second / file)])
    assert said.exit_code == 0
    assert f"Wrote 3 recipients to {second / file}" in said.output
    assert ("unchanged" in said.output) is file.endswith(".csv")
    server.accepts = True
    again = call(app, ["send", str(second), "--yes"])
    assert again.exit_code == 0, again.output
    assert server.taken == dict.fromkeys(ADDRESSES, PHONE)
