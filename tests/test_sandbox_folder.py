"""A message of the sandbox follows its envelope, and comes out as it was sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.sandbox_folder import SandboxMessage, message_paths, read_message, unique_name

CONTENT = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nx\r\n"
)
PATHS = st.text("abcé@.", max_size=8)


@given(st.binary(max_size=40), PATHS, st.lists(PATHS, max_size=3))
def test_a_message_is_read_as_it_was_kept(content: bytes, sender: str, to: list[str]) -> None:
    message = SandboxMessage(content, sender, tuple(to))
    kept = bytes(message)
    assert kept.endswith(content)
    if not content.lower().startswith(b"x-"):
        assert read_message(kept) == message


def test_the_envelope_stands_before_the_message() -> None:
    message = SandboxMessage(CONTENT, "bounces@example.org", ("b@example.org", "c@example.org"))
    assert bytes(message) == (
        b"X-MailFrom: bounces@example.org\r\n"
        b"X-RcptTo: b@example.org\r\nX-RcptTo: c@example.org\r\n" + CONTENT
    )
    assert read_message(bytes(message)) == message
    assert message.forward_path == "b@example.org"


@pytest.mark.parametrize("kept", [CONTENT, b"", b"no colon"])
def test_a_message_without_envelope_is_itself(kept: bytes) -> None:
    assert read_message(kept) == SandboxMessage(kept)
    assert read_message(kept).forward_path == ""


def test_a_message_is_parsed_without_its_envelope() -> None:
    parsed = SandboxMessage(CONTENT, "bounces@example.org").parsed()
    assert parsed["Subject"] == "Grüße"
    assert parsed["X-MailFrom"] is None
    assert parsed.get_content().strip() == "x"


def test_the_newest_message_comes_first(tmp_path: Path) -> None:
    assert message_paths(tmp_path / "nothing") == []
    for at, name in enumerate(["new/1.x", "cur/2.x:2,S", "new/3.x", "tmp/9.x", "new/.hidden"]):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(CONTENT)
        os.utime(path, (1000 + at, 1000 + at))
    assert [unique_name(path) for path in message_paths(tmp_path)] == ["3.x", "2.x", "1.x"]
