"""S/MIME: a finished message -> the same message, signed for its readers (RFC 8551).

    before   header fields, MIME-Version, Content-Type and the body
    after    header fields, MIME-Version, multipart/signed:
                 Content-Type and the body, unchanged
                 application/pkcs7-signature, the detached signature of the bytes above

The signature covers the first part byte for byte (RFC 1847, 2.1), so it must arrive as it left. All
texts of a signed message are therefore 7-bit: a server without 8BITMIME need not encode anything
again (RFC 8551, 3.1.3). The line end before a boundary belongs to the boundary.

A message is signed for readers first and for servers (DKIM) afterwards, because DKIM covers what
leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mailmerge.octets import base64_lines
from mailmerge.signing.cms import CmsSigner

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

_END_OF_FIELDS: Final = b"\r\nMIME-Version: 1.0\r\n"
_PART: Final = (
    b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n'
    b"Content-Transfer-Encoding: base64\r\n"
    b'Content-Disposition: attachment; filename="smime.p7s"\r\n\r\n'
)


@dataclass(frozen=True, slots=True)
class SmimeIdentity:
    """A certificate with its key.

    Attributes:
        certificate: the certificate of the sender.
        key: its private key.
        chain: the certificates between it and the one that readers trust.
    """

    certificate: Certificate
    key: RSAPrivateKey | EllipticCurvePrivateKey
    chain: tuple[Certificate, ...] = ()


class SmimeSigner:
    """Signs messages with one certificate. Thread-safe: it does not change."""

    def __init__(self, identity: SmimeIdentity) -> None:
        self._cms = CmsSigner(identity.certificate, identity.key, identity.chain)

    def signed(self, chunks: Sequence[bytes], date: datetime) -> tuple[bytes, ...]:
        """The chunks of the signed message; `date` is the time of the Date field.

        MIME-Version is the last field before those of the content, as mime/message.py writes it.
        """
        first, *rest = chunks
        end = first.index(_END_OF_FIELDS) + len(_END_OF_FIELDS)
        content = [first[end:], *rest]
        signature = self._cms.signature(content, date)
        # No encoding of a text writes "=_" at the start of a line after "--" (mime/encoding.py).
        boundary = b"=_signed_%b" % hashlib.sha256(signature).hexdigest()[:24].encode()
        begin = (
            b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n'
            b' micalg=sha-256; boundary="%b"\r\n\r\n--%b\r\n' % (boundary, boundary)
        )
        end_part = b"\r\n--%b\r\n%b" % (boundary, _PART)
        last = b"\r\n--%b--\r\n" % boundary
        return (
            first[:end] + begin + content[0],
            *rest,
            end_part + base64_lines(signature) + last,
        )
