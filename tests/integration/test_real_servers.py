"""The real servers of tests/servers: what they announce, take, refuse and keep."""

from __future__ import annotations

import smtplib
import socket
import subprocess
from collections.abc import Iterator

import pytest

from mailmerge.providers.server_ids import server_id_of
from mailmerge.smtp import Client, Credentials, Envelope, Outcome, Server, Transaction, Verdict
from tests import servers
from tests.conftest import PASSWORD, StartPostfix

pytestmark = pytest.mark.real

CONTENT = (
    b"From: news@example.org\r\nTo: ada@example.org\r\nBcc: kept@example.org\r\n"
    b"Subject: =?utf-8?q?caf=C3=A9?=\r\n\r\n.begins with a dot\r\n..and two\r\n"
    + b"x" * 990
    + b"\r\nlast\r\n"
)


def client_of(
    server: servers.Postfix | servers.Exim | servers.OpenSmtpd | servers.Sink,
) -> smtplib.SMTP:
    client = smtplib.SMTP(server.host, server.port, local_hostname="client.example.org", timeout=20)
    client.ehlo()
    return client


def mine(messages: list[servers.Accepted], forward_path: str) -> servers.Accepted:
    (only,) = [message for message in messages if forward_path in message.forward_paths]
    return only


def test_postfix_keeps_the_envelope_and_every_octet(postfix: servers.Postfix) -> None:
    with client_of(postfix) as client:
        client.sendmail("news@example.org", ["octets@example.org", "two@example.org"], CONTENT)
    message = mine(postfix.accepted(), "octets@example.org")
    assert message.reverse_path == "news@example.org"
    assert message.forward_paths == ("octets@example.org", "two@example.org")
    assert message.content == CONTENT


def reply_of(client: smtplib.SMTP, recipient: str) -> str:
    """The reply to the end of a message, as the ledger has it."""
    client.mail("news@example.org")
    client.rcpt(recipient)
    code, text = client.data(CONTENT)
    return f"{code} {text.decode()}"


def test_id_of_postfix_is_that_of_its_queue(postfix: servers.Postfix) -> None:
    with client_of(postfix) as client:
        found = server_id_of(reply_of(client, "id@example.org"))
    assert found == mine(postfix.accepted(), "id@example.org").queue_id


def test_id_of_exim_is_in_its_log(exim: servers.Exim) -> None:
    with client_of(exim) as client:
        found = server_id_of(reply_of(client, "id@example.org"))
    assert found
    assert f"{found} <= news@example.org" in exim.log


def test_id_of_opensmtpd_is_in_its_log(opensmtpd: servers.OpenSmtpd) -> None:
    with client_of(opensmtpd) as client:
        found = server_id_of(reply_of(client, "nobody@localhost"))
    assert found
    assert f"msgid={found}" in opensmtpd.log


def test_postfix_keeps_lines_longer_than_its_own_buffer(postfix: servers.Postfix) -> None:
    content = b"Subject: long\r\n\r\n" + b"y" * 9000 + b"\r\n"
    with client_of(postfix) as client:
        client.sendmail("news@example.org", ["long@example.org"], content)
    assert mine(postfix.accepted(), "long@example.org").content == content


def test_the_queue_file_is_read_as_postcat_reads_it(postfix: servers.Postfix) -> None:
    with client_of(postfix) as client:
        client.sendmail("news@example.org", ["postcat@example.org"], CONTENT)
    message = mine(postfix.accepted(), "postcat@example.org")
    command = ["postcat", "-c", str(postfix.configuration), "-bh", "-q", message.queue_id]
    shown = subprocess.run(command, capture_output=True, check=True).stdout
    assert shown.startswith(b"Received: ")
    assert shown.endswith(message.content.replace(b"\r\n", b"\n"))


def test_postfix_announces_what_the_engine_uses(postfix: servers.Postfix) -> None:
    with client_of(postfix) as client:
        wanted = {"pipelining", "chunking", "size", "8bitmime", "smtputf8", "dsn", "starttls"}
        assert wanted <= client.esmtp_features.keys()
        assert "auth" not in client.esmtp_features


def test_postfix_answers_as_the_settings_say(postfix: servers.Postfix) -> None:
    with client_of(postfix) as client:
        client.mail("news@example.org")
        assert client.rcpt("late@example.org")[0] == 450
        assert client.rcpt("nobody@example.org")[0] == 550
        assert client.rcpt("ada@example.org")[0] == 250


