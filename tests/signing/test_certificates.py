"""Certificates of S/MIME: what is read, what is refused, and for which addresses they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from mailmerge.errors import CampaignError
from mailmerge.signing.certificates import (
    addresses_of,
    identity_of,
    read_certificates,
    read_private_key,
)
from tests.signing.certificates import issue

ROOT = issue("Root", authority=True)
OWN = issue("News", ROOT, address="news@x-firma.de")
NOW = datetime.now(UTC)
COLUMN = "message.smime.certificate"


def test_several_certificates_keep_their_order() -> None:
    found = read_certificates(b"a comment\n" + OWN.pem + b"\n" + ROOT.pem, COLUMN)
    assert found == [OWN.certificate, ROOT.certificate]


def test_the_first_certificate_is_the_senders() -> None:
    identity = identity_of([OWN.certificate, ROOT.certificate], OWN.key, NOW)
    assert identity.certificate == OWN.certificate
    assert identity.chain == (ROOT.certificate,)
    with pytest.raises(CampaignError, match="does not belong to the certificate"):
        identity_of([ROOT.certificate, OWN.certificate], OWN.key, NOW)


@pytest.mark.parametrize(("days", "words"), [(-11, "not valid before"), (366, "expired on")])
def test_a_certificate_counts_in_its_time_only(days: int, words: str) -> None:
    with pytest.raises(CampaignError, match=words) as caught:
        identity_of([OWN.certificate], OWN.key, NOW + timedelta(days=days))
    assert caught.value.problem.code == "smime-expired"


def encrypted() -> bytes:
    return OWN.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


def other_kind() -> bytes:
    return ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (encrypted(), "has a password"),
        (other_kind(), "RSA or ECDSA keys only"),
        (OWN.pem, "not a private key in PEM form"),
    ],
)
def test_other_keys_are_refused(pem: bytes, words: str) -> None:
    with pytest.raises(CampaignError, match=words) as caught:
        read_private_key(pem, "message.smime.key_file")
    assert caught.value.problem.code == "smime-key"


def test_addresses_are_those_of_the_certificate() -> None:
    assert addresses_of(OWN.certificate) == ("news@x-firma.de",)
    assert addresses_of(ROOT.certificate) == ()
