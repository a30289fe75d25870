"""What providers refuse, and what is not safe, of an account and its server."""

from __future__ import annotations

import pytest

from tests.preflight.checked import Folder, place

TOML = "campaign.toml"
AWAY = {"host": '"mail.x-firma.de"', "port": "", "security": ""}


def use_provider(folder: Folder, provider: str, username: str, sender: str) -> None:
    empty = dict.fromkeys(("host", "port", "security"), "")
    smtp = {**empty, "provider": f'"{provider}"', "username": f'"{username}"'}
    folder.configure(smtp=smtp, message={"from": f'"{sender}"'})


@pytest.mark.parametrize(
    ("provider", "username", "sender", "severity"),
    [
        ("gmail", "ann@gmail.com", "bob@x-firma.de", "error"),
        ("qq", "12345@qq.com", "67890@foxmail.com", "error"),
        ("workspace", "ann@x-firma.de", "news@x-firma.de", "warning"),
    ],
)
def test_a_from_that_is_not_the_log_in_is_refused_by_the_provider(
    folder: Folder, provider: str, username: str, sender: str, severity: str
) -> None:
    use_provider(folder, provider, username, sender)
    problem = folder.problem()
    assert problem.severity == severity
    assert place(problem) == ("from-differs-from-login", TOML, None, "message.from")
    assert username in problem.hint


@pytest.mark.parametrize(
    ("provider", "username", "sender"),
    [
        ("gmail", "Ann@gmail.com", "Ann <ann@gmail.com>"),
        ("qq", "12345", "12345@qq.com"),
        ("sendgrid", "apikey", "news@x-firma.de"),
    ],
)
def test_a_from_that_is_the_log_in_is_accepted(
    folder: Folder, provider: str, username: str, sender: str
) -> None:
    use_provider(folder, provider, username, sender)
    assert folder.problems() == []


@pytest.mark.parametrize("domain", ["gmail.com", "yahoo.fr", "hotmail.com", "qq.com", "web.de"])
def test_a_public_mailbox_through_a_foreign_server_is_an_error(folder: Folder, domain: str) -> None:
    folder.configure(message={"from": f'"news@{domain}"'}, smtp=AWAY)
    problem = folder.problem()
    assert problem.severity == "error"
    assert place(problem) == ("foreign-from", TOML, None, "message.from")
    assert domain in problem.message


def test_a_public_mailbox_through_its_own_server_is_accepted(folder: Folder) -> None:
    folder.configure(message={"from": '"news@gmx.de"'})
    assert folder.problems() == [], "a server on this machine may relay"
    folder.configure(smtp={"host": '"mail.gmx.net"', "port": "", "security": ""})
    assert folder.problems() == []


@pytest.mark.parametrize(
    ("port", "security", "says"),
    [("465", "starttls", "port 465 expects TLS"), ("587", "tls", "port 587 expects STARTTLS")],
)
def test_a_port_with_the_wrong_security_is_a_warning(
    folder: Folder, port: str, security: str, says: str
) -> None:
    folder.configure(smtp={"host": '"mail.x-firma.de"', "port": port, "security": f'"{security}"'})
    problem = folder.warning()
    assert place(problem) == ("port-security", TOML, None, "smtp.security")
    assert says in problem.message


def test_a_password_without_tls_is_an_error(folder: Folder) -> None:
    folder.configure(
        smtp={"host": '"mail.x-firma.de"', "security": '"none"', "username": '"ann"', "port": "25"}
    )
    problem = folder.problem()
    assert problem.severity == "error"
    assert place(problem) == ("plain-text-login", TOML, None, "smtp.security")


def test_a_missing_certificate_file_is_an_error(folder: Folder) -> None:
    folder.configure(smtp={"ca_file": '"ca.pem"'})
    assert place(folder.problem()) == ("ca-file", TOML, None, "smtp.ca_file")
    folder.write("ca.pem", "x")
    assert folder.problems() == []