@pytest.mark.parametrize("wrapped", [False, True])
def test_postfix_logs_in_over_tls(
    postfix: servers.Postfix, certificates: servers.Certificates, wrapped: bool
) -> None:
    context = certificates.client_context()
    if wrapped:
        client: smtplib.SMTP = smtplib.SMTP_SSL("localhost", postfix.tls_port, context=context)
    else:
        client = smtplib.SMTP("localhost", postfix.port)
        client.starttls(context=context)
    with client:
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login("news", "wrong")
        assert refused.value.smtp_code == 535
        assert client.login("news", PASSWORD)[0] == 235


def test_postfix_logs_in_by_dovecot(start_postfix: StartPostfix) -> None:
    settings = servers.Settings(
        sasl="dovecot", users={"news": PASSWORD}, login_without_tls=True, login_required=True
    )
    server = start_postfix(settings)
    with client_of(server) as client:
        client.mail("news@example.org")
        assert client.rcpt("ada@example.org")[0] == 554
        client.rset()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("news", "wrong")
        assert client.login("news", PASSWORD)[0] == 235
        client.sendmail("news@example.org", ["ada@example.org"], CONTENT)
    (message,) = server.accepted()
    assert message.forward_path == "ada@example.org"


def test_postfix_refuses_what_its_settings_limit(start_postfix: StartPostfix) -> None:
    server = start_postfix(
        servers.Settings(
            message_size_limit=2000,
            smtputf8=False,
            senders={"out@example.org": "550 5.7.1 Not you"},
        )
    )
    with client_of(server) as client:
        assert client.esmtp_features["size"] == "2000"
        assert "smtputf8" not in client.esmtp_features
        assert client.mail("news@example.org", ["SIZE=2001"])[0] == 552
        client.rset()
        assert client.mail("out@example.org")[0] == 250
        assert client.rcpt("ada@example.org")[0] == 550


def test_postfix_counts_connections_and_knows_which_brought_a_message(
    start_postfix: StartPostfix,
) -> None:
    server = start_postfix(servers.Settings())
    for _ in range(2):
        with client_of(server) as client:
            for name in ("ada", "grace"):
                client.sendmail("news@example.org", [f"{name}@example.org"], CONTENT)
    servers.wait_until(lambda: server.log.count("disconnect from") == 3, "the last log line")
    assert server.connections() == 2
    brought = [server.connection_of(message.queue_id) for message in server.accepted()]
    assert brought[0] == brought[1]
    assert brought[2] == brought[3]
    assert brought[1] != brought[2]
    with pytest.raises(LookupError):
        server.connection_of("none")


def test_postfix_without_keep_discards(start_postfix: StartPostfix) -> None:
    server = start_postfix(servers.Settings(keep=False))
    servers.smtp_source(server.port, "-m", "5", "-t", "ada@example.org")
    servers.wait_until(lambda: server.log.count("status=sent") == 5, "five deliveries")
    assert server.accepted() == []


