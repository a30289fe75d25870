"""The client against real servers: Postfix, Exim, OpenSMTPD, Dovecot and smtp-sink."""

from __future__ import annotations

import pytest

from mailmerge.smtp import Client, Credentials, Envelope, Stage, Transaction, Verdict
from mailmerge.smtp.errors import AuthenticationRefused, ServerUnreachable
from tests import servers
from tests.conftest import PASSWORD
from tests.smtp.conversation import local, message, send

pytestmark = pytest.mark.real

DOTS = b".first\r\n..second\r\n\r\n.\r\nlast\r\n"


@pytest.mark.parametrize("window", [1, 8])
def test_postfix_receives_every_byte_unchanged(postfix: servers.Postfix, window: int) -> None:
    client = Client(local(postfix.port), window=window)
    client.open()
    wanted = {}
    for number in range(8):
        path = f"bytes{window}.{number}@example.org"
        wanted[path] = (*message(number, to=path).content, DOTS)
        client.submit(Transaction(number, Envelope("news@example.org", (path,)), wanted[path]))
        if not client.room:
            assert all(outcome.verdict is Verdict.SENT for outcome in client.wait())
    while client.in_flight:
        assert all(outcome.verdict is Verdict.SENT for outcome in client.wait())
    client.quit()
    kept = {path: one.content for one in postfix.accepted() for path in one.forward_paths}
    assert {path: kept[path] for path in wanted} == {
        path: b"".join(content) for path, content in wanted.items()
    }


@pytest.mark.parametrize("window", [1, 8])
def test_postfix_refusals_do_not_affect_other_messages(
    postfix: servers.Postfix, window: int
) -> None:
    names = ["ada", "nobody", "grace", "late", "nobody", "alan"]
    client = Client(local(postfix.port), window=window)
    client.open()
    outcomes = []
    waiting = list(enumerate(names))
    while waiting or client.in_flight:
        while waiting and client.room:
            number, name = waiting.pop(0)
            client.submit(message(number, to=f"{name}@example.org"))
        outcomes += client.wait()
    client.quit()
    assert [outcome.token for outcome in outcomes] == list(range(6))
    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.SENT,
        Verdict.REJECTED,
        Verdict.SENT,
        Verdict.DEFERRED,
        Verdict.REJECTED,
        Verdict.SENT,
    ]
    assert {outcome.stage for outcome in outcomes} == {Stage.CONTENT, Stage.RCPT}


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("mechanism", ["", "login", "cram-md5"])
def test_log_in_to_postfix(
    postfix: servers.Postfix, certificates: servers.Certificates, security: str, mechanism: str
) -> None:
    port = postfix.tls_port if security == "tls" else postfix.port
    server = local(port, host="localhost", security=security, ca_file=str(certificates.ca_file))
    client = Client(server, Credentials("news", PASSWORD, mechanism=mechanism), window=4)
    client.open()
    client.submit(message(1, to="tls@example.org"))
    (outcome,) = client.wait()
    assert outcome.verdict is Verdict.SENT
    client.quit()


def test_postfix_refuses_a_wrong_password(
    postfix: servers.Postfix, certificates: servers.Certificates
) -> None:
    server = local(postfix.port, security="starttls", ca_file=str(certificates.ca_file))
    with pytest.raises(AuthenticationRefused, match="535"):
        Client(server, Credentials("news", "wrong")).open()


def test_postfix_without_a_trusted_authority_is_refused(postfix: servers.Postfix) -> None:
    with pytest.raises(ServerUnreachable, match="not trusted"):
        Client(local(postfix.tls_port, security="tls")).open()


def test_postfix_takes_an_internationalised_address(postfix: servers.Postfix) -> None:
    client = Client(local(postfix.port))
    assert client.open().smtputf8
    envelope = Envelope("news@example.org", ("jürgen@xn--bcher-kva.example",), smtputf8=True)
    client.submit(Transaction(1, envelope, ("Subject: grüße\r\n\r\nx\r\n".encode(),)))
    (outcome,) = client.wait()
    assert outcome.verdict is Verdict.SENT
    client.quit()


def test_exim_accepts_every_command_group(exim: servers.Exim) -> None:
    # Another test may have provoked these complaints on the same server before.
    complaints = ("synchronization", "too many nonmail")
    before = [exim.log.count(words) for words in complaints]
    for window in (1, 8):
        run = send(local(exim.port), 20, window=window)
        assert run.tokens(Verdict.SENT) == set(range(20))
    assert "<= news@example.org" in exim.log
    assert [exim.log.count(words) for words in complaints] == before


def test_opensmtpd_message_limit_loses_no_message(opensmtpd: servers.OpenSmtpd) -> None:
    run = send(local(opensmtpd.port), 105)
    assert run.tokens(Verdict.SENT) == set(range(100))
    assert run.tokens(Verdict.NOT_SENT) == {100}
    assert len(run.outcomes) == 101


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_dovecot_accepts_mail_by_lmtp(dovecot_lmtp: servers.Lmtp, way: str) -> None:
    socket = str(dovecot_lmtp.socket) if way == "unix" else ""
    client = Client(local(dovecot_lmtp.port, protocol="lmtp", socket=socket), window=4)
    client.open()
    for token, names in enumerate([("ada@example.org", "grace@example.org"),
                                    ("stranger@example.org",), ("ada@example.org",)]):  # fmt: skip
        envelope = Envelope("news@example.org", names)
        content = (f"Subject: {way} {token}\r\n\r\n".encode(), DOTS)
        client.submit(Transaction(token, envelope, content))
        if not client.room:
            break
    outcomes = []
    while client.in_flight:
        outcomes += client.wait()
    client.quit()
    assert [outcome.verdict for outcome in outcomes][:2] == [Verdict.SENT, Verdict.REJECTED]
    assert any(f"Subject: {way} 0".encode() in mail for mail in dovecot_lmtp.delivered("grace"))


def test_smtp_sink_accepts_every_message(smtp_sink: servers.Sink) -> None:
    run = send(local(smtp_sink.port), 300)
    assert run.tokens(Verdict.SENT) == set(range(300))
