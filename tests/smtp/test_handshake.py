"""From an open connection to a session: greeting, EHLO, TLS and log-in, and each way to fail."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.smtp import (
    Client,
    Credentials,
    Verdict,
)
from mailmerge.smtp.errors import (
    AuthenticationRefused,
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    ServerRefused,
    ServerUnreachable,
    SmtpError,
)
from mailmerge.smtp.state import Awaited
from tests import servers
from tests.platforms import ON_WINDOWS
from tests.scripted_server import (
    FOREVER,
    Close,
    Offer,
    Reply,
    Reset,
    Rule,
    Send,
    Sleep,
    When,
    serve,
)
from tests.scripted_server import Stage as At
from tests.smtp.conversation import (
    local,
    message,
    send,
    short,
    tls_settings,
    ways,
)
from tests.smtp.transports import Remote, Wrapped


@pytest.mark.parametrize("name", ["build_box.corp.example", "müller.example.org", "10.0.0.5"])
def test_ehlo_sends_the_address_if_the_name_is_no_domain(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    with serve() as server:
        client = Client(local(server.port, local_name=""))
        client.open()
        client.quit()
        assert server.commands()[0] == "EHLO [127.0.0.1]"
        assert server.violations == []


def test_a_configured_name_must_be_a_domain() -> None:
    with serve() as server, pytest.raises(LocalProtocolError, match="build_box"):
        Client(local(server.port, local_name="build_box.corp.example")).open()


def test_helo_is_sent_if_ehlo_is_refused() -> None:
    with serve(esmtp=False) as server:
        run = send(local(server.port), 3)
        assert run.tokens(Verdict.SENT) == {0, 1, 2}
        server.wait_for_end()
        assert server.commands()[:2] == [
            "EHLO client.example.org",
            "HELO client.example.org",
        ]


def test_a_refused_helo_ends_the_session() -> None:
    rules = (Rule(When(At.EHLO), (Reply(550, "no"),)), Rule(When(At.HELO), (Reply(550, "no"),)))
    with serve(*rules) as server, pytest.raises(ServerRefused, match=r"client\.example\.org"):
        Client(local(server.port)).open()


@pytest.mark.parametrize(
    ("actions", "error", "says"),
    [
        ((Reply(554, "no service"), Close()), ServerRefused, "refuses this session"),
        ((Reply(421, "4.3.2 too busy"), Close()), ServerRefused, "does not take mail now"),
        ((Reply(450, "4.3.2 later"),), ServerRefused, "later"),
        ((Close(),), ConnectionLost, "closed"),
        ((Reset(),), SmtpError, "connection-lost" if ON_WINDOWS else "reset by peer"),
        ((Send(b"HTTP/1.1 400 Bad Request\r\n\r\n"),), RemoteProtocolError, "web-server"),
        ((Send(b"x" * 20_000),), RemoteProtocolError, "never ends"),
        ((Send(b"\x15\x03\x01\x00\x02\x02\x16\n"),), RemoteProtocolError, "tls-server"),
        ((Sleep(FOREVER),), ConnectionLost, "greeting"),
        ((Send(b"220-slow\r\n"), Sleep(FOREVER)), ConnectionLost, "greeting"),
    ],
)
def test_a_failed_greeting_is_named(
    actions: tuple[Reply | Close | Send | Sleep, ...], error: type[SmtpError], says: str
) -> None:
    with serve(Rule(When(At.GREETING), actions)) as server:
        silent = isinstance(actions[-1], Sleep)
        client = Client(local(server.port), timeouts=short(*[Awaited.GREETING] * silent))
        with pytest.raises(error) as caught:
            client.open()
        assert says in f"{caught.value} {caught.value.code}"
        assert not client.usable
        assert client.wait() == []


NEWS = Credentials("news", "right", allow_plain_text=True)
REFUSALS: dict[str, tuple[Rule | None, Credentials | None, int]] = {
    "greeting 554": (Rule(When(At.GREETING), (Reply(554, "no service"),)), None, 554),
    "greeting 450": (Rule(When(At.GREETING), (Reply(450, "later"),)), None, 450),
    "EHLO 450": (Rule(When(At.EHLO), (Reply(450, "later"),)), None, 450),
    "AUTH 535": (None, replace(NEWS, password="wrong"), 535),
    "AUTH 454": (Rule(When(At.AUTH), (Reply(454, "later"),)), NEWS, 454),
    "no such mechanism": (None, replace(NEWS, mechanism="cram-md5"), 250),
    "no name to log in": (None, replace(NEWS, username="\udcff"), 250),
    "no token": (None, replace(NEWS, mechanism="xoauth2"), 250),
    "no password in clear": (None, replace(NEWS, allow_plain_text=False), 250),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_session_that_does_not_open_ends_with_quit(refusal: str) -> None:
    """RFC 5321, 4.1.1.10: the client must send QUIT before it closes, even after a refusal."""
    rule, credentials, code = REFUSALS[refusal]
    settings = {"users": {"news": "right"}, "auth_in_clear": True, "offer": Offer(auth=("PLAIN",))}
    with serve(*([rule] if rule else []), **settings) as server:
        client = Client(local(server.port), credentials)
        with pytest.raises((ServerRefused, AuthenticationRefused)):
            client.open()
        (counts,) = server.wait_for_end()
        assert counts.quit
    assert client.last_reply is not None
    assert client.last_reply.code == code, "what open failed on, not the good-bye"
    assert not client.usable


def test_a_missing_reply_to_quit_is_not_awaited() -> None:
    rules = (
        Rule(When(At.GREETING), (Reply(554, "no service"),)),
        Rule(When(At.QUIT), (Sleep(FOREVER),)),
    )
    with serve(*rules) as server:
        client = Client(local(server.port), timeouts=short(Awaited.QUIT))
        with pytest.raises(ServerRefused, match="no service"):
            client.open()
        assert server.commands() == ["QUIT"]


def test_no_quit_is_sent_on_an_ended_connection() -> None:
    rule = Rule(When(At.EHLO), (Reply(421, "4.3.2 bye"), Sleep(FOREVER)))
    with serve(rule) as server:
        with pytest.raises(ServerRefused, match="bye"):
            Client(local(server.port), timeouts=short(Awaited.QUIT, Awaited.CLOSE)).open()
        assert server.commands() == ["EHLO client.example.org"]


# TLS


@pytest.mark.parametrize("security", ["tls", "starttls"])
@ways
def test_mail_is_sent_over_tls(
    certificates: servers.Certificates, security: str, offer: Offer, window: int
) -> None:
    settings = tls_settings(certificates, implicit_tls=security == "tls", offer=offer)
    with serve(**settings) as server:
        target = local(server.port, security=security, ca_file=str(certificates.ca_file))
        run = send(target, 12, window=window)
        assert run.tokens(Verdict.SENT) == set(range(12))
        assert server.violations == []


def test_a_large_message_is_sent_over_tls(certificates: servers.Certificates) -> None:
    settings = tls_settings(certificates, implicit_tls=True, receive_buffer=4096)
    with serve(**settings) as server:
        target = local(server.port, security="tls", ca_file=str(certificates.ca_file))
        client = Client(target)
        client.open()
        assert client.tls_version.startswith("TLSv1.")
        large = message(1, padding=(b"x" * 70 + b"\r\n") * 40_000)
        client.submit(large)
        (outcome,) = client.wait()
        assert outcome.verdict is Verdict.SENT
        assert server.taken[0].content == b"".join(large.content)
        client.quit()


def test_capabilities_from_before_tls_are_forgotten(certificates: servers.Certificates) -> None:
    settings = tls_settings(
        certificates, offer=Offer(size=10), offer_after_tls=Offer(size=1000, pipelining=False)
    )
    with serve(**settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        client = Client(target)
        capabilities = client.open()
        assert capabilities.size == 1000
        assert not capabilities.pipelining
        client.quit()


def test_bytes_behind_the_220_of_starttls_are_refused(
    certificates: servers.Certificates,
) -> None:
    rule = Rule(When(At.STARTTLS), (Send(b"220 go\r\n250 injected\r\n"), Sleep(FOREVER)))
    with serve(rule, **tls_settings(certificates)) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(RemoteProtocolError) as caught:
            Client(target).open()
        assert caught.value.code == "starttls-injection"


@pytest.mark.parametrize(
    ("actions", "error"),
    [
        ((Reply(454, "4.7.0 TLS not available"),), ServerRefused),
        ((Reply(220, "go"), Close()), ConnectionLost),
        ((Reply(220, "go"), Reset()), ConnectionLost),
        ((Close(),), ConnectionLost),
    ],
)
def test_nothing_is_sent_in_clear_text_when_tls_fails(
    certificates: servers.Certificates,
    actions: tuple[Reply | Close | Reset, ...],
    error: type[SmtpError],
) -> None:
    settings = tls_settings(certificates, users={"news": "secret"}, auth_in_clear=True)
    with serve(Rule(When(At.STARTTLS), actions), **settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(error):
            Client(target, Credentials("news", "secret", allow_plain_text=True)).open()
        assert not any("AUTH" in command or "MAIL" in command for command in server.commands())


def test_missing_starttls_ends_the_session() -> None:
    with serve(users={"news": "secret"}, auth_in_clear=True) as server:
        target = local(server.port, security="starttls")
        with pytest.raises(ServerRefused, match="STARTTLS") as caught:
            Client(target, Credentials("news", "secret", allow_plain_text=True)).open()
        assert caught.value.code == "no-starttls"
        server.wait_for_end()
        assert server.commands() == ["EHLO client.example.org", "QUIT"]


def test_a_certificate_must_be_trusted(certificates: servers.Certificates) -> None:
    with serve(**tls_settings(certificates, implicit_tls=True)) as server:
        with pytest.raises(ServerUnreachable, match="not trusted") as caught:
            Client(local(server.port, security="tls")).open()
        assert caught.value.code == "certificate"


def test_an_expired_certificate_is_not_trusted(tmp_path: Path) -> None:
    expired = servers.make_certificates(tmp_path, expired=True)
    with serve(**tls_settings(expired, implicit_tls=True)) as server:
        target = local(server.port, security="tls", ca_file=str(expired.ca_file))
        with pytest.raises(ServerUnreachable, match="expired"):
            Client(target).open()


def test_a_certificate_for_another_host_is_not_trusted(tmp_path: Path) -> None:
    other = servers.make_certificates(tmp_path, names=("mail.example.org",))
    with serve(**tls_settings(other, implicit_tls=True)) as server:
        target = local(server.port, security="tls", ca_file=str(other.ca_file))
        with pytest.raises(ServerUnreachable, match="not trusted") as caught:
            Client(target).open()
        assert caught.value.code == "certificate"


def test_tls_to_a_clear_text_port_has_a_code() -> None:
    with serve() as server, pytest.raises(ServerUnreachable) as caught:
        Client(local(server.port, security="tls")).open()
    assert caught.value.code == "not-tls"


@pytest.mark.parametrize("security", ["none", "starttls"])
def test_clear_text_to_port_465_has_a_code(security: str) -> None:
    """A server there waits for TLS and sends nothing. It gets 20 seconds, not five minutes."""
    now = [0.0]

    class Clockwork(Wrapped):
        def wait(self, seconds: float | None, *, writing: bool = False) -> bool:
            assert seconds is not None
            now[0] += max(seconds, 0)
            return False

    with serve(Rule(When(At.GREETING), (Sleep(FOREVER),))) as server:
        there = local(server.port)
        client = Client(
            local(465, security=security), connect=lambda _: Clockwork(there), clock=lambda: now[0]
        )
        with pytest.raises(ConnectionLost, match="within 20 seconds") as caught:
            client.open()
        assert caught.value.code == "tls-port"
        assert 20 <= now[0] < 60


# Log-in


@pytest.mark.parametrize("mechanism", ["", "plain", "login", "cram-md5"])
def test_a_password_logs_in(certificates: servers.Certificates, mechanism: str) -> None:
    trace: list[str] = []
    settings = tls_settings(certificates, users={"news": "s3cr3t"}, auth_required=True)
    with serve(**settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        credentials = Credentials("news", "s3cr3t", mechanism=mechanism)
        client = Client(
            target, credentials, trace=lambda who, line, _: trace.append(f"{who} {line}")
        )
        client.open()
        client.submit(message(1))
        assert [outcome.verdict for outcome in client.wait()] == [Verdict.SENT]
        client.quit()
    assert not any("s3cr3t" in line or "czNjcjN0" in line for line in trace)
    assert "C AUTH PLAIN ****" in trace or mechanism in {"login", "cram-md5"}
    assert "s3cr3t" not in repr(credentials)


@pytest.mark.parametrize("mechanism", ["", "xoauth2", "oauthbearer"])
@pytest.mark.parametrize("length", [20, 2000])
def test_a_token_logs_in(certificates: servers.Certificates, mechanism: str, length: int) -> None:
    token = "t" * length
    settings = tls_settings(certificates, tokens={"news@example.org": token}, auth_required=True)
    with serve(**settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        client = Client(target, Credentials("news@example.org", token=token, mechanism=mechanism))
        client.open()
        client.quit()
        assert server.violations == []


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5", "xoauth2", "oauthbearer"])
def test_a_wrong_secret_is_refused_once(certificates: servers.Certificates, mechanism: str) -> None:
    settings = tls_settings(certificates, users={"news": "right"}, tokens={"news": "right"})
    with serve(**settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        wrong = Credentials("news", "wrong", mechanism=mechanism)
        if "oauth" in mechanism:
            wrong = Credentials("news", token="wrong", mechanism=mechanism)
        client = Client(target, wrong)
        with pytest.raises(AuthenticationRefused) as caught:
            client.open()
        assert "535" in str(caught.value)
        assert "wrong" not in str(caught.value)
        assert client.last_reply is not None
        assert client.last_reply.code == 535
        server.wait_for_end()
        assert sum(command.startswith("AUTH") for command in server.commands()) == 1


@pytest.mark.parametrize(
    ("actions", "error", "says"),
    [
        ((Reply(454, "4.7.0 Temporary failure"),), ServerRefused, "could not check"),
        ((Reply(534, "5.7.9 too weak"),), AuthenticationRefused, "534"),
        ((Send(b"334 ***\r\n"),), RemoteProtocolError, "base64"),
        ((Close(),), ConnectionLost, "closed"),
        ((Reply(421, "4.7.0 bye"), Close()), ServerRefused, "421"),
    ],
)
def test_each_reply_to_auth_has_its_error(
    certificates: servers.Certificates,
    actions: tuple[Reply | Send | Close, ...],
    error: type[SmtpError],
    says: str,
) -> None:
    settings = tls_settings(certificates, users={"news": "right"})
    with serve(Rule(When(At.AUTH), actions), **settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(error) as caught:
            Client(target, Credentials("news", "right")).open()
        assert says in str(caught.value)


def test_a_challenge_too_many_is_cancelled(certificates: servers.Certificates) -> None:
    rule = Rule(When(At.AUTH), (Send(b"334 \r\n"),))
    settings = tls_settings(certificates, users={"news": "right"})
    with serve(rule, **settings) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(AuthenticationRefused, match="refused"):
            Client(target, Credentials("news", "right")).open()
        assert server.commands()[-2:] == ["*", "QUIT"]


@pytest.mark.parametrize(
    ("mechanism", "challenge"),
    [("plain", "***"), ("cram-md5", "***"), ("cram-md5", "")],
)
def test_a_malformed_challenge_is_cancelled(
    certificates: servers.Certificates, mechanism: str, challenge: str
) -> None:
    """RFC 4954, 4: the client cancels with `*`, and then sends QUIT."""
    rule = Rule(When(At.AUTH), (Reply(334, challenge),))
    with serve(rule, **tls_settings(certificates, users={"news": "right"})) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(RemoteProtocolError, match="challenge"):
            Client(target, Credentials("news", "right", mechanism=mechanism)).open()
        assert server.wait_for_end()[0].quit


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_the_error_about_a_token_is_shown_as_it_came(
    certificates: servers.Certificates, mechanism: str
) -> None:
    rule = Rule(When(At.AUTH), (Reply(334, '{"status":"401"}'),))
    with serve(rule, **tls_settings(certificates, tokens={"news": "right"})) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(AuthenticationRefused) as caught:
            Client(target, Credentials("news", token="old", mechanism=mechanism)).open()
        assert '"501 5.7.0 Authentication cancelled" ({"status":"401"})' in str(caught.value)
        assert server.wait_for_end()[0].quit


def test_endless_challenges_end_the_session() -> None:
    rules = (
        Rule(When(At.AUTH), (Send(b"334 \r\n"),)),
        Rule(When(At.UNKNOWN, times=20), (Send(b"334 \r\n"),)),
    )
    with serve(*rules, users={"news": "right"}, auth_in_clear=True) as server:
        with pytest.raises(RemoteProtocolError, match="334"):
            Client(local(server.port), replace(NEWS, mechanism="plain")).open()
        assert server.commands()[2:] == ["*"]


def test_504_to_auth_tries_the_next_mechanism(
    certificates: servers.Certificates,
) -> None:
    rule = Rule(When(At.AUTH, times=1), (Reply(504, "5.5.4 what?"),))
    with serve(rule, **tls_settings(certificates, users={"news": "right"})) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        client = Client(target, Credentials("news", "right"))
        client.open()
        client.quit()
        said = [line.split()[1] for line in server.commands() if line.startswith("AUTH")]
        assert said == ["PLAIN", "LOGIN"]


def test_a_password_needs_tls_or_permission() -> None:
    with serve(users={"news": "secret"}, auth_in_clear=True) as server:
        with pytest.raises(AuthenticationRefused, match="no TLS"):
            Client(local(server.port), Credentials("news", "secret")).open()
        server.wait_for_end()
        assert not any("AUTH" in command for command in server.commands())
        client = Client(local(server.port), Credentials("news", "secret", allow_plain_text=True))
        client.open()
        client.quit()


def test_a_password_goes_in_clear_to_this_machine_only() -> None:
    """`allow_plain_text` applies only to a server on this machine."""
    with serve(users={"news": "right"}, auth_in_clear=True) as server:
        with pytest.raises(AuthenticationRefused, match="no TLS") as caught:
            Client(local(server.port), NEWS, connect=Remote).open()
        assert caught.value.code == "plain-text-login"
        server.wait_for_end()
        assert server.commands() == ["EHLO client.example.org", "QUIT"]


def test_a_server_without_log_in_is_refused(certificates: servers.Certificates) -> None:
    with serve(**tls_settings(certificates)) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        with pytest.raises(AuthenticationRefused, match="no log-in"):
            Client(target, Credentials("news", "right")).open()
