"""Bad input: one clear line, an exit status, nothing sent, and never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests import servers

PEOPLE = "email,name\nann@example.org,Ann\nbob@example.org,Bob\n"


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


@dataclass(frozen=True)
class Place:
    """A campaign folder beside a server on loopback."""

    folder: Path
    sink: Sink
    port: int

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def configure(self, *, smtp: str = "", message: str = "") -> None:
        server = smtp or f'host = "127.0.0.1"\nport = {self.port}\nsecurity = "none"\n'
        self.write(
            "campaign.toml",
            '[message]\nfrom = "News <news@example.org>"\nsubject = "Hello {{ name }}"\n'
            f'text = "body.txt"\n{message}\n[smtp]\n{server}',
        )

    def send(self, *options: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "mailmerge", "send", str(self.folder), "--yes", *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in done.stderr
        assert self.sink.taken == 0
        return done.returncode, done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
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
    made = Place(tmp_path, sink, port)
    made.configure()
    made.write("recipients.csv", PEOPLE)
    made.write("body.txt", "Dear {{ name }}\n")
    yield made
    controller.stop()


def errors_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("error:")]


def test_no_spreadsheet(place: Place) -> None:
    (place.folder / "recipients.csv").unlink()
    status, told = place.send()
    assert status == 3
    assert "recipients.csv" in errors_in(told)[0]


def test_an_empty_spreadsheet(place: Place) -> None:
    place.write("recipients.csv", "")
    status, told = place.send()
    assert status == 3
    assert "recipients.csv" in errors_in(told)[0]
    assert "empty" in errors_in(told)[0]


def test_a_header_and_nobody(place: Place) -> None:
    place.write("recipients.csv", "email,name\n")
    status, told = place.send()
    assert status == 3
    assert "recipients.csv" in errors_in(told)[0]


def test_a_wrong_address_column_names_the_nearest(place: Place) -> None:
    place.write("recipients.csv", PEOPLE.replace("email", "e-mail"))
    status, told = place.send()
    assert status == 3
    assert "email" in errors_in(told)[0]
    assert "e-mail" in errors_in(told)[0]


def test_a_bad_address_names_row_and_column(place: Place) -> None:
    place.write("recipients.csv", PEOPLE.replace("bob@", "bob@@"))
    status, told = place.send()
    assert status == 3
    assert "recipients.csv, row 3, column email" in errors_in(told)[0]


def test_an_undefined_variable_in_the_last_row_only(place: Place) -> None:
    place.write("body.txt", "{% if name == 'Bob' %}\n{{ nmae }}\n{% endif %}\n")
    status, told = place.send()
    assert status == 3
    line = next(line for line in errors_in(told) if "nmae" in line)
    assert "body.txt" in line
    assert "line 2" in line
    assert "row 3" in line
    assert "name" in line


def test_a_template_that_does_not_compile(place: Place) -> None:
    place.write("body.txt", "Dear\n{{ name \n")
    status, told = place.send()
    assert status == 3
    assert "body.txt, line" in errors_in(told)[0]


def test_a_missing_template(place: Place) -> None:
    (place.folder / "body.txt").unlink()
    status, told = place.send()
    assert status == 3
    assert "body.txt" in errors_in(told)[0]


def test_a_missing_image(place: Place) -> None:
    place.configure(message='html = "body.html"')
    place.write("body.html", '<html><body><img src="images/logo.png" alt="x">Hi</body></html>')
    status, told = place.send()
    assert status == 3
    assert "images/logo.png" in errors_in(told)[0]


def test_a_missing_attachment_names_the_row(place: Place) -> None:
    place.configure(message='attachments = ["{{ name }}.pdf"]')
    place.write("Ann.pdf", "%PDF-1.4")
    status, told = place.send()
    assert status == 3
    line = errors_in(told)[0]
    assert "Bob.pdf" in line
    assert "row 3" in line


def test_an_unreachable_host(place: Place) -> None:
    port = servers.free_port()
    place.configure(smtp=f'host = "127.0.0.1"\nport = {port}\nsecurity = "none"\n')
    status, told = place.send()
    assert status == 2
    assert str(port) in errors_in(told)[0]


def test_a_host_that_does_not_exist(place: Place) -> None:
    place.write("recipients.csv", PEOPLE.replace("example.org", "mailmerge-toolkit.com"))
    place.configure(smtp='host = "no-such-host.invalid"\nport = 25\nsecurity = "none"\n')
    settings = (place.folder / "campaign.toml").read_text(encoding="utf-8")
    place.write("campaign.toml", settings.replace("example.org", "mailmerge-toolkit.com"))
    status, told = place.send()
    assert status == 2
    assert "no-such-host.invalid" in errors_in(told)[0]


def test_a_refused_login(place: Place) -> None:
    place.configure(
        smtp=f'host = "127.0.0.1"\nport = {place.port}\nsecurity = "none"\n'
        'username = "news"\npassword_command = "echo wrong"\nplain_text_login = true\n'
    )
    status, told = place.send()
    assert status == 4
    assert "535" in errors_in(told)[0]
    assert place.sink.logins == 1


def test_the_same_in_json_keeps_standard_output_one_document(place: Place) -> None:
    place.write("recipients.csv", PEOPLE.replace("bob@", "bob@@"))
    done = subprocess.run(
        [sys.executable, "-m", "mailmerge", "send", str(place.folder), "--yes", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["states"]["sent"] == 0
    assert document["problems"][0]["row"] == 3


def test_without_a_terminal_and_without_yes_nothing_is_sent(place: Place) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailmerge", "send", str(place.folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert place.sink.taken == 0
