"""A key -> one of n buckets: stable samples of the recipients.

    {{ email|bucket(2) }}        0 or 1: half of the recipients see another subject
    bucket(email, 10) == 0       in `where`: a tenth

A bucket depends on nothing but the text and n, so a recipient keeps it in every run, on every
machine, and wherever its row moves. Case, spaces around the text and its Unicode form make no
difference, because they make no difference to a mailbox either.

`--percent` uses buckets with a salt, the name of the campaign. Without it, the same recipients
would be the first tenth of every campaign, and a test of two subjects by `bucket(email, 100)` would
divide along the same line.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Final

from mailmerge.language import tr

_FINEST: Final = 10_000
"""Buckets of `--percent`: hundredths of a percent."""


def bucket(key: object, n: object = 2) -> int:
    """The bucket of a key, from 0 to n - 1.

    Raises:
        ValueError: `n` is not a whole number above 0, or `key` is neither a text nor a number.
    """
    if not isinstance(key, str | int | float):
        raise ValueError(tr("bucket: {name} is no text", name=type(key).__name__))  # noqa: TRY004
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(tr("bucket: {n!r} is not a number of buckets, such as 2", n=n))
    return _number("", str(key)) % n


def in_sample(key: str, percent: float, salt: str) -> bool:
    """Whether a key is in the first `percent` of all keys; a larger sample contains a smaller."""
    return _number(salt, key) % _FINEST < percent * (_FINEST / 100)


def _number(salt: str, key: str) -> int:
    normal = unicodedata.normalize("NFKC", key).strip().casefold()
    text = f"{salt}\0{normal}".encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
