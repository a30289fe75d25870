"""What the check says about the keys of DKIM."""

from __future__ import annotations

import pytest

from mailmerge.signing.keys import new_key
from tests.preflight.checked import Folder, place


def configure(folder: Folder, *sections: str) -> None:
    folder.write("rsa.pem", new_key("rsa").pem())
    folder.write("ed25519.pem", new_key("ed25519").pem())
    folder.configure(message={"dkim": f"[{', '.join(sections)}]"})


RSA = '{ selector = "r1", key_file = "rsa.pem" }'
ED25519 = '{ selector = "e1", key_file = "ed25519.pem" }'


def test_an_rsa_key_alone_or_with_another_is_no_problem(folder: Folder) -> None:
    for sections in ((RSA,), (RSA, ED25519)):
        configure(folder, *sections)
        assert folder.problems() == []


def test_ed25519_alone_is_a_warning(folder: Folder) -> None:
    configure(folder, ED25519)
    assert place(folder.problem()) == ("dkim-ed25519-only", "campaign.toml", None, "message.dkim")


@pytest.mark.parametrize("bits", [1024, 5120])
def test_an_unusual_size_is_a_warning(folder: Folder, bits: int) -> None:
    configure(folder, RSA)
    folder.write("rsa.pem", new_key("rsa", bits).pem())
    problem = folder.problem()
    assert (problem.severity, problem.code) == ("warning", "dkim-key-size")
    assert f"r1 has {bits} bits" in problem.message


def test_a_signature_of_another_domain_is_a_warning(folder: Folder) -> None:
    configure(folder, '{ selector = "r1", key_file = "rsa.pem", domain = "other.com" }')
    column = "message.dkim.domain"
    assert place(folder.problem()) == ("dkim-alignment", "campaign.toml", None, column)
    configure(folder, '{ selector = "r1", key_file = "rsa.pem", domain = "mail.x-firma.de" }')
    assert folder.problems() == []


def test_8bit_text_with_a_signature_is_a_warning(folder: Folder) -> None:
    configure(folder, RSA)
    folder.configure(message={"encoding": '"8bit"'})
    assert folder.problem().code == "signed-8bit"
