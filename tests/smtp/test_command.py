"""Commands: for any path, only one line of a permitted length is written."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.smtp import Awaited, Capabilities, Envelope
from mailmerge.smtp.command import (
    MAX_COMMAND_LINE,
    command_line,
    envelope_lines,
    hello_line,
    rcpt_line,
)
from mailmerge.smtp.errors import LocalProtocolError

EVERYTHING = Capabilities(
    "x", esmtp=True, keywords=dict.fromkeys(("SIZE", "8BITMIME", "SMTPUTF8", "DSN"), ())
)
NOTHING = Capabilities("x", esmtp=True)


def mail_line(envelope: Envelope, size: int, capabilities: Capabilities) -> bytes:
    """MAIL, the first line of an envelope."""
    (awaited, line), *_ = envelope_lines(envelope, size, capabilities)
    assert awaited is Awaited.MAIL
    return line


def rcpt(path: str, *, utf8: bool = False) -> str:
    """Return the path in RCPT."""
    line = rcpt_line(Envelope("", (path,), smtputf8=utf8), path, NOTHING).decode()
    assert line.startswith("RCPT TO:<")
    assert line.endswith(">\r\n")
    return line.removeprefix("RCPT TO:<").removesuffix(">\r\n")


@pytest.mark.parametrize("byte", [*range(0x20), 0x7F])
def test_no_command_holds_a_control_character(byte: int) -> None:
    with pytest.raises(LocalProtocolError, match="control character"):
        command_line(f"NOOP a{chr(byte)}b")


def test_no_command_is_over_its_limit() -> None:
    assert len(command_line("x" * (MAX_COMMAND_LINE - 2))) == MAX_COMMAND_LINE
    with pytest.raises(LocalProtocolError, match="513 bytes"):
        command_line("x" * (MAX_COMMAND_LINE - 1))


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="surrogate"):
        command_line("NOOP \ud800")


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_path_is_one_mailbox_or_refused(reverse: str, forward: str) -> None:
    envelope = Envelope(reverse, (forward,), smtputf8=True)
    try:
        lines = mail_line(envelope, 5, EVERYTHING) + rcpt_line(envelope, forward, EVERYTHING)
    except LocalProtocolError:
        return
    assert lines.count(b"\r\n") == 2
    assert re.fullmatch(
        rb"MAIL FROM:<(?:[^<>\x00-\x1f\x7f]|\"[^\x00-\x1f\x7f]*\")*> SIZE=5 SMTPUTF8\r\n"
        rb"RCPT TO:<(?:[^<>\x00-\x1f\x7f]|\"[^\x00-\x1f\x7f]*\")*>\r\n",
        lines,
    )


@pytest.mark.parametrize(
    "path",
    [
        "", "a", "@x.example", "a@", "a@b@c", "a b@x.example", "a@x.example>", "<a@x.example>",
        "a@x.example> SIZE=1", "a@x.example,b@x.example", "a@x.example\r\nRCPT TO:<b@x.example>",
        "a@x.example\n", "a\x7f@x.example", "a\x85@x.example", "a\u2028@x.example", '"a@x.example',
        'a"b@x.example', "(c)a@x.example", "a@x y", "jürgen@x.example",
        "a" * 65 + "@x.example", "a@" + "x" * 256,
        "a" * 64 + "@" + ".".join(["x" * 63] * 3),
    ],
)  # fmt: skip
def test_a_malformed_path_is_refused(path: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        rcpt_line(Envelope("", (path,)), path, NOTHING)
    assert caught.value.code == "not-a-path"


@pytest.mark.parametrize(
    "path",
    ["a@x.example", '"a b"@x.example', r'"a\"b@c"@x.example', "a+b=c!#$%&'*/?^_`{|}~-@x.example",
     "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "postmaster", "Postmaster", "a" * 64 + "@x.example",
     "a@xn--bcher-kva.example", "a@under_score.example", "a..b@x.example"],
)  # fmt: skip
def test_a_path_is_sent_unchanged(path: str) -> None:
    assert rcpt(path) == path


def test_smtputf8_is_for_local_parts_only() -> None:
    assert rcpt("jürgen@x.example", utf8=True) == "jürgen@x.example"
    with pytest.raises(LocalProtocolError, match="A-labels"):
        rcpt("a@bücher.example", utf8=True)


def test_a_local_part_is_measured_in_bytes() -> None:
    assert rcpt("ü" * 32 + "@x.example", utf8=True)
    with pytest.raises(LocalProtocolError, match="too long"):
        rcpt("ü" * 33 + "@x.example", utf8=True)


@pytest.mark.parametrize(
    "name",
    ["mail.example.org", "a", "[192.0.2.1]", "[IPv6:2001:db8::1]", "3com.example", "x.4a",
     ".".join(["x" * 63, "x" * 63, "x" * 63, "x" * 63])],
)  # fmt: skip
def test_ehlo_sends_a_domain_or_an_address_literal(name: str) -> None:
    assert hello_line("EHLO", name) == f"EHLO {name}\r\n".encode()


@pytest.mark.parametrize(
    "name",
    ["", "localhost", "LocalHost", "under_score", "a b", "-a", "a-", "bücher.example", "[x]",
     "192.0.2.1\r\n", "a\r\nMAIL", "10.0.0.5", "a..b", "a.example.", "x" * 64 + ".example",
     ".".join(["x" * 63, "x" * 63, "x" * 63, "x" * 61, "xx"])],
)  # fmt: skip
def test_ehlo_refuses_other_names(name: str) -> None:
    with pytest.raises(LocalProtocolError, match="EHLO needs a full domain"):
        hello_line("EHLO", name)


def test_parameters_are_sent_where_offered() -> None:
    envelope = Envelope(
        "n@x.example", ("a@x.example",), smtputf8=True, eightbit=True, envid="a b+", ret="FULL",
        notify="SUCCESS,FAILURE,DELAY",
    )  # fmt: skip
    assert mail_line(envelope, 12, EVERYTHING) == (
        b"MAIL FROM:<n@x.example> SIZE=12 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=a+20b+2B\r\n"
    )
    assert rcpt_line(envelope, "a@x.example", EVERYTHING) == (
        b"RCPT TO:<a@x.example> NOTIFY=SUCCESS,FAILURE,DELAY\r\n"
    )
    assert rcpt_line(envelope, "a@x.example", NOTHING) == b"RCPT TO:<a@x.example>\r\n"
    only_id = Envelope("n@x.example", ("a@x.example",), envid="x")
    assert mail_line(only_id, 1, EVERYTHING) == b"MAIL FROM:<n@x.example> SIZE=1 ENVID=x\r\n"
    assert mail_line(only_id, 1, NOTHING) == b"MAIL FROM:<n@x.example>\r\n"


def test_the_longest_permitted_commands_fit() -> None:
    path = "a" * 64 + "@" + ".".join(["x" * 63, "x" * 63, "x" * 61])
    envelope = Envelope(
        path, (path,), smtputf8=True, eightbit=True, envid="e" * 100, ret="FULL",
        notify="SUCCESS,FAILURE,DELAY",
    )  # fmt: skip
    assert mail_line(envelope, 10**20 - 1, EVERYTHING)
    assert rcpt_line(envelope, path, EVERYTHING)


@pytest.mark.parametrize(
    "wrong",
    [{"ret": "SOME"}, {"envid": "e" * 101}, {"envid": "a\nb"}, {"envid": "é"}],
)
def test_malformed_parameters_of_mail_are_refused(wrong: dict[str, str]) -> None:
    envelope = Envelope("n@x.example", ("a@x.example",), **wrong)  # type: ignore[arg-type]  # texts
    with pytest.raises(LocalProtocolError):
        mail_line(envelope, 1, EVERYTHING)


@pytest.mark.parametrize("notify", ["SOMETIMES", "NEVER,DELAY", "DELAY ", "FAILURE,"])
def test_a_malformed_notify_is_refused(notify: str) -> None:
    envelope = Envelope("n@x.example", ("a@x.example",), notify=notify)
    with pytest.raises(LocalProtocolError):
        rcpt_line(envelope, "a@x.example", EVERYTHING)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=33))
def test_envid_can_be_read_back(text: str) -> None:
    line = mail_line(Envelope("", ("a@x.example",), envid=text), 0, EVERYTHING).decode()
    encoded = line.partition(" ENVID=")[2].removesuffix("\r\n")
    assert re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", encoded)
    assert re.sub(r"\+(..)", lambda match: chr(int(match[1], 16)), encoded) == text
