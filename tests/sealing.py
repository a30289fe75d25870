"""A second implementation of the rule for sealed bytes; tests check every sealed value with it."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from mailmerge.octets import MAX_TEXT_LINE, Sealed

# Lines of ASCII, each ended by CRLF, at most 998 bytes long, and none begins with a dot.
_HARMLESS = re.compile(rb"(?:(?!\.)[^\r\n\x80-\xff]{0,998}\r\n)*")

lines = st.lists(
    st.one_of(
        st.sampled_from(
            [b"", b".", b"..", b"...", b".x", b"x.", b"\xc3\xa9", b"a" * MAX_TEXT_LINE]
        ),
        st.binary(max_size=30).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b"")),
    ),
    max_size=12,
)
"""Lines of content, the dangerous ones among them."""


def check_sealed(sealed: Sealed) -> None:
    """Fail if sealed bytes could end a message early or exceed a server's limit."""
    found = _HARMLESS.match(sealed)
    end = found.end() if found else 0
    assert end == len(sealed), f"sealed, but not harmless at byte {end}: {sealed[end : end + 80]!r}"
