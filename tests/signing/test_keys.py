"""Private keys of DKIM, and their DNS records."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mailmerge.errors import CampaignError
from mailmerge.signing.keys import Algorithm, new_key, read_key, zone_line

COLUMN = "message.dkim.key_file"


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_a_new_key_is_read_back(algorithm: Algorithm) -> None:
    key = new_key(algorithm)
    read = read_key(key.pem(), COLUMN)
    assert (read.algorithm, read.bits) == (algorithm, 2048 if algorithm == "rsa" else 256)
    assert read.record() == key.record()


def test_the_record_has_the_public_key() -> None:
    key = new_key("ed25519")
    public = base64.b64decode(key.record().removeprefix("v=DKIM1; k=ed25519; p="))
    assert len(public) == 32


def test_a_zone_line_has_strings_of_255_bytes() -> None:
    line = zone_line("example.org", "s1", "x" * 600)
    assert line.startswith("s1._domainkey.example.org. IN TXT ( ")
    assert [len(string) for string in line.split('"')[1::2]] == [255, 255, 90]


def other_pem(password: bytes = b"") -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.BestAvailableEncryption(password) if password else None
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        form or serialization.NoEncryption(),
    )


@pytest.mark.parametrize(
    ("pem", "code", "words"),
    [
        (b"", "dkim-key", "not a usable private key"),
        (b"-----BEGIN PRIVATE KEY-----", "dkim-key", "not a usable private key"),
        (other_pem(b"secret"), "dkim-key", "has a password"),
        (other_pem(), "dkim-key", "RSA or Ed25519 keys only"),
    ],
)
def test_a_text_without_a_usable_key_is_an_error(pem: bytes, code: str, words: str) -> None:
    with pytest.raises(CampaignError, match=words) as caught:
        read_key(pem, COLUMN)
    assert (caught.value.problem.code, caught.value.problem.column) == (code, COLUMN)
