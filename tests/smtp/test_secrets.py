"""Secrets of a log-in are cut out of replies, and nothing else is."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.smtp import Reply
from mailmerge.smtp.errors import RemoteProtocolError
from mailmerge.smtp.reader import ReplyReader
from mailmerge.smtp.secrets import Secrets

PASSWORD = "correct horse/battery+9"


def knowing(*secrets: str) -> Secrets:
    known = Secrets()
    for secret in secrets:
        known.add(secret)
    return known


def test_without_a_secret_a_reply_is_unchanged() -> None:
    reply = Reply(535, ("5.7.8 no",), "5.7.8")
    assert Secrets().cut_reply(reply) is reply
    assert Secrets().cut("anything") == "anything"
    assert knowing("").cut("anything") == "anything"


@pytest.mark.parametrize("code", [220, 250, 334, 421, 535])
def test_secret_is_cut_out_of_each_kind_of_reply(code: int) -> None:
    reply = Reply(code, (f"1.2.3 {PASSWORD} it is",), "1.2.3")
    assert knowing(PASSWORD).cut_reply(reply) == Reply(code, ("1.2.3 **** it is",), "1.2.3")


def test_harmless_replies_are_unchanged() -> None:
    known = knowing(PASSWORD)
    known.add_sent(base64.b64encode(b"\0news\0" + PASSWORD.encode()).decode())
    for text in (
        "2.0.0 Ok: queued as 4F2B1C9D7A",
        "5.7.1 <ann@example.org>: Recipient address rejected: Access denied",
        "5.7.8 Username and Password not accepted. https://support.example/?p=BadCredentials xyz",
        "4.7.28 Gmail has detected an unusual rate of mail 2002:a05:6402:1a3c sor12345678edc.7",
    ):
        for code in (250, 550):
            reply = Reply(code, (text,), text[:5])
            assert known.cut_reply(reply) is reply


def test_short_secret_is_cut_out_as_a_word_only() -> None:
    assert knowing("ab").cut("about ab, cab") == "about ****, cab"


def test_part_of_a_sent_response_is_cut_out() -> None:
    known = Secrets()
    response = base64.b64encode(b"\0news\0some password").decode()
    known.add_sent(response)
    assert known.cut(f"AUTH PLAIN {response[:12]}... what?") == "AUTH PLAIN **** what?"


def test_secret_folded_over_lines_is_cut_out() -> None:
    response = base64.b64encode(b"\0news\0" + PASSWORD.encode()).decode()
    lines = (f"5.7.8 {response[:20]}", f"5.7.8 {response[20:]}")
    assert knowing(PASSWORD).cut_reply(Reply(535, lines)).lines == ("****",)


SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=6, max_size=20)


@given(secret=SECRETS, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_base64_is_found_at_every_alignment(secret: str, before: bytes, after: bytes) -> None:
    echoed = base64.b64encode(before + secret.encode() + after).decode()
    for text in (echoed, echoed.rstrip("="), echoed.replace("+", "-").replace("/", "_")):
        assert text not in knowing(secret).cut(f"what is {text} for")


@given(secret=SECRETS)
def test_usual_forms_are_found(secret: str) -> None:
    known = knowing(secret)
    forms = {
        secret,
        quote(secret, safe=""),
        quote(base64.b64encode(secret.encode()), safe=""),
        secret.encode().hex(),
        json.dumps(secret)[1:-1],
    }
    for form in forms:
        assert form not in known.cut(f"5.7.8 you sent {form}").removeprefix("5.7.8 you sent ")


def test_malformed_line_is_shown_without_the_secret() -> None:
    reader = ReplyReader()
    reader.secrets.add(PASSWORD)
    reader.feed(b"x" * 70 + b" " + PASSWORD.encode() + b"\r\n")
    with pytest.raises(RemoteProtocolError) as error:
        reader.next_reply()
    assert "corre" not in str(error.value)
