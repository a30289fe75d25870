"""Variable envelope return paths: a reverse path that names its recipient.

    bounces@example.org  and  ann@example.net  ->  bounces+ann=example.net@example.org

A bounce that quotes nothing of its message still goes to this address, so its recipient is known.
A mail server delivers what follows `+` (or `-`, if it is set up so) to the same mailbox.
"""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/?^_`{|}~.-]+")
"""A left side that needs no quotes and has no `=`, which separates it from the domain."""

_LONGEST_LEFT: Final = 64
"""The bytes of the left side of an address (RFC 5321, 4.5.3.1.1)."""


def verp(reverse_path: str, delimiter: str, forward_path: str) -> str:
    """Return the reverse path of the message to a forward path.

    It is the same for all recipients if the address of one does not fit: if it is too long, or has
    characters that not every server lets pass.
    """
    left, _, domain = reverse_path.rpartition("@")
    name, _, host = forward_path.rpartition("@")
    named = f"{left}{delimiter}{name}={host}"
    fits = len(named) <= _LONGEST_LEFT and _PLAIN.fullmatch(name) and host.isascii()
    return f"{named}@{domain}" if fits and "[" not in host else reverse_path
