"""A reverse path that names its recipient, and is read again by `replies`."""

from __future__ import annotations

import pytest

from mailmerge.mime.verp import verp


@pytest.mark.parametrize("delimiter", ["+", "-"])
def test_recipient_stands_in_the_reverse_path(delimiter: str) -> None:
    named = verp("bounces@example.org", delimiter, "ann.b+x@example.net")
    assert named == f"bounces{delimiter}ann.b+x=example.net@example.org"


@pytest.mark.parametrize(
    "recipient",
    [
        "a" * 60 + "@example.net",
        '"ann b"@example.net',
        "a=b@example.net",
        "用户@example.net",
        "ann@例子.example",
        "ann@[192.0.2.1]",
    ],
)
def test_address_that_does_not_fit_leaves_the_plain_reverse_path(recipient: str) -> None:
    assert verp("bounces@example.org", "+", recipient) == "bounces@example.org"
