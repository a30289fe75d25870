"""Bad input: one clear line, an exit status, nothing sent, and never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests import servers
from tests.campaign_folder import SHEET, CampaignFolder, make_campaign_folder


class Sink:
    """Counts what it takes; refuses every log-in."""

    def __init__(self) -> None:
        self.taken = 0
        self.logins = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken += 1
        return "250 OK"

    def refuse(self, *_: object) -> AuthResult:
        self.logins += 1
        return AuthResult(success=False, handled=False)


@dataclass
class Sending(CampaignFolder):
    """A campaign folder with a server on this machine that takes nothing in these tests."""

    sink: Sink = field(default_factory=Sink)
    port: int = 0

    def send(self, *options: str) -> tuple[int, str]:
        """Run `send`; nothing may be taken. The exit status and standard error."""
        done = self.run("send", "--yes", *options)
        assert self.sink.taken == 0
        return done.status, done.err


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Sending]:
    sink = Sink()
    port = servers.free_port()
    controller = Controller(
        sink,
        hostname="127.0.0.1",
        port=port,
        authenticator=sink.refuse,
        auth_require_tls=False,
    )
    controller.start()
    made = make_campaign_folder(tmp_path, port=port)
    yield Sending(made.path, made.sections, sink, port)
    controller.stop()


def errors_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("error:")]


def test_a_missing_spreadsheet_is_one_line(folder: Sending) -> None:
    (folder.path / "recipients.csv").unlink()
    status, err = folder.send()
    assert status == 3
    assert "recipients.csv" in errors_in(err)[0]


def test_an_empty_spreadsheet(folder: Sending) -> None:
    folder.write("recipients.csv", "")
    status, err = folder.send()
    assert status == 3
    assert "recipients.csv" in errors_in(err)[0]
    assert "empty" in errors_in(err)[0]


def test_a_header_without_rows(folder: Sending) -> None:
    folder.write("recipients.csv", "email,name\n")
    status, err = folder.send()
    assert status == 3
    assert "recipients.csv" in errors_in(err)[0]


def test_a_wrong_address_column_names_the_nearest(folder: Sending) -> None:
    folder.write("recipients.csv", SHEET.replace("email", "e-mail"))
    status, err = folder.send()
    assert status == 3
    assert "email" in errors_in(err)[0]
    assert "e-mail" in errors_in(err)[0]


def test_a_bad_address_names_row_and_column(folder: Sending) -> None:
    folder.write("recipients.csv", SHEET.replace("bob@", "bob@@"))
    status, err = folder.send()
    assert status == 3
    assert "recipients.csv, row 3 (Bob), column email" in errors_in(err)[0]


def test_an_undefined_variable_in_the_last_row_only(folder: Sending) -> None:
    folder.write("body.txt", "{% if name == 'Bob' %}\n{{ nmae }}\n{% endif %}\n")
    status, err = folder.send()
    assert status == 3
    line = next(line for line in errors_in(err) if "nmae" in line)
    assert "body.txt" in line
    assert "line 2" in line
    assert "row 3" in line
    assert "name" in line


def test_a_template_that_does_not_compile(folder: Sending) -> None:
    folder.write("body.txt", "Dear\n{{ name \n")
    status, err = folder.send()
    assert status == 3
    assert "body.txt, line" in errors_in(err)[0]


def test_a_missing_template(folder: Sending) -> None:
    (folder.path / "body.txt").unlink()
    status, err = folder.send()
    assert status == 3
    assert "body.txt" in errors_in(err)[0]


def test_a_missing_image(folder: Sending) -> None:
    folder.configure(message={"html": '"body.html"'})
    folder.write("body.html", '<html><body><img src="images/logo.png" alt="x">Hi</body></html>')
    status, err = folder.send()
    assert status == 3
    assert "images/logo.png" in errors_in(err)[0]


def test_a_missing_attachment_names_the_row(folder: Sending) -> None:
    folder.configure(message={"attachments": '["{{ name }}.pdf"]'})
    folder.write("Ann.pdf", "%PDF-1.4")
    status, err = folder.send()
    assert status == 3
    line = errors_in(err)[0]
    assert "Bob.pdf" in line
    assert "row 3" in line


def test_an_unreachable_host(folder: Sending) -> None:
    port = servers.free_port()
    folder.configure(smtp={"port": str(port)})
    status, err = folder.send()
    assert status == 2
    assert str(port) in errors_in(err)[0]


def test_a_host_that_does_not_exist(folder: Sending) -> None:
    folder.configure(smtp={"host": '"smtp.no-such-host-of-firma.de"', "port": "25"})
    status, err = folder.send()
    assert status == 2
    assert "smtp.no-such-host-of-firma.de" in errors_in(err)[0]


def test_a_refused_login(folder: Sending) -> None:
    folder.configure(
        smtp={
            "username": '"news"',
            "password_command": '"echo wrong"',
            "plain_text_login": "true",
        }
    )
    status, err = folder.send()
    assert status == 4
    assert "535" in errors_in(err)[0]
    assert folder.sink.logins == 1


def test_json_of_a_failed_check_is_one_document(folder: Sending) -> None:
    folder.write("recipients.csv", SHEET.replace("bob@", "bob@@"))
    done = folder.run("send", "--yes", "--json")
    assert done.status == 3
    document = json.loads(done.out)
    assert document["states"]["sent"] == 0
    assert document["problems"][0]["row"] == 3


def test_send_without_terminal_needs_yes(folder: Sending) -> None:
    done = folder.run("send")
    assert done.status == 2
    assert "--yes" in done.err
    assert folder.sink.taken == 0
