"""DKIM signatures, verified by dkimpy and OpenDKIM."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest

from mailmerge.signing.dkim import DkimKey, DkimSigner
from mailmerge.signing.keys import new_key

DATE = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)
HEADER = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: a \t long\r\n  subject\r\n"
    b"X-Two: 1\r\nX-Two: 2\r\nDate: Fri, 27 Nov 2026 01:02:03 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n"
    b"List-Unsubscribe: <https://example.org/u>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version: 1.0\r\n\r\n"
)
BODIES = {
    "empty": b"",
    "empty lines": b"\r\n\r\n",
    "spaces": b" \t two  words \t\r\n  .dot\r\n.\r\n \r\n\r\n",
    "8bit": "Grüße,  Welt\r\n".encode(),
    "large": b"word  " * 100 + b"\r\n" + b"x" * 70 + b"\r\n" * 50 + b"end\r\n",
    "unfinished line": b"one \r\ntwo",
}
KEYS = {
    "rsa": DkimKey("example.org", "r1", new_key("rsa")),
    "ed25519": DkimKey("example.org", "e1", new_key("ed25519")),
}


def signed(body: bytes, *keys: DkimKey, cut: int = 10_000) -> bytes:
    whole = HEADER + body
    chunks = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    return DkimSigner(keys).signatures(chunks, DATE) + whole


def verifies(message: bytes, number: int = 0) -> bool:
    records = {f"{k.selector}._domainkey.example.org.": k.key.record() for k in KEYS.values()}
    lookup = lambda name, timeout=5: records[name.decode()].encode()  # noqa: E731
    try:
        return bool(dkim.DKIM(message).verify(number, dnsfunc=lookup))
    except dkim.ValidationError as error:
        assert "hash mismatch" in str(error)  # noqa: PT017 - any other error is a malformed field
        return False


@pytest.mark.parametrize("cut", [1, 2, 7, 10_000])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("algorithm", KEYS)
def test_dkimpy_verifies_each_body_in_any_chunks(algorithm: str, body: bytes, cut: int) -> None:
    assert verifies(signed(body, KEYS[algorithm], cut=cut))


def test_both_signatures_verify() -> None:
    message = signed(BODIES["spaces"], KEYS["rsa"], KEYS["ed25519"])
    assert verifies(message, 0)
    assert verifies(message, 1)


@pytest.mark.parametrize(
    "added",
    [
        "From",
        "To",
        "Cc",
        "Subject",
        "Reply-To",
        "X-Two",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
    ],
)
@pytest.mark.parametrize("algorithm", KEYS)
def test_an_added_field_breaks_the_signature(algorithm: str, added: str) -> None:
    message = signed(b"text\r\n", KEYS[algorithm])
    assert verifies(message)
    assert not verifies(added.encode() + b": forged\r\n" + message)
    assert not verifies(
        message.replace(b"\r\nMIME-", b"\r\n" + added.encode() + b": forged\r\nMIME-")
    )


def test_a_changed_body_breaks_the_signature() -> None:
    assert not verifies(signed(b"text\r\n", KEYS["rsa"]).replace(b"text\r\n", b"test\r\n"))


def test_same_message_gives_same_signature() -> None:
    assert signed(b"a\r\n", *KEYS.values()) == signed(b"a\r\n", *KEYS.values(), cut=3)


def test_lines_of_the_field_are_short() -> None:
    field = DkimSigner([KEYS["rsa"]]).signatures([HEADER], DATE)
    assert max(map(len, field.split(b"\r\n"))) <= 78
    assert re.search(rb"t=1795741323;", field)


@pytest.mark.real
@pytest.mark.parametrize("body", [BODIES["large"] * 10, b"text  \r\n\r\n"], ids=["large", "small"])
def test_opendkim_verifies_rsa(tmp_path: Path, body: bytes) -> None:
    program = shutil.which("opendkim", path="/usr/sbin:/usr/bin")
    assert program is not None, "install the package opendkim"
    key, keys = KEYS["rsa"], tmp_path / "keys"
    keys.write_text(f"{key.selector}._domainkey.{key.domain} {key.key.record()}\n")
    (tmp_path / "conf").write_text(f"TestPublicKeys {keys}\n")
    (tmp_path / "m.eml").write_bytes(signed(body, key))
    command = [program, "-x", str(tmp_path / "conf"), "-t", str(tmp_path / "m.eml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert "2048-bit key) succeeded" in ended.stdout, ended
