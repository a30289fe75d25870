from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailmerge.preview.caught import opened
from mailmerge.preview.documents import (
    Document,
    Question,
    campaign_document,
    caught_message_document,
    excerpt,
    message_document,
    people_document,
)
from mailmerge.preview.session import Session
from tests.preview.campaigns import BODY, CAMPAIGN, write_campaign


def opened_session(folder: Path) -> Session:
    session = Session(folder)
    session.reload()
    session.survey.join()
    return session


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return opened_session(write_campaign(tmp_path))


def of(session: Session, key: str) -> Document:
    person = session.draft.people.find(key)
    assert person is not None
    return message_document(session, person, "", "all")


def test_the_campaign_is_told_in_numbers(session: Session) -> None:
    told = campaign_document(session)
    assert told["name"] == "autumn-letter"
    assert told["counts"] == {
        "all": 8, "duplicate": 1, "suppressed": 1, "left-out": 1, "unreadable": 1,
    }  # fmt: skip
    assert told["broken"] is None
    assert told["review"]["done"]
    assert told["review"]["of"] == told["review"]["examined"] == 4
    assert told["problems"]["done"]
    assert told["problems"]["errors"] == 2
    assert told["server"] == ""
    json.dumps(told)


def test_groups_lead_to_the_rows(session: Session) -> None:
    groups = {group["code"]: group for group in campaign_document(session)["problems"]["groups"]}
    assert [one["row"] for one in groups["duplicate"]["examples"]] == [5]
    again = session.draft.people.at_row(5)
    assert again is not None
    assert groups["duplicate"]["examples"][0]["key"] == again.key


def test_a_message_is_told_whole(session: Session) -> None:
    told = of(session, "anna@example.org")
    message = told["message"]
    assert message["subject"] == "Anna Schmidt, your invoice 1001"
    assert message["from"] == "Example News <news@example.org>"
    assert message["envelope"]["forwardPath"] == "anna@example.org"
    assert message["envelope"]["reversePath"] == "news@example.org"
    assert message["preheader"].startswith("Dear Anna Schmidt,")
    assert message["remotePictures"] == 0
    assert [link["unsubscribes"] for link in message["links"]] == [False, True]
    assert [part["filename"] for part in message["parts"] if part["filename"]] == [
        "logo.png",
        "terms.txt",
    ]
    assert told["before"] is None
    assert told["after"] == "bernard@example.org"
    json.dumps(told)


def test_the_row_says_which_cells_the_template_uses(session: Session) -> None:
    used = {cell["column"]: cell["used"] for cell in of(session, "anna@example.org")["cells"]}
    assert used["name"]
    assert used["country"]
    assert not used["notes"]


def test_an_address_in_another_script_needs_smtputf8(session: Session) -> None:
    person = session.draft.people.at_row(9)
    assert person is not None
    envelope = of(session, person.key)["message"]["envelope"]
    assert envelope["smtputf8"]
    assert envelope["eightbit"]


def test_a_row_that_gets_no_message_says_why(session: Session) -> None:
    again = session.draft.people.at_row(5)
    assert again is not None
    told = of(session, again.key)
    assert told["message"] is None
    assert told["broken"] is None
    assert told["mark"] == "duplicate"
    assert [problem["code"] for problem in told["problems"]] == ["duplicate"]


def test_a_template_that_fails_on_one_row_is_shown_with_its_lines(tmp_path: Path) -> None:
    body = BODY.replace("Dear {{ name }}", "{{ 1 // (things|int) }}")
    session = opened_session(write_campaign(tmp_path, body=body))
    told = of(session, "bernard@example.org")
    assert told["message"] is None
    assert told["broken"]["row"] == 3
    assert told["broken"]["file"] == "body.html"
    here = [line for line in told["broken"]["excerpt"] if line["here"]]
    assert "1 //" in here[0]["text"]
    assert told["problems"].count(told["broken"]) == 1


