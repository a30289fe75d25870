"""Mail servers of a domain: MX, null MX, and the domain itself."""

from __future__ import annotations

import pytest

from mailmerge.deliverability.exchangers import find_mail_servers
from tests.deliverability.records import Records

DNS = {
    "mx.eu MX": ["20 b.eu", "10 a.eu"],
    "null.eu MX": ["0 "],
    "host.eu A": ["5.9.0.1"],
    "host6.eu AAAA": ["2a01::1"],
    "empty.eu TXT": ["x"],
    "late.eu MX": None,
    "half.eu TXT": ["x"],
    "half.eu A": None,
    "half6.eu A": None,
    "half6.eu AAAA": ["2a01::1"],
}


@pytest.mark.parametrize(
    ("domain", "state", "hosts", "takes"),
    [
        ("mx.eu", "mx", ("a.eu", "b.eu"), True),
        ("null.eu", "null-mx", (), False),
        ("host.eu", "address", ("host.eu",), True),
        ("host6.eu", "address", ("host6.eu",), True),
        ("half6.eu", "address", ("half6.eu",), True),
        ("empty.eu", "no-server", (), False),
        ("gone.eu", "no-name", (), False),
        ("late.eu", "unknown", (), True),
        ("half.eu", "unknown", (), True),
    ],
)
def test_mail_servers(domain: str, state: str, hosts: tuple[str, ...], takes: bool) -> None:
    found = find_mail_servers(domain, Records(DNS))
    assert (found.state, found.hosts, found.takes_mail) == (state, hosts, takes)
