"""DKIM signatures (RFC 6376, 8301, 8463): the chunks of a message -> its DKIM-Signature fields.

The signature covers the bytes that leave. Dot-stuffing and BDAT change the bytes of a connection
and not those of a message, and a message is never re-encoded on the way: a server without 8BITMIME
refuses an 8-bit message instead. So the finished chunks of a message are the right input.

What can go wrong, and the answer:

1. A second From or Subject is added on the way, and readers show that one. Every signed name stands
   once more in `h=` than the message has such fields, so an added field breaks the signature
   (RFC 6376, 8.15).
2. A field is added that the message lacks, such as another List-Unsubscribe. The names in _SEALED
   are signed even where they are missing.
3. Relays change trace fields. These are never signed.
4. The same message is made twice. The time of the signature is that of Date, and both algorithms
   are deterministic, so the bytes are the same.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from mailmerge.signing.canonical import body_hash, relaxed_fields, split_message
from mailmerge.signing.keys import PrivateKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_SEALED: Final = (
    b"From", b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"Reply-To", b"In-Reply-To",
    b"References", b"MIME-Version", b"Content-Type", b"List-Unsubscribe", b"List-Unsubscribe-Post",
)  # fmt: skip
_NEVER_SIGNED: Final = frozenset({
    b"return-path", b"received", b"dkim-signature", b"authentication-results", b"bcc", b"comments",
    b"keywords", b"delivered-to",
})  # fmt: skip
_LINE: Final = 76


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key and its place in the DNS: `selector`._domainkey.`domain`, as A-labels."""

    domain: str
    selector: str
    key: PrivateKey


class DkimSigner:
    """Signs messages with one or several keys. Thread-safe: it has no state."""

    def __init__(self, keys: Sequence[DkimKey]) -> None:
        self._signers = [(_start(one), _raw_signer(one.key)) for one in keys]

    def signatures(self, chunks: Sequence[bytes], date: datetime) -> bytes:
        """The DKIM-Signature fields of a message, each ended by CRLF; they go before its header.

        `date` is the time of the Date field.
        """
        header, body = split_message(chunks)
        names, fields = relaxed_fields(header)
        plan = _plan(names)
        signed = b"\r\n".join([fields[at] for at in plan.order]) + b"\r\n"
        time = b"t=%d;" % int(date.timestamp())
        hashed = binascii.b2a_base64(body_hash(body), newline=False)
        made = []
        for start, raw in self._signers:
            # The relaxed form of the field itself, with an empty `b=` (RFC 6376, 3.5 and 3.7).
            own = b"%b%b h=%b; bh=%b; b=" % (start.relaxed, time, plan.relaxed, hashed)
            signature = binascii.b2a_base64(raw(signed + own), newline=False)
            starts = range(0, len(signature), _LINE - 4)
            lines = b"\r\n ".join([signature[at : at + _LINE - 4] for at in starts])
            made.append(
                b"%b%b\r\n h=%b;\r\n bh=%b;\r\n b=%b\r\n"
                % (start.written, time, plan.written, hashed, lines)
            )
        return b"".join(made)


class _Start(NamedTuple):
    """The tags of a key, which are the same in each signature: as written, and relaxed."""

    written: bytes
    relaxed: bytes


class _Plan(NamedTuple):
    """What is signed of messages with the same fields.

    Attributes:
        written: the folded value of `h=`.
        relaxed: the same, unfolded.
        order: the positions of the signed fields in its order.
    """

    written: bytes
    relaxed: bytes
    order: tuple[int, ...]


def _start(one: DkimKey) -> _Start:
    written = (
        f"DKIM-Signature: v=1; a={one.key.algorithm}-sha256; c=relaxed/relaxed;\r\n"
        f" d={one.domain};\r\n s={one.selector}; "
    ).encode("ascii")
    return _Start(written, b"dkim-signature:" + written.partition(b": ")[2].replace(b"\r\n", b""))


@lru_cache(maxsize=256)  # the messages of a campaign have few sets of fields
def _plan(names: tuple[bytes, ...]) -> _Plan:
    """Choose the fields that are signed.

    Several fields of one name are taken from the bottom up (RFC 6376, 5.4.2).
    """
    positions: dict[bytes, list[int]] = {name.lower(): [] for name in _SEALED}
    written = {name.lower(): name for name in _SEALED}
    for number, name in enumerate(names):
        folded = name.lower()
        if folded not in _NEVER_SIGNED:
            positions.setdefault(folded, []).insert(0, number)
            written.setdefault(folded, name)
    listed: list[bytes] = []
    order: list[int] = []
    for folded, found in positions.items():
        listed += [written[folded]] * (len(found) + 1)
        order += found
    folded_names = _folded(listed)
    return _Plan(folded_names, folded_names.replace(b"\r\n", b""), tuple(order))


def _folded(names: Sequence[bytes]) -> bytes:
    lines, line = [], names[0]
    for name in names[1:]:
        if len(line) + len(name) + 2 > _LINE - 4:
            lines.append(line + b":")
            line = name
        else:
            line += b":" + name
    return b"\r\n ".join([*lines, line])


def _raw_signer(key: PrivateKey) -> Callable[[bytes], bytes]:
    """Signs the canonical header; Ed25519 signs its SHA-256 digest (RFC 8463, 3)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    if isinstance(key.key, Ed25519PrivateKey):
        sign = key.key.sign
        return lambda text: sign(hashlib.sha256(text).digest())
    rsa: RSAPrivateKey = key.key
    padding, algorithm = PKCS1v15(), SHA256()
    return lambda text: rsa.sign(text, padding, algorithm)