def test_a_template_that_does_not_compile_is_told_for_everybody(tmp_path: Path) -> None:
    session = opened_session(write_campaign(tmp_path, body="<p>\n{% if %}\n</p>"))
    assert campaign_document(session)["broken"]["line"] == 2
    told = of(session, "anna@example.org")
    assert told["broken"]["line"] == 2
    assert {cell["used"] for cell in told["cells"]} == {None}
    assert told["otherVariables"] == []


def test_a_wrong_provider_is_told_and_the_rest_is_shown(tmp_path: Path) -> None:
    campaign = CAMPAIGN + '[smtp]\nprovider = "nowhere"\n'
    session = opened_session(write_campaign(tmp_path, campaign=campaign))
    assert campaign_document(session)["server"] == ""
    assert of(session, "anna@example.org")["message"] is not None


def test_the_server_is_named(tmp_path: Path) -> None:
    campaign = CAMPAIGN + '[smtp]\nhost = "mail.example.org"\n'
    session = opened_session(write_campaign(tmp_path, campaign=campaign))
    assert campaign_document(session)["server"] == "mail.example.org:587"


def test_before_anything_could_be_read_the_folder_gives_the_name(tmp_path: Path) -> None:
    session = opened_session(tmp_path)
    told = campaign_document(session)
    assert told["name"] == tmp_path.name
    assert told["counts"]["all"] == 0
    assert told["broken"]["code"] == "no-campaign"


def test_the_list_can_be_narrowed_searched_and_jumped_in(session: Session) -> None:
    def keys(**question: object) -> list[str]:
        told = people_document(session, Question(**question))  # type: ignore[arg-type]  # passed on
        return [person["key"] for person in told["people"]]

    assert len(keys()) == 8
    assert keys(search="bernard") == ["bernard@example.org"]
    assert "anna@example.org" in keys(among="review")
    assert len(keys(among="duplicate")) == 1
    assert len(keys(among="problems")) >= 2
    assert len(keys(among="no such filter")) == 8
    assert people_document(session, Question(row=3)) == {"found": "bernard@example.org"}


def test_the_review_set_says_why_somebody_is_in_it(session: Session) -> None:
    told = people_document(session, Question(among="review"))
    assert all(person["reason"] for person in told["people"])
    assert people_document(session, Question())["people"][0]["reason"] is None


def test_nobody_is_found_in_an_empty_list(tmp_path: Path) -> None:
    session = opened_session(tmp_path)
    assert people_document(session, Question(row=3)) == {"found": None}
    assert people_document(session, Question())["people"] == []


def test_caught_mail_is_listed_and_told_in_the_same_form(session: Session, tmp_path: Path) -> None:
    new = tmp_path / ".mailmerge" / "sandbox" / "new"
    new.mkdir(parents=True)
    octets = b"X-MailFrom: a@b.example\r\nX-RcptTo: c@d.example\r\n"
    octets += b"To: c@d.example\r\nSubject: Hi\r\n\r\nx\r\n"
    (new / "1.x").write_bytes(octets)
    (listed,) = people_document(session, Question(among="caught"))["people"]
    assert (listed["key"], listed["name"], listed["address"]) == ("1.x", "Hi", "c@d.example")
    told = caught_message_document(session, "1.x", opened(octets))
    ordinary = of(session, "anna@example.org")
    assert set(told) == set(ordinary)
    assert set(told["message"]) == set(ordinary["message"])
    assert told["message"]["envelope"]["forwardPath"] == "c@d.example"


def test_an_excerpt_never_leaves_the_campaign(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret\n")
    (folder / "body.html").write_text("one\ntwo\nthree\nfour\nfive\n")
    assert [line["number"] for line in excerpt(folder, "body.html", 2)] == [1, 2, 3, 4]
    for file in ("../secret", str(tmp_path / "secret"), "missing", ""):
        assert excerpt(folder, file, 1) == []
    assert excerpt(folder, "body.html", None) == []
    (folder / "large").write_text("x" * (2 * 1024 * 1024 + 1))
    assert excerpt(folder, "large", 1) == []
