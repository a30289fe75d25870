"""Names of a server's addresses lead there and back."""

from __future__ import annotations

import ipaddress

from mailmerge.deliverability.relay import addresses_of, name_address, name_exists
from tests.deliverability.records import Records

DNS = Records(
    {
        "mail.eu A": ["5.9.0.1", "10.0.0.1"],
        "mail.eu AAAA": ["2a01::1"],
        "1.0.9.5.in-addr.arpa PTR": ["mail.eu"],
        "2.0.9.5.in-addr.arpa PTR": ["liar.eu"],
        "3.0.9.5.in-addr.arpa PTR": None,
        "4.0.9.5.in-addr.arpa PTR": ["late.eu"],
        f"{ipaddress.ip_address('2a01::1').reverse_pointer} PTR": ["mail.eu"],
        "late.eu A": None,
    }
)


def _confirmed(address: str) -> bool | None:
    return name_address(ipaddress.ip_address(address), DNS).confirmed


def test_public_addresses_of_a_host() -> None:
    found, certain = addresses_of("mail.eu", DNS)
    assert [str(one) for one in found] == ["5.9.0.1", "2a01::1"]
    assert certain
    assert addresses_of("late.eu", DNS) == ((), False)
    assert addresses_of("5.9.0.9", DNS) == ((ipaddress.ip_address("5.9.0.9"),), True)
    assert addresses_of("[2a01::7]", DNS)[0] == (ipaddress.ip_address("2a01::7"),)


def test_name_must_lead_back() -> None:
    assert _confirmed("5.9.0.1") is True
    assert _confirmed("2a01::1") is True
    assert _confirmed("5.9.0.2") is False
    assert _confirmed("5.9.0.9") is False


def test_unknown_names_are_not_judged() -> None:
    assert _confirmed("5.9.0.3") is None
    assert _confirmed("5.9.0.4") is None
    assert [name_exists(name, DNS) for name in ("mail.eu", "late.eu", "gone.eu")] == [
        True, None, False,
    ]  # fmt: skip
