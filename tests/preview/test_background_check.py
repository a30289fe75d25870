from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.preview.background_check import BackgroundCheck
from mailmerge.preview.snapshot import CampaignSnapshot, take_snapshot
from tests.preview.campaigns import CAMPAIGN, write_campaign


@pytest.fixture
def snapshot(tmp_path: Path) -> CampaignSnapshot:
    return take_snapshot(write_campaign(tmp_path / "campaign"), CampaignSnapshot())


def test_the_review_set_is_chosen(snapshot: CampaignSnapshot) -> None:
    checks = BackgroundCheck(snapshot)
    checks.run()
    assert checks.review_done
    assert checks.examined == 4
    assert checks.review_set
    assert {one.row for one in checks.review_set} <= {2, 3, 6, 9}


def test_the_problems_are_those_of_the_check(snapshot: CampaignSnapshot) -> None:
    checks = BackgroundCheck(snapshot)
    checks.run()
    assert checks.done
    assert checks.report is not None
    codes = {group.first.code for group in checks.report.groups}
    assert {"duplicate", "address-no-at", "unused-column"} <= codes
    assert {4, 5} <= set(checks.rows_with_problems)
    assert checks.count_problems(4)["error"] == 1
    assert checks.count_problems(2)["error"] == 0
    assert [problem.code for problem in checks.problems_of(5)] == ["duplicate"]


def test_listeners_are_notified_of_review_set_and_end(snapshot: CampaignSnapshot) -> None:
    seen: list[tuple[bool, bool]] = []
    checks = BackgroundCheck(snapshot, lambda: seen.append((checks.review_done, checks.done)))
    checks.run()
    assert (True, False) in seen
    assert seen[-1] == (True, True)


def test_a_cancelled_check_ends_without_notifying(snapshot: CampaignSnapshot) -> None:
    seen: list[bool] = []
    checks = BackgroundCheck(snapshot, lambda: seen.append(True))
    checks.cancel()
    checks.start()
    checks.join()
    assert not checks.done
    assert not seen


def test_a_large_list_is_sampled(snapshot: CampaignSnapshot) -> None:
    checks = BackgroundCheck(snapshot, sample_size=2)
    checks.run()
    assert checks.examined == 2


def test_a_message_that_cannot_be_made_is_in_the_review_set(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, body="<p>{{ 1 // (things|int) }}</p>")
    checks = BackgroundCheck(take_snapshot(folder, CampaignSnapshot()))
    checks.run()
    refused = [one.row for one in checks.review_set if ("refused", 0) in one.reasons]
    assert refused == [3]


def test_without_a_campaign_there_is_nothing_to_check() -> None:
    checks = BackgroundCheck(CampaignSnapshot())
    checks.run()
    checks.join()
    assert not checks.done
    assert checks.review_done


def test_errors_of_the_settings_are_reported(tmp_path: Path) -> None:
    campaign = CAMPAIGN + '[smtp]\nprovider = "nowhere"\n'
    checks = BackgroundCheck(
        take_snapshot(write_campaign(tmp_path, campaign=campaign), CampaignSnapshot())
    )
    checks.run()
    assert checks.report is not None
    assert checks.report.errors >= 1


def test_every_row_of_a_long_list_is_checked(tmp_path: Path) -> None:
    rows = "".join(f"p{at}@example.org,P,DE,1,0,x\n" for at in range(600))
    folder = write_campaign(tmp_path, recipients="email,name,country,invoice,things,notes\n" + rows)
    checks = BackgroundCheck(take_snapshot(folder, CampaignSnapshot()))
    checks.run()
    assert checks.checked == checks.examined == 600
