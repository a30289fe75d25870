"""Scores of the real filters: the starters pass, junk does not."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from mailmerge.preflight.deep.spam import Score, SpamServers, scores_of, spam_findings
from mailmerge.recipients.collection import Recipients
from tests.servers.programs import require
from tests.servers.spam_filters import rspamd, spamd

TEMPLATES = Path(__file__).parents[3] / "templates"
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
JUNK = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: test\r\nMIME-Version: 1.0\r\n"
    b"Message-ID: <1@example.org>\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n"
    b"Content-Type: text/plain\r\n\r\n" + GTUBE + b"\r\n"
)
TO_RECEIVER = (
    b"Received: from out.example.org (out.example.org [5.9.0.1])\r\n"
    b"\tby mx.example.net (Postfix) with ESMTPS id 1; " + formatdate().encode() + b"\r\n"
)
TO_SERVER = (
    b"Received: from client (client.example.org [5.9.0.7])\r\n"
    b"\tby out.example.org (Postfix) with ESMTPSA id 2; " + formatdate().encode() + b"\r\n"
)
TRACES = {"newsletter": (b"", TO_RECEIVER, TO_RECEIVER + TO_SERVER)}
"""What servers add on the way. Hidden text that no server has taken in before scores 1.0 alone."""


@pytest.fixture(scope="module")
def filters() -> Iterator[SpamServers]:
    with spamd() as assassin, rspamd() as other:
        yield SpamServers(assassin, other, program="")


@pytest.mark.real
@pytest.mark.parametrize("name", sorted(one.name for one in TEMPLATES.iterdir()))
def test_starters_are_no_junk(name: str, filters: SpamServers) -> None:
    campaign = Campaign.load(TEMPLATES / name)
    for recipient in Recipients.of(campaign.settings):
        for trace in TRACES.get(name, (b"", TO_RECEIVER + TO_SERVER)):
            assassin, other = scores_of(trace + bytes(campaign.message(recipient)), filters)
            assert (assassin.name, other.name) == ("SpamAssassin", "rspamd")
            assert assassin.score < 1.0, assassin.rules
            assert other.action == "no action", other.rules
            assert not assassin.is_noticed
            assert not other.is_noticed


@pytest.mark.real
def test_junk_is_a_warning(filters: SpamServers) -> None:
    scores = scores_of(JUNK, filters)
    found = list(spam_findings(scores, "body.html"))
    assert [one.is_note for one in found] == [False, False]
    assert "GTUBE 1000" in found[0].problem.message
    assert found[1].problem.message.startswith("rspamd: reject")


@pytest.mark.real
def test_program_is_asked_without_its_server() -> None:
    require("spamassassin")
    (score,) = scores_of(JUNK, SpamServers(spamd="", rspamd=""))
    assert score.score > 900
    assert score.rules[0][0] == "GTUBE"


def test_filters_that_are_not_there_are_left_out() -> None:
    assert scores_of(JUNK, SpamServers("127.0.0.1:9", "127.0.0.1:9", "no-such-program")) == []
    assert scores_of(JUNK, SpamServers("", "", "")) == []
    (finding,) = spam_findings([], "body.html")
    assert finding.is_note
    assert finding.problem.message.startswith("not known: the spam score")


def test_low_score_is_a_note() -> None:
    low = Score("SpamAssassin", 1.5, 5.0, (("A", 1.0), ("B", 0.5)))
    (finding,) = spam_findings([low], "body.html")
    assert finding.is_note
    assert finding.problem.message == "SpamAssassin: score 1.5 of 5 (A 1, B 0.5)"
    assert Score("SpamAssassin", 2.0, 5.0).is_noticed
    assert Score("rspamd", 7.0, 15.0, action="add header").is_noticed
