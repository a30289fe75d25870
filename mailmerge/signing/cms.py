"""A detached signature in the Cryptographic Message Syntax (RFC 5652), as S/MIME needs it.

`cryptography` signs and reads certificates. Its PKCS #7 builder is not used for the structure
around the signature: it takes the time of the signature from the clock, so that the second attempt
of a message would have other bytes than the first, and the preview others than the recipient. The
structure has some fifteen elements, and most of them are the same in all messages of a campaign:

    SignedData   version 1, sha256, data (detached), the certificates, one SignerInfo
    SignerInfo   issuer and serial number, sha256, signed attributes, algorithm, signature
    attributes   content type, signing time, digest of the content, ciphers for answers
                 (RFC 8551, 2.5)

DER (X.690): an element is a tag, a length and its content; the elements of a SET are sorted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_INTEGER: Final = 0x02
_OCTETS: Final = 0x04
_OID: Final = 0x06
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_CONTEXT: Final = 0xA0  # [0]; [1] is one more
_NULL: Final = b"\x05\x00"


class CmsSigner:
    """Signs with one certificate and its key. Thread-safe: it does not change."""

    def __init__(
        self,
        certificate: Certificate,
        key: RSAPrivateKey | EllipticCurvePrivateKey,
        chain: Sequence[Certificate] = (),
    ) -> None:
        """Write what all signatures share; `chain` are certificates that verifiers may lack."""
        self._sign, algorithm = _signer(key)
        issuer, serial = _issuer_and_serial(certificate.tbs_certificate_bytes)
        self._signer_start = (
            _integer(1) + _element(_SEQUENCE, issuer, serial) + _element(_SEQUENCE, _oid(_SHA256))
        )
        self._algorithm = _element(_SEQUENCE, algorithm)
        included = sorted({_der(one) for one in (certificate, *chain)})
        self._start = (
            _integer(1)
            + _element(_SET, _element(_SEQUENCE, _oid(_SHA256)))
            + _element(_SEQUENCE, _oid(_DATA))
            + _element(_CONTEXT, *included)
        )
        ciphers = (_element(_SEQUENCE, _oid(cipher)) for cipher in (_AES_256, _AES_128))
        self._attributes = (
            _attribute(_CONTENT_TYPE, _oid(_DATA)),
            _attribute(_CAPABILITIES, _element(_SEQUENCE, *ciphers)),
        )

    def signature(self, content: Iterable[bytes], date: datetime) -> bytes:
        """The DER of the signature over all chunks of `content`, made at `date`."""
        digest = hashlib.sha256()
        for chunk in content:
            digest.update(chunk)
        attributes = sorted((
            *self._attributes,
            _attribute(_SIGNING_TIME, _time(date)),
            _attribute(_MESSAGE_DIGEST, _element(_OCTETS, digest.digest())),
        ))  # fmt: skip
        signed = self._sign(_element(_SET, *attributes))
        # They are signed as a SET, and written with the tag [0] (RFC 5652, 5.4).
        signer = _element(
            _SEQUENCE,
            self._signer_start,
            _element(_CONTEXT, *attributes),
            self._algorithm,
            _element(_OCTETS, signed),
        )
        data = _element(_SEQUENCE, self._start, _element(_SET, signer))
        return _element(_SEQUENCE, _oid(_SIGNED_DATA), _element(_CONTEXT, data))


_DATA: Final = "1.2.840.113549.1.7.1"
_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_CAPABILITIES: Final = "1.2.840.113549.1.9.15"
_SHA256: Final = "2.16.840.1.101.3.4.2.1"
_RSA: Final = "1.2.840.113549.1.1.1"
_ECDSA_SHA256: Final = "1.2.840.10045.4.3.2"
_AES_128: Final = "2.16.840.1.101.3.4.1.2"
_AES_256: Final = "2.16.840.1.101.3.4.1.42"


def _signer(
    key: RSAPrivateKey | EllipticCurvePrivateKey,
) -> tuple[Callable[[bytes], bytes], bytes]:
    """The function that signs, and its algorithm."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    if isinstance(key, rsa.RSAPrivateKey):
        own, pad, sha256 = key, padding.PKCS1v15(), SHA256()
        return lambda text: own.sign(text, pad, sha256), _oid(_RSA) + _NULL
    curve = key
    try:  # RFC 6979: the same message has the same signature
        algorithm = ec.ECDSA(SHA256(), deterministic_signing=True)
    except UnsupportedAlgorithm:
        algorithm = ec.ECDSA(SHA256())
    return lambda text: curve.sign(text, algorithm), _oid(_ECDSA_SHA256)


def _der(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _element(tag: int, *content: bytes) -> bytes:
    joined = b"".join(content)
    size = len(joined)
    if size < 0x80:
        return bytes((tag, size)) + joined
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + joined


def _integer(number: int) -> bytes:
    return _element(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _oid(dotted: str) -> bytes:
    first, second, *arcs = map(int, dotted.split("."))
    content = bytearray([40 * first + second])
    for arc in arcs:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return _element(_OID, bytes(content))


def _attribute(dotted: str, value: bytes) -> bytes:
    return _element(_SEQUENCE, _oid(dotted), _element(_SET, value))


def _time(date: datetime) -> bytes:
    """UTCTime until 2049, GeneralizedTime after it (RFC 5652, 11.3)."""
    date = date.astimezone(UTC)
    if 1950 <= date.year < 2050:
        return _element(_UTC_TIME, f"{date:%y%m%d%H%M%SZ}".encode())
    return _element(_GENERALIZED_TIME, f"{date:%Y%m%d%H%M%SZ}".encode())


def _issuer_and_serial(certificate: bytes) -> tuple[bytes, bytes]:
    """The issuer and the serial number as they stand in a certificate (RFC 5280, 4.1)."""
    start, _ = _content(certificate, 0)
    if certificate[start] == _CONTEXT:  # the version
        start = _content(certificate, start)[1]
    serial_end = _content(certificate, start)[1]
    algorithm_end = _content(certificate, serial_end)[1]
    issuer_end = _content(certificate, algorithm_end)[1]
    return certificate[algorithm_end:issuer_end], certificate[start:serial_end]


def _content(der: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins, and where it ends."""
    size, start = der[at + 1], at + 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[at + 2 : start], "big")
    return start, start + size
