from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailmerge.mailbox.replies import collect_replies
from mailmerge.preview.documents import ListQuery, campaign_document, list_document
from mailmerge.preview.session import PreviewSession
from tests.mailbox.sending import as_received, report, send_campaign
from tests.preview.campaigns import CAMPAIGN, loaded_session, write_campaign


@pytest.fixture
def session(tmp_path: Path) -> PreviewSession:
    return loaded_session(write_campaign(tmp_path))


def keys(session: PreviewSession, query: ListQuery) -> list[str]:
    return [one["key"] for one in list_document(session, query)["recipients"]]


def test_the_campaign_document_counts_everything(session: PreviewSession) -> None:
    document = campaign_document(session)
    assert document["name"] == "autumn-news"
    assert document["counts"] == {
        "all": 8, "duplicate": 1, "suppressed": 1, "left-out": 1, "unreadable": 1,
    }  # fmt: skip
    assert document["broken"] is None
    assert document["review"]["done"]
    assert document["review"]["of"] == document["review"]["examined"] == 4
    assert document["problems"]["done"]
    assert document["problems"]["errors"] == 2
    assert document["server"] == ""
    assert document["sandbox"] == 0
    json.dumps(document)


def test_groups_are_counted_as_groups(session: PreviewSession, tmp_path: Path) -> None:
    assert not campaign_document(session)["grouped"]
    folder = tmp_path / "grouped"
    folder.mkdir()
    write_campaign(folder, campaign=CAMPAIGN.replace("[message]", 'group_by = "email"\n[message]'))
    assert campaign_document(loaded_session(folder))["grouped"]


def test_a_group_of_problems_leads_to_its_rows(session: PreviewSession) -> None:
    groups = {group["code"]: group for group in campaign_document(session)["problems"]["groups"]}
    assert [one["row"] for one in groups["duplicate"]["examples"]] == [5]
    duplicate = session.snapshot.rows.at_row(5)
    assert duplicate is not None
    assert groups["duplicate"]["examples"][0]["key"] == duplicate.key


def test_a_broken_template_breaks_the_campaign(tmp_path: Path) -> None:
    session = loaded_session(write_campaign(tmp_path, body="<p>\n{% if %}\n</p>"))
    assert campaign_document(session)["broken"]["line"] == 2


def test_an_unknown_provider_leaves_the_server_unnamed(tmp_path: Path) -> None:
    campaign = CAMPAIGN + '[smtp]\nprovider = "nowhere"\n'
    session = loaded_session(write_campaign(tmp_path, campaign=campaign))
    assert campaign_document(session)["server"] == ""


def test_the_server_is_named_with_its_port(tmp_path: Path) -> None:
    campaign = CAMPAIGN + '[smtp]\nhost = "mail.example.org"\n'
    session = loaded_session(write_campaign(tmp_path, campaign=campaign))
    assert campaign_document(session)["server"] == "mail.example.org:587"


def test_an_unreadable_campaign_is_named_by_its_folder(tmp_path: Path) -> None:
    document = campaign_document(loaded_session(tmp_path))
    assert document["name"] == tmp_path.name
    assert document["counts"]["all"] == 0
    assert document["broken"]["code"] == "no-campaign"


def test_the_list_can_be_searched(session: PreviewSession) -> None:
    assert len(keys(session, ListQuery())) == 8
    assert keys(session, ListQuery(search="bernard")) == ["bernard@example.org"]


def test_the_list_can_be_filtered(session: PreviewSession) -> None:
    assert "anna@example.org" in keys(session, ListQuery(among="review"))
    assert len(keys(session, ListQuery(among="duplicate"))) == 1
    assert len(keys(session, ListQuery(among="problems"))) >= 2
    assert len(keys(session, ListQuery(among="no such filter"))) == 8


def test_a_row_number_gives_the_key_of_its_row(session: PreviewSession) -> None:
    assert list_document(session, ListQuery(row=3)) == {"found": "bernard@example.org"}


def test_an_entry_has_name_status_and_problems(session: PreviewSession) -> None:
    (entry,) = list_document(session, ListQuery(among="duplicate"))["recipients"]
    assert (entry["row"], entry["name"], entry["status"]) == (5, "Anna Again", "duplicate")
    assert (entry["errors"], entry["warnings"]) == (1, 0)
    assert "row 2" in entry["note"]


def test_the_review_set_gives_reasons(session: PreviewSession) -> None:
    entries = list_document(session, ListQuery(among="review"))["recipients"]
    assert entries
    assert all(entry["reason"] for entry in entries)
    assert list_document(session, ListQuery())["recipients"][0]["reason"] is None


def test_an_empty_list_has_no_entries(tmp_path: Path) -> None:
    session = loaded_session(tmp_path)
    assert list_document(session, ListQuery(row=3)) == {"found": None}
    assert list_document(session, ListQuery())["recipients"] == []


def test_sandbox_messages_are_listed_in_the_same_form(
    session: PreviewSession, tmp_path: Path
) -> None:
    new = tmp_path / ".mailmerge" / "sandbox" / "new"
    new.mkdir(parents=True)
    (new / "1.x").write_bytes(b"To: c@d.example\r\nSubject: Hi\r\n\r\nx\r\n")
    (entry,) = list_document(session, ListQuery(among="sandbox"))["recipients"]
    assert (entry["key"], entry["name"], entry["address"]) == ("1.x", "Hi", "c@d.example")
    ordinary = list_document(session, ListQuery())["recipients"][0]
    assert set(entry) == set(ordinary) - {"reason"}
    assert campaign_document(session)["sandbox"] == 1


def test_list_shows_and_filters_what_came_back(tmp_path: Path) -> None:
    sent = send_campaign(tmp_path / "spring")
    collect_replies(sent.settings, as_received(report(sent.header(1), "u1@example.org")))
    session = loaded_session(sent.settings.folder)
    assert campaign_document(session)["counts"]["bounced"] == 1
    [row] = list_document(session, ListQuery(among="bounced"))["recipients"]
    assert (row["address"], row["after"]) == ("u1@example.org", "bounced")
    assert list_document(session, ListQuery(among="answered"))["total"] == 0
