"""Before the first run, every recipient of the spreadsheet is pending."""

from __future__ import annotations

from pathlib import Path

from mailmerge.ledger.states import State
from mailmerge.reports.planned import PlannedDeliveries
from mailmerge.settings import load_settings

CAMPAIGN = """
[message]
from = "news@example.org"
subject = "Hello"
text = "body.txt"
"""


def test_recipients_are_pending_and_other_rows_left_out(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    (tmp_path / "recipients.csv").write_text("email,name\na@x.org,A\na@x.org,B\n,C\nd@x.org,D\n")
    planned = list(PlannedDeliveries(load_settings(tmp_path)).iterate())
    assert [(one.row, one.address, one.state) for one in planned] == [
        (2, "a@x.org", State.PENDING),
        (5, "d@x.org", State.PENDING),
    ]
    assert planned[1].cells == {"email": "d@x.org", "name": "D"}
