"""The values on both sides of a connection: frozen, comparable, with stable texts."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from mailmerge.smtp import Envelope, Outcome, Stage, Transaction, Verdict

ENVELOPE = Envelope("news@example.org", ("a@example.net",))


@pytest.mark.parametrize(
    "value", [ENVELOPE, Transaction(1, ENVELOPE, (b"x\r\n",)), Outcome(1, Verdict.SENT, Stage.DATA)]
)
def test_the_values_cannot_be_changed(value: object) -> None:
    name = next(iter(type(value).__dataclass_fields__))  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        setattr(value, name, "other")


def test_verdicts_have_stable_texts() -> None:
    assert [str(verdict) for verdict in Verdict] == [
        *("sent", "rejected", "deferred", "not_sent", "in_doubt"),
    ]
    assert Verdict("in_doubt") is Verdict.IN_DOUBT


def test_an_outcome_has_no_reply_unless_one_decided_it() -> None:
    outcome = Outcome(1, Verdict.NOT_SENT, Stage.MAIL, reason="lost")
    assert (outcome.reply, outcome.refused, outcome.reason) == (None, (), "lost")
