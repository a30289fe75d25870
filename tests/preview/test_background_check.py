from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.preview import survey as survey_module
from mailmerge.preview.draft import Draft, read_draft
from mailmerge.preview.survey import Survey
from tests.preview.campaigns import CAMPAIGN, write_campaign


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return read_draft(write_campaign(tmp_path / "campaign"), Draft())


def test_the_survey_finds_the_review_set_and_all_that_check_finds(draft: Draft) -> None:
    told: list[bool] = []
    survey = Survey(draft, lambda: told.append(True))
    survey.run()
    assert survey.done
    assert survey.review_done
    assert survey.examined == 4
    assert {one.row for one in survey.reviewed} <= {2, 3, 6, 9}
    assert survey.report is not None
    codes = {group.first.code for group in survey.report.groups}
    assert {"duplicate", "address-no-at", "unused-column"} <= codes
    assert {4, 5} <= set(survey.rows_with_problems)
    assert survey.counted(4)["error"] == 1
    assert survey.counted(2)["error"] == 0
    assert [problem.code for problem in survey.problems_of(5)] == ["duplicate"]
    assert len(told) >= 2


def test_an_abandoned_survey_ends_and_tells_nothing_more(draft: Draft) -> None:
    told: list[bool] = []
    survey = Survey(draft, lambda: told.append(True))
    survey.abandon()
    survey.start()
    survey.join()
    assert not survey.done
    assert not told


def test_a_large_list_is_looked_at_here_and_there(
    draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey_module, "LOOKED_AT", 2)
    survey = Survey(draft)
    survey.run()
    assert survey.examined == 2


def test_a_message_that_cannot_be_made_is_in_the_review_set(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, body="<p>{{ 1 // (things|int) }}</p>")
    survey = Survey(read_draft(folder, Draft()))
    survey.run()
    refused = [one.row for one in survey.reviewed if ("refused", 0) in one.causes]
    assert refused == [3]


def test_without_a_campaign_there_is_nothing_to_look_through() -> None:
    survey = Survey(Draft())
    survey.run()
    survey.join()
    assert not survey.done
    assert survey.review_done


def test_what_the_command_itself_has_wrong_is_reported_too(tmp_path: Path) -> None:
    campaign = CAMPAIGN + '[smtp]\nprovider = "nowhere"\n'
    survey = Survey(read_draft(write_campaign(tmp_path, campaign=campaign), Draft()))
    survey.run()
    assert survey.report is not None
    assert survey.report.errors >= 1


def test_many_people_are_told_of_on_the_way(tmp_path: Path) -> None:
    rows = "".join(f"p{at}@example.org,P,DE,1,0,x\n" for at in range(600))
    folder = write_campaign(tmp_path, people="email,name,country,invoice,things,notes\n" + rows)
    survey = Survey(read_draft(folder, Draft()))
    survey.run()
    assert survey.checked == survey.examined == 600
