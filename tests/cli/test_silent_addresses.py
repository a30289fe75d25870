"""A host whose first address does not answer: the run uses the next one and says so."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.cli.conftest import Call

HOST = "mail.zwei-adressen.de"


@pytest.fixture
def two_addresses(campaign: Path, smtp_server: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A campaign whose server has an address that refuses, and one that answers."""
    asked = socket.getaddrinfo
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, smtp_server))
        for address in ("127.0.0.9", "127.0.0.1")
    ]

    def looked_up(host: str, *more: object, **options: object) -> list[object]:
        return list(found) if host == HOST else list(asked(host, *more, **options))  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    (campaign / "campaign.toml").write_text(
        '[message]\nfrom = "News <news@zwei-adressen.de>"\nsubject = "Hello {{ name }}"\n'
        'text = "body.txt"\n'
        f'[smtp]\nhost = "{HOST}"\nport = {smtp_server}\nsecurity = "none"\n'
    )
    (campaign / "recipients.csv").write_text("email,name\nann@zwei-adressen.de,Ann\n")
    return campaign


@pytest.mark.parametrize("command", [("connect",), ("send", "--yes")])
def test_a_silent_address_and_the_one_in_its_place_are_named(
    command: tuple[str, ...], two_addresses: Path, call: Call
) -> None:
    name, *options = command
    done = call(name, two_addresses, *options)
    assert done.exit_code == 0, done.output
    note = f"127.0.0.9, an address of {HOST}, does not answer; 127.0.0.1 was used instead."
    assert " ".join(done.output.split()).count(note) == 1


def test_a_sandbox_run_says_nothing_about_the_real_server(two_addresses: Path, call: Call) -> None:
    assert "does not answer" not in call("send", two_addresses, "--sandbox").output
