"""A problem names the recipient of its row."""

from __future__ import annotations

import pytest

from mailmerge.errors import Problem
from mailmerge.preflight.naming import about
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient

WRONG = Problem("error", "x", "wrong", "campaign.toml", 4, "message.attachments")


@pytest.mark.parametrize(
    ("cells", "who"),
    [
        ({"name": "Ann"}, "Ann, a@x.de"),
        ({"Vorname": "Ann", "Nachname": "Ek"}, "Ann Ek, a@x.de"),
        ({"first_name": "Ann", "last_name": "Ek"}, "Ann Ek, a@x.de"),
        ({"Firma": "\u00d6z GmbH"}, "\u00d6z GmbH, a@x.de"),
        ({"n": "1"}, "a@x.de"),
    ],
)
def test_name_and_address_are_named(cells: dict[str, str], who: str) -> None:
    recipient = Recipient(4, cells, parse_mailbox("a@x.de"), "a@x.de")
    named = about(WRONG, recipient, "r.xlsx")
    assert named.place == f"campaign.toml, row 4 of r.xlsx ({who}), key message.attachments"


def test_a_problem_without_a_row_stays() -> None:
    problem = Problem("error", "x", "wrong", "body.html")
    recipient = Recipient(4, {}, parse_mailbox("a@x.de"), "a@x.de")
    assert about(problem, recipient, "r.csv") is problem
