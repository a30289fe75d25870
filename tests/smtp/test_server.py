"""The address of a server in words."""

from __future__ import annotations

import pytest

from mailmerge.smtp import Server


@pytest.mark.parametrize(
    ("server", "shown"),
    [
        (Server("mail.example.org"), "mail.example.org port 587"),
        (Server("2001:db8::1", 25), "[2001:db8::1] port 25"),
        (Server("192.0.2.1", 465, "tls"), "192.0.2.1 port 465"),
        (Server(socket="/run/lmtp", protocol="lmtp"), "/run/lmtp"),
    ],
)
def test_a_server_is_shown_by_its_address(server: Server, shown: str) -> None:
    assert str(server) == shown


def test_the_default_is_submission_with_starttls() -> None:
    server = Server("mail.example.org")
    assert (server.port, server.security, server.protocol) == (587, "starttls", "smtp")
    assert server.pipelining
    assert server.chunking
