"""Log-in mechanisms: the bytes that are sent, early refusals, and cancelled exchanges."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from mailmerge.smtp import Credentials
from mailmerge.smtp.auth import LogIn, choose_mechanisms
from mailmerge.smtp.errors import AuthenticationRefused

ALL = ("PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER")


def encode(response: bytes) -> str:
    return base64.b64encode(response).decode()


@pytest.mark.parametrize(
    ("credentials", "secure", "chosen"),
    [
        (Credentials("me", "p"), True, ("PLAIN", "LOGIN", "CRAM-MD5")),
        (Credentials("me", "p"), False, ("CRAM-MD5", "PLAIN", "LOGIN")),
        (Credentials("me", token="t"), True, ("OAUTHBEARER", "XOAUTH2")),
        (Credentials("me", "p", mechanism="login"), True, ("LOGIN",)),
        (Credentials("me", token="t", mechanism="xoauth2"), True, ("XOAUTH2",)),
    ],
)
def test_the_best_mechanism_comes_first(
    credentials: Credentials, secure: bool, chosen: tuple[str, ...]
) -> None:
    assert choose_mechanisms(credentials, ALL, secure=secure) == chosen


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (Credentials("me", "p", mechanism="xoauth2"), "needs-token"),
        (Credentials("me", "p", mechanism="oauthbearer"), "needs-token"),
        (Credentials("me", token="t", mechanism="plain"), "needs-password"),
        (Credentials("me", token="t", mechanism="cram-md5"), "needs-password"),
    ],
)
def test_a_mechanism_needs_its_kind_of_secret(credentials: Credentials, code: str) -> None:
    with pytest.raises(AuthenticationRefused, match=credentials.mechanism) as caught:
        choose_mechanisms(credentials, ALL, secure=True)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("credentials", "named"),
    [
        (Credentials("me", "pass\udcffword"), "password"),
        (Credentials("me", "pass\0word"), "password"),
        (Credentials("m\0e", "password"), "user name"),
        (Credentials("m\udcffe", "password"), "user name"),
        (Credentials("me\x01auth=Bearer x", token="t"), "user name"),
        (Credentials("me", token="t\x01\x01"), "token"),
        (Credentials("me", token="t\udcff"), "token"),
        (Credentials("me", token="t\n"), "token"),
    ],
)
@pytest.mark.parametrize("mechanism", ["", "login", "cram-md5"])
def test_an_unsendable_secret_is_refused_and_not_shown(
    credentials: Credentials, named: str, mechanism: str
) -> None:
    with pytest.raises(AuthenticationRefused, match=f"the {named} holds") as caught:
        choose_mechanisms(replace(credentials, mechanism=mechanism), ALL, secure=True)
    assert "word" not in str(caught.value).replace("password", "")
    assert caught.value.code == "unsendable-secret"


def test_a_password_is_sent_as_it_was_typed() -> None:
    """The server prepares passwords (RFC 4616, 2), so the client does not change them."""
    typed = " e\u0301\u00a0\u2126 "
    log_in = LogIn("PLAIN", Credentials("me", typed))
    assert log_in.initial == encode(f"\0me\0{typed}".encode())


def test_oauthbearer_ends_each_pair_with_x01() -> None:
    """RFC 7628, 3.1, and its GS2 header escapes = and comma (RFC 5801, 4)."""
    log_in = LogIn("OAUTHBEARER", Credentials("a=b,c", token="t"))
    assert log_in.initial == encode(b"n,a=a=3Db=2Cc,\x01auth=Bearer t\x01\x01")
    assert log_in.answer(encode(b'{"status":"401"}')) == "AQ=="
    assert log_in.token_error == '{"status":"401"}'


def test_xoauth2_ends_each_pair_with_x01() -> None:
    log_in = LogIn("XOAUTH2", Credentials("me", token="t"))
    assert log_in.initial == encode(b"user=me\x01auth=Bearer t\x01\x01")
    assert log_in.answer(encode(b'{"status":"401"}')) == ""


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_an_error_that_is_not_base64_cancels(mechanism: str) -> None:
    log_in = LogIn(mechanism, Credentials("me", token="t"))
    assert log_in.answer('{"status":"401"}') == "*"
    assert log_in.token_error == '{"status":"401"}'


def test_an_empty_challenge_of_cram_md5_cancels() -> None:
    log_in = LogIn("CRAM-MD5", Credentials("me", "p"))
    assert log_in.initial is None
    assert log_in.answer("") == "*"
    assert log_in.protocol_error is not None


@pytest.mark.parametrize("mechanism", ["PLAIN", "CRAM-MD5"])
def test_a_challenge_that_is_not_base64_cancels(mechanism: str) -> None:
    log_in = LogIn(mechanism, Credentials("me", "p"))
    assert log_in.answer("***") == "*"
    assert log_in.protocol_error is not None
    assert "base64" in str(log_in.protocol_error)


@pytest.mark.parametrize(("length", "fits"), [(368, True), (369, False)])
def test_a_response_too_long_for_auth_answers_a_challenge(length: int, fits: bool) -> None:
    """A command line has 512 bytes (RFC 5321, 4.5.3.1.4), the answer to a challenge 12288."""
    log_in = LogIn("PLAIN", Credentials("me", "x" * length))
    response = encode(b"\0me\0" + b"x" * length)
    assert (len(f"AUTH PLAIN {response}\r\n") <= 512) is fits
    assert log_in.initial == (response if fits else None)
    if not fits:
        assert log_in.answer("") == response


def test_a_challenge_too_many_cancels() -> None:
    log_in = LogIn("PLAIN", Credentials("me", "p"))
    assert log_in.initial
    assert log_in.answer("") == "*"
    assert log_in.protocol_error is None
