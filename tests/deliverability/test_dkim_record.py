"""The record of a selector, compared with the key."""

from __future__ import annotations

import pytest

from mailmerge.deliverability.answers import Answer
from mailmerge.deliverability.dkim_record import judge_dkim_record
from mailmerge.signing.keys import new_key

OURS = new_key("ed25519").record()
RSA = new_key("rsa", 1024).record()
PUBLIC = OURS.partition("p=")[2]


@pytest.mark.parametrize(
    ("record", "state", "reason"),
    [
        (OURS, "good", ""),
        (f"k=ed25519; p={PUBLIC[:10]} {PUBLIC[10:]}", "good", ""),
        (f"v=DKIM1; k=ed25519; n=note; t=s; p={PUBLIC};", "good", ""),
        (new_key("ed25519").record(), "other-key", ""),
        (RSA, "broken", "k=rsa is another kind of key than ed25519"),
        ("v=DKIM1; k=ed25519; p=", "revoked", ""),
        ("v=DKIM1; k=ed25519", "broken", "p= is missing"),
        (f"k=ed25519; v=DKIM1; p={PUBLIC}", "broken", "v=DKIM1 must be the first tag"),
        (f"v=DKIM2; k=ed25519; p={PUBLIC}", "broken", "v=DKIM1 must be the first tag"),
        ("v=DKIM1; k=ed25519; p=***", "broken", "p= is not base64"),
        (f"v=DKIM1; k=ed25519; {PUBLIC[:8]}; p={PUBLIC}", "broken", "is no tag"),
        (f"v=DKIM1; k=ed25519; p={PUBLIC}; p={PUBLIC}", "broken", "p= is written twice"),
        (f"v=DKIM1; k=ed25519; h=sha1; p={PUBLIC}", "broken", "h= does not allow sha256"),
        (f"v=DKIM1; k=ed25519; s=other; p={PUBLIC}", "broken", "s= does not allow e-mail"),
    ],
    ids=range(14),
)
def test_record_is_compared_with_the_key(record: str, state: str, reason: str) -> None:
    found = judge_dkim_record(Answer("found", (record,)), OURS)
    assert found.state == state
    assert reason in found.reason
    assert not found.testing


def test_rsa_record_matches_its_key() -> None:
    without_kind = RSA.replace("k=rsa; ", "")
    assert judge_dkim_record(Answer("found", (without_kind,)), RSA).state == "good"


def test_test_mode_is_seen() -> None:
    record = OURS.replace("p=", "t=s:y; p=")
    assert judge_dkim_record(Answer("found", (record,)), OURS).testing


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer("no-name"), "missing"),
        (Answer("no-data"), "missing"),
        (Answer("unknown", reason="late"), "unknown"),
        (Answer("found", (OURS, OURS)), "several"),
    ],
)
def test_answers_without_one_record(answer: Answer, state: str) -> None:
    assert judge_dkim_record(answer, OURS).state == state
