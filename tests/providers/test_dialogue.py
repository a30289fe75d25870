"""The dialogue line by line: each reply is explained as the answer to its own command."""

from __future__ import annotations

import pytest

from mailmerge.errors import ServerRefused
from mailmerge.providers.catalogue import Language, known_text
from mailmerge.providers.dialogue import DialogueLine, Explainer, ServerReport, examine
from mailmerge.smtp import Awaited, Credentials, Envelope
from tests import servers
from tests.scripted_server import Offer, Reply, Rule, ScriptedServer, When, serve
from tests.scripted_server import Stage as At
from tests.smtp.conversation import SENDER, local

PASSWORD = "s3cr3t"
ENVELOPE = Envelope(SENDER, ("ada@example.net",))


def examined(
    server: ScriptedServer, credentials: Credentials | None = None, envelope: Envelope = ENVELOPE
) -> tuple[ServerReport, list[DialogueLine]]:
    """What a server in clear text was found to be, and every line that was shown."""
    lines: list[DialogueLine] = []
    explainer = Explainer(lines.append, provider="", language="en")
    return examine(local(server.port), credentials, explainer, envelope=envelope), lines


def answers(lines: list[DialogueLine]) -> list[tuple[str, str]]:
    """Each command by its verb (the greeting has none), and what its reply was explained as."""
    shown, verb = [], "GREETING"
    for line in lines:
        if line.side == "C":
            verb = line.text.partition(" ")[0]
        elif line.text[3:4] != "-":
            shown.append((verb, line.explanation.meaning if line.explanation else ""))
    return shown


@pytest.mark.parametrize(
    ("mechanism", "questions"),
    [("PLAIN", 0), ("LOGIN", 2), ("CRAM-MD5", 1), ("XOAUTH2", 0), ("OAUTHBEARER", 1)],
)
def test_every_reply_is_explained_by_its_own_command(mechanism: str, questions: int) -> None:
    """A token that is too long for the command line answers a challenge, too."""
    token = "t" * 2000 if mechanism == "OAUTHBEARER" else "t"
    secrets = {"token": token} if "OAUTH" in mechanism else {"password": PASSWORD}
    credentials = Credentials("me", **secrets, mechanism=mechanism, allow_plain_text=True)
    with serve(users={"me": PASSWORD}, tokens={"me": token}, auth_in_clear=True) as server:
        _, lines = examined(server, credentials)
    shown = answers(lines)
    verbs = ["AUTH", *["****"] * questions]
    assert [verb for verb, _ in shown] == [
        *("GREETING", "EHLO", *verbs, "MAIL", "RCPT", "RSET", "QUIT")
    ]
    log_in = shown[2 : 3 + questions]
    assert [meaning for _, meaning in log_in] == [*[""] * questions, known_text("success.AUTH")]
    others = [*shown[:2], *shown[3 + questions :]]
    assert [meaning for _, meaning in others] == [
        known_text(f"success.{verb}") for verb, _ in others
    ]
    assert all(meaning for _, meaning in others)


def test_helo_after_ehlo_is_explained_as_helo() -> None:
    with serve(esmtp=False) as server:
        _, lines = examined(server)
    shown = dict(answers(lines))
    assert shown["HELO"] == known_text("success.HELO")
    assert shown["MAIL"] == known_text("success.MAIL")


def test_starttls_is_explained(certificates: servers.Certificates) -> None:
    lines: list[DialogueLine] = []
    with serve(chain_file=str(certificates.chain_file)) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        examine(target, None, Explainer(lines.append, provider="", language="en"))
    assert [verb for verb, _ in answers(lines)] == ["GREETING", "EHLO", "STARTTLS", "EHLO", "QUIT"]
    assert all(meaning == known_text(f"success.{verb}") for verb, meaning in answers(lines))


def test_a_second_mechanism_is_explained_too() -> None:
    rule = Rule(When(At.AUTH, times=1), (Reply(504, "5.5.4 what?"),))
    credentials = Credentials("me", PASSWORD, allow_plain_text=True)
    offer = Offer(auth=("PLAIN", "LOGIN"))
    with serve(rule, users={"me": PASSWORD}, auth_in_clear=True, offer=offer) as server:
        _, lines = examined(server, credentials)
    shown = answers(lines)
    assert [verb for verb, _ in shown[2:7]] == ["AUTH", "AUTH", "****", "****", "MAIL"]
    assert shown[5][1] == known_text("success.AUTH")
    assert shown[6][1] == known_text("success.MAIL")


def test_an_impossible_envelope_is_reported() -> None:
    utf8 = Envelope(SENDER, ("jürgen@example.net",), smtputf8=True)
    with serve(offer=Offer(smtputf8=False)) as server:
        found, lines = examined(server, envelope=utf8)
        assert server.violations == []
    assert [verb for verb, _ in answers(lines)] == ["GREETING", "EHLO", "QUIT"]
    assert found.envelope_replies == ()
    assert "no SMTPUTF8" in found.impossible
    error = found.error()
    assert isinstance(error, ServerRefused)
    assert error.problem.code == "envelope-impossible"
    assert "no SMTPUTF8" in str(error)


def test_an_accepted_envelope_is_no_error() -> None:
    with serve() as server:
        found, _ = examined(server)
    assert found.error() is None


def test_a_refused_envelope_is_an_error() -> None:
    with serve(Rule(When(At.RCPT), (Reply(550, "5.1.1 no"),))) as server:
        found, _ = examined(server)
    error = found.error()
    assert isinstance(error, ServerRefused)
    assert error.problem.code == "envelope-refused"
    assert error.problem.message == 'the server refused the test: "550 5.1.1 no"'


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("en", 'the log-in was refused: "535 no"'),
        ("zh", '服务器拒绝登录："535 no"'),
    ],
)
def test_an_error_does_not_repeat_the_explanation(language: Language, message: str) -> None:
    explainer = Explainer(lambda line: None, provider="", language=language)
    explainer.trace("S", "535 no", Awaited.AUTH)
    error = ServerRefused('the log-in was refused: "535 no"', hint="a long text", code="x")
    brief = explainer.brief(error)
    assert (brief.problem.message, brief.problem.code) == (message, "x")
    assert "a long text" not in str(brief)


def test_an_error_about_something_else_is_kept() -> None:
    explainer = Explainer(lambda line: None, provider="", language="zh")
    error = ServerRefused("the server does not offer STARTTLS", hint="check host")
    assert explainer.brief(error) is error
    explainer.trace("S", "535 no", Awaited.AUTH)
    assert explainer.brief(error) is error


def test_a_refused_token_is_not_explained_as_a_password() -> None:
    """Gmail's words are the same for both; only the mechanism tells them apart."""
    lines: list[DialogueLine] = []
    explainer = Explainer(lines.append, provider="gmail", language="en")
    explainer.trace("S", "220 smtp.gmail.com ESMTP", Awaited.GREETING)
    for side, line in (
        ("C", "AUTH XOAUTH2 ****"),
        ("S", "334 eyJzdGF0dXMiOiI0MDAifQ=="),
        ("C", "****"),
        ("S", "535 5.7.8 Username and Password not accepted. - gsmtp"),
    ):
        explainer.trace(side, line, Awaited.AUTH)
    assert [line.explanation.key for line in lines if line.explanation][-1] == "oauth-token"
