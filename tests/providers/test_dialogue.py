"""The dialogue as it is told: each reply is explained as the answer to what it answers."""

from __future__ import annotations

import pytest

from mailmerge.providers.dialogue import Line, Narrator, Rehearsal, refused, rehearse
from mailmerge.providers.explanations import explain_success
from mailmerge.smtp import Credentials, Envelope
from tests import servers
from tests.scripted_server import Offer, Reply, Rule, ScriptedServer, When, serve
from tests.scripted_server import Stage as At
from tests.smtp.conversation import SENDER, local

PASSWORD = "s3cr3t"
ENVELOPE = Envelope(SENDER, ("ada@example.net",))


def rehearsed(
    server: ScriptedServer, credentials: Credentials | None = None, envelope: Envelope = ENVELOPE
) -> tuple[Rehearsal, list[Line]]:
    """A whole rehearsal with a server in clear text, and every line that was told."""
    lines: list[Line] = []
    narrator = Narrator(lines.append, provider="", language="en")
    return rehearse(local(server.port), credentials, narrator, envelope=envelope), lines


def answers(lines: list[Line]) -> list[tuple[str, str]]:
    """Each command by its verb (the greeting has none), and what its reply was explained as."""
    told, verb = [], "GREETING"
    for line in lines:
        if line.side == "C":
            verb = line.text.partition(" ")[0]
        elif line.text[3:4] != "-":
            told.append((verb, line.explanation.meaning if line.explanation else ""))
    return told


@pytest.mark.parametrize(
    ("mechanism", "questions"),
    [("PLAIN", 0), ("LOGIN", 2), ("CRAM-MD5", 1), ("XOAUTH2", 0), ("OAUTHBEARER", 1)],
)
def test_every_reply_is_explained_as_the_answer_to_its_own_command(
    mechanism: str, questions: int
) -> None:
    """A token that is too long for the command line answers a challenge, too."""
    token = "t" * 2000 if mechanism == "OAUTHBEARER" else "t"
    secrets = {"token": token} if "OAUTH" in mechanism else {"password": PASSWORD}
    credentials = Credentials("me", **secrets, mechanism=mechanism, allow_plain_text=True)
    with serve(users={"me": PASSWORD}, tokens={"me": token}, auth_in_clear=True) as server:
        _, lines = rehearsed(server, credentials)
    told = answers(lines)
    verbs = ["AUTH", *["****"] * questions]
    assert [verb for verb, _ in told] == [
        *("GREETING", "EHLO", *verbs, "MAIL", "RCPT", "RSET", "QUIT")
    ]
    log_in = told[2 : 3 + questions]
    assert [meaning for _, meaning in log_in] == [*[""] * questions, explain_success("AUTH")]
    others = [*told[:2], *told[3 + questions :]]
    assert [meaning for _, meaning in others] == [explain_success(verb) for verb, _ in others]
    assert all(meaning for _, meaning in others)


def test_helo_after_ehlo_is_explained_as_helo() -> None:
    with serve(esmtp=False) as server:
        _, lines = rehearsed(server)
    told = dict(answers(lines))
    assert told["HELO"] == explain_success("HELO")
    assert told["MAIL"] == explain_success("MAIL")


def test_starttls_is_explained(certificates: servers.Certificates) -> None:
    lines: list[Line] = []
    with serve(chain_file=str(certificates.chain_file)) as server:
        target = local(server.port, security="starttls", ca_file=str(certificates.ca_file))
        rehearse(target, None, Narrator(lines.append, provider="", language="en"))
    assert [verb for verb, _ in answers(lines)] == ["GREETING", "EHLO", "STARTTLS", "EHLO", "QUIT"]
    assert all(meaning == explain_success(verb) for verb, meaning in answers(lines))


def test_a_second_mechanism_is_explained_after_the_first_was_unknown() -> None:
    rule = Rule(When(At.AUTH, times=1), (Reply(504, "5.5.4 what?"),))
    credentials = Credentials("me", PASSWORD, allow_plain_text=True)
    offer = Offer(auth=("PLAIN", "LOGIN"))
    with serve(rule, users={"me": PASSWORD}, auth_in_clear=True, offer=offer) as server:
        _, lines = rehearsed(server, credentials)
    told = answers(lines)
    assert [verb for verb, _ in told[2:7]] == ["AUTH", "AUTH", "****", "****", "MAIL"]
    assert told[5][1] == explain_success("AUTH")
    assert told[6][1] == explain_success("MAIL")


def test_an_envelope_that_cannot_be_tried_is_told_with_what_was_found() -> None:
    utf8 = Envelope(SENDER, ("jürgen@example.net",), smtputf8=True)
    with serve(offer=Offer(smtputf8=False)) as server:
        found, lines = rehearsed(server, envelope=utf8)
        assert server.violations == []
    assert [verb for verb, _ in answers(lines)] == ["GREETING", "EHLO", "QUIT"]
    assert found.envelope_replies == ()
    assert "no SMTPUTF8" in found.impossible
    trouble = refused(found)
    assert trouble is not None
    assert "no SMTPUTF8" in str(trouble)


def test_an_envelope_that_was_taken_is_no_trouble() -> None:
    with serve() as server:
        found, _ = rehearsed(server)
    assert refused(found) is None
