"""What the check says about the certificate of S/MIME."""

from __future__ import annotations

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.preflight.checked import Folder, place
from tests.signing.certificates import Issued, Key, issue, new_rsa

FROM = "news@x-firma.de"
ROOT = issue("Test root", authority=True)
COLUMN = "message.smime.certificate"


def configure(folder: Folder, issued: Issued, **more: str) -> None:
    issued.write(folder.path)
    folder.write("chain.pem", ROOT.pem)
    smime = '{ certificate = "certificate.pem", key_file = "key.pem", chain = "chain.pem" }'
    folder.configure(message={"smime": smime, **more})


def own(
    *, key: Key | None = None, address: str = FROM, days: tuple[int, int] = (-10, 365)
) -> Issued:
    return issue("News", ROOT, key=key, address=address, days=days)


def test_a_good_certificate_is_no_problem(folder: Folder) -> None:
    configure(folder, own(address="News@X-Firma.de"))
    assert folder.problems() == []


def test_the_certificate_is_for_the_address_of_from(folder: Folder) -> None:
    configure(folder, own(address="other@x-firma.de"))
    problem = folder.problem()
    assert (problem.severity, *place(problem)) == (
        "error", "smime-address", "campaign.toml", None, COLUMN,
    )  # fmt: skip
    assert "for other@x-firma.de, and From is news@x-firma.de" in problem.message


@pytest.mark.parametrize(
    ("days", "code", "words"),
    [
        ((-10, -1), "smime-expired", "expired on"),
        ((1, 10), "smime-expired", "not valid before"),
        ((-10, 3), "smime-expires", "expires in 2 days"),
    ],
)
def test_a_certificate_has_its_time(
    folder: Folder, days: tuple[int, int], code: str, words: str
) -> None:
    configure(folder, own(days=days))
    problem = folder.problem()
    assert place(problem) == (code, "campaign.toml", None, COLUMN)
    assert words in problem.message


def test_the_key_belongs_to_the_certificate(folder: Folder) -> None:
    configure(folder, own())
    folder.write("key.pem", own().key_pem)
    problem = folder.problem()
    assert (problem.severity, problem.code) == ("error", "smime-key")


@pytest.mark.parametrize(
    ("file", "content", "code"),
    [
        ("key.pem", b"-----BEGIN", "smime-key"),
        ("certificate.pem", b"\x30\x82", "smime-certificate"),
        ("certificate.pem", b"", "smime-certificate"),
        ("chain.pem", b"none", "smime-certificate"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error(
    folder: Folder, file: str, content: bytes, code: str
) -> None:
    configure(folder, own())
    folder.write(file, content)
    problem = folder.problem()
    assert (problem.severity, problem.code, problem.file) == ("error", code, "campaign.toml")


def test_a_missing_file_is_an_error(folder: Folder) -> None:
    configure(folder, own())
    (folder.path / "key.pem").unlink()
    problem = folder.problem()
    assert "key.pem cannot be read: No such file" in problem.message
    assert problem.code == "smime-key"


def test_a_certificate_for_other_purposes_is_a_warning(folder: Folder) -> None:
    purpose = ExtendedKeyUsageOID.SERVER_AUTH
    configure(folder, issue("News", ROOT, address=FROM, purpose=purpose))
    assert folder.problem().code == "smime-usage"


def test_a_key_that_may_not_sign_is_a_warning(folder: Folder) -> None:
    configure(folder, issue("News", ROOT, address=FROM, signs=False))
    assert folder.problem().code == "smime-usage"
    configure(folder, issue("News", ROOT, address=FROM, signs=True))
    assert folder.problems() == []


def test_a_certificate_without_purposes_is_for_all(folder: Folder) -> None:
    configure(folder, issue("News", ROOT, address=FROM, purpose=None))
    assert folder.problems() == []


def test_a_small_key_is_a_warning(folder: Folder) -> None:
    configure(folder, own(key=new_rsa(1024)))
    assert folder.problem().code == "smime-key-size"


def test_a_missing_or_own_issuer_is_a_warning(folder: Folder) -> None:
    configure(folder, issue("News", address=FROM))
    assert "self-signed" in folder.problem().message
    configure(folder, own())
    folder.write("chain.pem", issue("Another", authority=True).pem)
    assert "issuer is missing" in folder.problem().message


def test_8bit_text_has_no_effect_with_smime(folder: Folder) -> None:
    configure(folder, own(), encoding='"8bit"')
    assert place(folder.problem()) == ("signed-8bit", "campaign.toml", None, "message.encoding")
