"""Private keys of DKIM: PEM -> key, a new pair, and the DNS record of the public key.

RSA keys have at least 1,024 bits, and 2,048 are recommended (RFC 8301, 3.2). Ed25519 keys have one
size (RFC 8463).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from mailmerge.errors import CampaignError
from mailmerge.language import tr

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

Algorithm = Literal["rsa", "ed25519"]

SMALLEST_RSA: Final = 1024
"""Bits; verifiers ignore signatures of smaller keys."""

RECOMMENDED_RSA: Final = 2048
LARGEST_RSA: Final = 4096
"""Bits; verifiers need not know larger keys (RFC 8301, 3.2)."""

_DNS_STRING: Final = 255  # bytes (RFC 1035, 3.3)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that signs. `bits` is the size of an RSA key; 256 for Ed25519."""

    key: RSAPrivateKey | Ed25519PrivateKey
    algorithm: Algorithm
    bits: int

    def pem(self) -> bytes:
        """The private key as PKCS #8 PEM without a password."""
        from cryptography.hazmat.primitives import serialization as forms

        return self.key.private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
        )

    def record(self) -> str:
        """The text of the DNS record of the public key (RFC 6376, 3.6.1; RFC 8463, 4)."""
        from cryptography.hazmat.primitives import serialization as forms

        public = self.key.public_key()
        if self.algorithm == "ed25519":
            content = public.public_bytes(forms.Encoding.Raw, forms.PublicFormat.Raw)
        else:
            content = public.public_bytes(
                forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo
            )
        return f"v=DKIM1; k={self.algorithm}; p={base64.b64encode(content).decode()}"


def new_key(algorithm: Algorithm, bits: int = RECOMMENDED_RSA) -> PrivateKey:
    """A new key; `bits` is for RSA."""
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    if algorithm == "ed25519":
        return PrivateKey(ed25519.Ed25519PrivateKey.generate(), "ed25519", 256)
    return PrivateKey(rsa.generate_private_key(65537, bits), "rsa", bits)


def read_key(pem: bytes, column: str) -> PrivateKey:
    """The private key in a PEM text.

    `column` is the key of campaign.toml that names it.

    Raises:
        CampaignError: the text has no key, a password, another kind of key, or a key too small.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        hint = tr("decrypt it with key_command: openssl pkey -in FILE")
        raise _unusable(tr("the key has a password"), hint, column) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = tr(
            "make one with `mailmerge dkim-key`; RSA keys need {limit} bits or more",
            limit=SMALLEST_RSA,
        )
        raise _unusable(tr("this is not a usable private key in PEM form"), hint, column) from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return PrivateKey(key, "ed25519", 256)
    if not isinstance(key, rsa.RSAPrivateKey):
        hint = tr("make one with `mailmerge dkim-key`")
        raise _unusable(tr("DKIM signs with RSA or Ed25519 keys only"), hint, column)
    if key.key_size < SMALLEST_RSA:
        raise CampaignError(
            tr("the RSA key has {key_size} bits; receivers ignore keys below "
"{limit}", key_size=key.key_size, limit=SMALLEST_RSA),
            column=column, hint=tr("make one with `mailmerge dkim-key`"), code="dkim-key-size",
        )  # fmt: skip
    return PrivateKey(key, "rsa", key.key_size)


def zone_line(domain: str, selector: str, record: str) -> str:
    """The record as one line of a zone file, in strings of at most 255 bytes."""
    starts = range(0, len(record), _DNS_STRING)
    strings = " ".join(f'"{record[start : start + _DNS_STRING]}"' for start in starts)
    return f"{selector}._domainkey.{domain}. IN TXT ( {strings} )"


def _unusable(message: str, hint: str, column: str) -> CampaignError:
    return CampaignError(message, column=column, hint=hint, code="dkim-key")
