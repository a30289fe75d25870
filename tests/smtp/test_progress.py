"""The progress of one transaction: what the replies to it mean together."""

from __future__ import annotations

import pytest

from mailmerge.smtp import Awaited, Reply, Stage, Verdict
from mailmerge.smtp.content import prepare
from mailmerge.smtp.progress import Progress, deciding_refusal
from mailmerge.smtp.state import Phase, Step

OK, LATER, NO = Reply(250, ("ok",)), Reply(450, ("later",)), Reply(550, ("no",))


def begun(*paths: str) -> Progress:
    progress = Progress(7, [(Awaited.MAIL, b"MAIL FROM:<>\r\n")], paths or ("a@x.example",))
    progress.plan_data(prepare((b"x\r\n",), stuffing=True))
    return progress


def in_phase(phase: Phase) -> Progress:
    progress = begun()
    steps = {
        Phase.QUEUED: [],
        Phase.OFFERED: [Step.OFFER],
        Phase.HELD: [Step.OFFER, Step.GO_AHEAD],
        Phase.TERMINATED: [Step.OFFER, Step.GO_AHEAD, Step.RELEASE],
        Phase.DOTTED: [Step.OFFER, Step.NO_RECIPIENT],
    }
    for step in steps[phase]:
        progress.move(step)
    assert progress.phase is phase
    return progress


def test_data_and_bdat_have_different_terminators() -> None:
    data, bdat = begun(), begun()
    assert (data.terminator, data.steps[-1]) == (b".\r\n", (Awaited.DATA, b"DATA\r\n"))
    bdat.plan_bdat(prepare((b"ab\r\n", b"cd\r\n"), stuffing=False))
    assert bdat.terminator == b"\n"
    assert b"".join(bdat.chunks) == b"BDAT 8 LAST\r\nab\r\ncd\r"


def test_only_content_of_one_write_is_short() -> None:
    short, long = begun(), begun()
    line = b"x" * 62 + b"\r\n"
    short.plan_data(prepare((line * 1024,), stuffing=True))
    long.plan_data(prepare((line * 1025,), stuffing=True))
    assert (short.short, long.short) == (True, False)


def test_the_first_refusal_is_kept() -> None:
    progress = begun()
    progress.refuse(Stage.MAIL, LATER)
    progress.refuse(Stage.DATA, NO)
    outcome = progress.refused_outcome()
    assert (outcome.verdict, outcome.stage, outcome.reply) == (
        *(Verdict.DEFERRED, Stage.MAIL, LATER),
    )


def test_a_message_is_refused_when_every_recipient_is() -> None:
    progress = begun("a@x.example", "b@x.example")
    progress.recipient_answered(NO)
    assert progress.refusal is None
    progress.recipient_answered(LATER)
    outcome = progress.refused_outcome()
    assert (outcome.verdict, outcome.stage, outcome.reply) == (
        *(Verdict.DEFERRED, Stage.RCPT, LATER),
    )
    assert outcome.refused == (("a@x.example", NO), ("b@x.example", LATER))


def test_one_accepted_recipient_is_enough() -> None:
    progress = begun("a@x.example", "b@x.example")
    progress.recipient_answered(NO)
    progress.recipient_answered(Reply(251, ("will forward",)))
    assert progress.refusal is None
    assert list(progress.accepted) == ["b@x.example"]
    assert progress.sent_outcome(OK).refused == (("a@x.example", NO),)


@pytest.mark.parametrize(
    ("phase", "unprocessed", "verdict", "stage"),
    [
        (Phase.QUEUED, False, Verdict.NOT_SENT, Stage.MAIL),
        (Phase.OFFERED, False, Verdict.NOT_SENT, Stage.MAIL),
        (Phase.HELD, False, Verdict.NOT_SENT, Stage.CONTENT),
        (Phase.TERMINATED, False, Verdict.IN_DOUBT, Stage.CONTENT),
        (Phase.TERMINATED, True, Verdict.NOT_SENT, Stage.CONTENT),
        (Phase.DOTTED, False, Verdict.NOT_SENT, Stage.MAIL),
    ],
)
def test_only_a_terminated_message_is_in_doubt(
    phase: Phase, unprocessed: bool, verdict: Verdict, stage: Stage
) -> None:
    outcome = in_phase(phase).interrupted_outcome("lost", None, unprocessed=unprocessed)
    assert (outcome.verdict, outcome.stage, outcome.reason) == (verdict, stage, "lost")


def test_the_stage_of_an_interrupted_message_is_the_awaited_reply() -> None:
    progress = in_phase(Phase.OFFERED)
    progress.mail_accepted = True
    assert progress.interrupted_outcome("", None, unprocessed=False).stage is Stage.RCPT
    progress.recipient_answered(OK)
    assert progress.interrupted_outcome("", None, unprocessed=False).stage is Stage.DATA


def test_a_known_refusal_outlives_the_connection() -> None:
    progress = in_phase(Phase.OFFERED)
    progress.refuse(Stage.RCPT, NO)
    outcome = progress.interrupted_outcome("lost", None, unprocessed=False)
    assert (outcome.verdict, outcome.stage) == (Verdict.REJECTED, Stage.RCPT)


def test_a_partly_delivered_message_is_in_doubt() -> None:
    """LMTP answers for each recipient; the connection ends after the first answer."""
    progress = begun("a@x.example", "b@x.example")
    for reply in (OK, OK):
        progress.recipient_answered(reply)
    for step in (Step.OFFER, Step.GO_AHEAD, Step.RELEASE):
        progress.move(step)
    progress.delivery_answered(OK)
    assert progress.interrupted_outcome("lost", None, unprocessed=True).verdict is Verdict.IN_DOUBT


def test_a_transient_reply_decides_over_permanent_ones() -> None:
    assert deciding_refusal([("a", NO), ("b", LATER)]) is LATER
    assert deciding_refusal([("a", NO), ("b", Reply(554, ("no",)))]) is NO