@pytest.mark.parametrize("name", ["postfix", "exim"])
def test_a_client_that_sends_too_early_is_dropped(
    name: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue(name)
    with socket.create_connection((server.host, server.port), timeout=20) as client:
        client.sendall(b"EHLO client.example.org\r\nMAIL FROM:<a@example.org>\r\n")
        heard = b"".join(iter(lambda: client.recv(4096), b""))
    assert b"554 " in heard
    assert b"250 " not in heard


def test_postfix_refuses_bare_line_feeds(postfix: servers.Postfix) -> None:
    with client_of(postfix) as client:
        client.mail("news@example.org")
        client.rcpt("bare@example.org")
        client.putcmd("data")
        assert client.getreply()[0] == 354
        client.send(b"Subject: smuggled\n\n.\nMAIL FROM:<x@example.org>\r\n.\r\n")
        assert client.getreply()[0] == 550


def test_smtp_sink_takes_options_and_dumps() -> None:
    with servers.smtp_sink("-E", dump=True) as sink:
        servers.smtp_source(sink.port, "-m", "3", "-f", "a@example.org", "-t", "b@example.org")
        with client_of(sink) as client:
            assert {"pipelining", "8bitmime"} <= client.esmtp_features.keys()
            assert "etrn" not in client.esmtp_features
        dumped = sink.dumped()
    assert len(dumped) == 3
    assert all(b"X-Rcpt-Args: <b@example.org>" in message for message in dumped)


def test_smtp_sink_can_refuse_a_command() -> None:
    with servers.smtp_sink("-f", "RCPT") as sink, client_of(sink) as client:
        client.mail("a@example.org")
        assert client.rcpt("b@example.org")[0] // 100 == 5


def test_exim_keeps_the_envelope_and_every_octet(exim: servers.Exim) -> None:
    with client_of(exim) as client:
        assert {"pipelining", "chunking", "starttls", "smtputf8"} <= client.esmtp_features.keys()
        client.sendmail("news@example.org", ["octets@example.org", "two@example.org"], CONTENT)
    message = mine(exim.accepted(), "octets@example.org")
    assert message.reverse_path == "news@example.org"
    assert set(message.forward_paths) == {"octets@example.org", "two@example.org"}
    assert message.content == CONTENT


def test_exim_answers_as_the_settings_say(
    exim: servers.Exim, certificates: servers.Certificates
) -> None:
    with smtplib.SMTP("localhost", exim.port) as client:
        client.starttls(context=certificates.client_context())
        client.ehlo("client.example.org")
        client.mail("news@example.org")
        assert client.rcpt("late@example.org") == (451, b"4.7.1 Greylisted, come back later")
        assert client.rcpt("nobody@example.org") == (550, b"5.1.1 No such person")


def test_exim_ends_a_connection_that_carried_enough() -> None:
    with servers.exim(messages_per_connection=2) as server, client_of(server) as client:
        for name in ("ada", "grace"):
            client.sendmail("news@example.org", [f"{name}@example.org"], CONTENT)
        assert client.mail("news@example.org")[0] == 421


def test_opensmtpd_takes_a_hundred_messages_a_connection(opensmtpd: servers.OpenSmtpd) -> None:
    content = b"From: a@example.org\r\nSubject: hundred\r\n\r\nx\r\n"
    with client_of(opensmtpd) as client:
        assert "pipelining" not in client.esmtp_features
        for number in range(100):
            client.sendmail("news@example.org", [f"p{number}@example.org"], content)
        assert client.mail("news@example.org")[0] == 452
    kept = [message for message in opensmtpd.messages() if b"Subject: hundred\n" in message]
    assert len(kept) == 100


@pytest.fixture(params=["tcp", "unix"])
def lmtp_client(
    dovecot_lmtp: servers.Lmtp, request: pytest.FixtureRequest
) -> Iterator[smtplib.LMTP]:
    if request.param == "tcp":
        client = smtplib.LMTP(dovecot_lmtp.host, dovecot_lmtp.port)
    else:
        client = smtplib.LMTP(str(dovecot_lmtp.socket))
    with client:
        yield client


def test_dovecot_answers_for_each_recipient(
    dovecot_lmtp: servers.Lmtp, lmtp_client: smtplib.LMTP
) -> None:
    before = len(dovecot_lmtp.delivered("ada"))
    lmtp_client.ehlo("client.example.org")
    lmtp_client.mail("news@example.org")
    assert lmtp_client.rcpt("ada")[0] == 250
    assert lmtp_client.rcpt("unknown")[0] == 550
    assert lmtp_client.rcpt("grace")[0] == 250
    assert lmtp_client.data(CONTENT)[0] == 250
    assert lmtp_client.getreply()[0] == 250
    delivered = dovecot_lmtp.delivered("ada")
    assert len(delivered) == before + 1
    assert delivered[-1].endswith(CONTENT.replace(b"\r\n", b"\n"))


def test_dovecot_refuses_over_quota_after_the_content() -> None:
    with servers.dovecot_lmtp({"ada": PASSWORD}, quota="1k") as server:
        with smtplib.LMTP(server.host, server.port) as client:
            client.ehlo("client.example.org")
            client.mail("news@example.org")
            client.rcpt("ada")
            assert client.data(b"Subject: big\r\n\r\n" + b"x\r\n" * 2000)[0] == 552
        assert server.delivered("ada") == []


# Our own client against each of them


def transactions(people: list[str], *, content: bytes = CONTENT) -> list[Transaction]:
    half = len(content) // 2
    return [
        Transaction(
            token, Envelope("news@example.org", (person,)), (content[:half], content[half:])
        )
        for token, person in enumerate(people)
    ]


def send_all(client: Client, work: list[Transaction]) -> list[Verdict]:
    """Send over one connection for as long as it takes more; verdicts by token."""
    waiting, outcomes = list(reversed(work)), list[Outcome]()
    client.open()
    while (waiting and client.usable) or client.in_flight:
        while waiting and client.room:
            client.submit(waiting.pop())
        outcomes += client.wait()
    client.quit()
    return [outcome.verdict for outcome in sorted(outcomes, key=lambda each: each.token)]


@pytest.mark.parametrize("window", [1, 8])
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_our_client_delivers_to_a_strict_postfix(
    postfix: servers.Postfix, certificates: servers.Certificates, security: str, window: int
) -> None:
    wrapped = security == "tls"
    server = Server(
        "localhost",
        postfix.tls_port if wrapped else postfix.port,
        "tls" if wrapped else "starttls",
        ca_file=str(certificates.ca_file),
    )
    people = [f"p{n}.{security}.{window}@example.org" for n in range(20)]
    client = Client(server, Credentials("news", PASSWORD), window=window)
    assert send_all(client, transactions(people)) == [Verdict.SENT] * 20
    taken = [message for message in postfix.accepted() if message.forward_paths[0] in people]
    assert sorted(message.forward_paths[0] for message in taken) == sorted(people)
    assert {message.content for message in taken} == {CONTENT}


@pytest.mark.parametrize("window", [1, 8])
def test_our_client_tells_refused_people_from_their_neighbours(
    postfix: servers.Postfix, window: int
) -> None:
    people = ["ada@example.org", "late@example.org", "grace@example.org", "nobody@example.org"] * 3
    client = Client(Server("localhost", postfix.port, "none"), window=window)
    expected = [Verdict.SENT, Verdict.DEFERRED, Verdict.SENT, Verdict.REJECTED] * 3
    assert send_all(client, transactions(people)) == expected


@pytest.mark.parametrize("window", [1, 8])
def test_our_client_delivers_to_exim_which_enforces_the_order(
    exim: servers.Exim, window: int
) -> None:
    people = [f"p{n}.{window}@example.org" for n in range(12)]
    client = Client(Server("localhost", exim.port, "none"), window=window)
    assert send_all(client, transactions(people)) == [Verdict.SENT] * 12
    taken = [message for message in exim.accepted() if message.forward_paths[0] in people]
    assert len(taken) == 12
    assert {message.content for message in taken} == {CONTENT}


def test_our_client_falls_back_on_opensmtpd_and_stops_at_its_limit(
    opensmtpd: servers.OpenSmtpd,
) -> None:
    content = b"From: a@example.org\r\nSubject: ours\r\n\r\nx\r\n"
    people = [f"p{n}@example.org" for n in range(105)]
    client = Client(Server("localhost", opensmtpd.port, "none"), window=8)
    verdicts = send_all(client, transactions(people, content=content))
    kept = [message for message in opensmtpd.messages() if b"Subject: ours\n" in message]
    assert len(kept) == verdicts.count(Verdict.SENT) == 100
    assert Verdict.REJECTED not in verdicts
    assert Verdict.IN_DOUBT not in verdicts


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_our_client_delivers_by_lmtp(dovecot_lmtp: servers.Lmtp, way: str) -> None:
    server = (
        Server(dovecot_lmtp.host, dovecot_lmtp.port, "none", protocol="lmtp")
        if way == "tcp"
        else Server(socket=str(dovecot_lmtp.socket), security="none", protocol="lmtp")
    )
    before = len(dovecot_lmtp.delivered("grace"))
    work = [
        Transaction(token, Envelope("news@example.org", (person,)), (CONTENT,))
        for token, person in enumerate(["grace@example.org", "unknown@example.org"])
    ]
    assert send_all(Client(server), work) == [Verdict.SENT, Verdict.REJECTED]
    assert len(dovecot_lmtp.delivered("grace")) == before + 1


def test_our_client_delivers_to_smtp_sink(smtp_sink: servers.Sink) -> None:
    people = [f"p{n}@example.org" for n in range(50)]
    client = Client(Server("localhost", smtp_sink.port, "none"))
    assert send_all(client, transactions(people)) == [Verdict.SENT] * 50


def test_a_missing_server_skips_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        servers.require("no-such-program")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program is not installed"):
        servers.require("no-such-program")
