"""A detached CMS signature: its DER is whole, and OpenSSL verifies it over the same bytes only."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailmerge.signing.cms import CmsSigner
from tests.signing.certificates import Issued, Key, issue, new_ec, new_rsa

DATE = datetime(2026, 11, 27, 1, 2, 3, tzinfo=UTC)
ROOT = issue("Root", authority=True)
CONTENT = (b"first line\r\n", b"", b"x" * 70_000, b"\r\n")


def signed_by(issued: Issued, date: datetime = DATE) -> bytes:
    signer = CmsSigner(issued.certificate, issued.key, [ROOT.certificate])
    return signer.signature(CONTENT, date)


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True, timeout=20, check=False
    )


@pytest.mark.parametrize("key", [new_rsa(), new_ec()], ids=["rsa", "ecdsa"])
def test_openssl_verifies_the_content_and_no_other(tmp_path: Path, key: Key) -> None:
    issued = issue("News", ROOT, key=key, address="a@b.de")
    (tmp_path / "root.pem").write_bytes(ROOT.pem)
    (tmp_path / "s.der").write_bytes(signed_by(issued))
    verify = ("cms", "-verify", "-binary", "-inform", "DER", "-in", "s.der", "-CAfile", "root.pem")
    (tmp_path / "content").write_bytes(b"".join(CONTENT))
    assert openssl(tmp_path, *verify, "-content", "content", "-out", "o").returncode == 0
    (tmp_path / "content").write_bytes(b"".join(CONTENT) + b"x")
    assert openssl(tmp_path, *verify, "-content", "content", "-out", "o").returncode != 0


@pytest.mark.parametrize(
    ("year", "words"), [(2049, "UTCTIME:Nov 27 01:02:03 2049"), (2050, "GENERALIZEDTIME:Nov 27")]
)
def test_the_time_has_the_form_of_its_year(tmp_path: Path, year: int, words: str) -> None:
    (tmp_path / "s.der").write_bytes(signed_by(issue("News", ROOT), DATE.replace(year=year)))
    printed = openssl(tmp_path, "cms", "-cmsout", "-print", "-inform", "DER", "-in", "s.der")
    assert words in printed.stdout


def test_the_structure_is_whole_der(tmp_path: Path) -> None:
    (tmp_path / "s.der").write_bytes(signed_by(issue("News", ROOT)))
    assert openssl(tmp_path, "asn1parse", "-inform", "DER", "-in", "s.der").returncode == 0
