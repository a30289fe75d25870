from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailmerge.preview.documents import Document
from mailmerge.preview.message_documents import message_document, sandbox_message_document
from mailmerge.preview.sandbox_messages import SandboxMessage
from mailmerge.preview.session import PreviewSession
from tests.preview.campaigns import BODY, CAMPAIGN, loaded_session, write_campaign


@pytest.fixture
def session(tmp_path: Path) -> PreviewSession:
    return loaded_session(write_campaign(tmp_path))


def at_row(session: PreviewSession, number: int, search: str = "") -> Document:
    row = session.snapshot.rows.at_row(number)
    assert row is not None
    return message_document(session, row, search, "all")


def test_a_message_document_has_every_key(session: PreviewSession) -> None:
    document = at_row(session, 2)
    message = document["message"]
    assert document["key"] == "anna@example.org"
    assert message["subject"] == "Anna Schmidt, your invoice 1001"
    assert message["from"] == "Example News <news@example.org>"
    assert message["envelope"]["forwardPath"] == "anna@example.org"
    assert message["envelope"]["reversePath"] == "news@example.org"
    assert message["preheader"].startswith("Dear Anna Schmidt,")
    assert message["remoteImages"] == 0
    assert document["problems"] == []
    assert [link["unsubscribes"] for link in message["links"]] == [False, True]
    assert [part["filename"] for part in message["parts"] if part["filename"]] == [
        "logo.png",
        "terms.txt",
    ]
    json.dumps(document)


def test_neighbours_are_those_of_the_search(session: PreviewSession) -> None:
    document = at_row(session, 2)
    assert (document["before"], document["after"]) == (None, "bernard@example.org")
    assert at_row(session, 2, search="eve")["after"] == "eve@example.org"


def test_cells_say_whether_the_template_uses_them(session: PreviewSession) -> None:
    used = {cell["column"]: cell["used"] for cell in at_row(session, 2)["cells"]}
    assert used["name"]
    assert used["country"]
    assert not used["notes"]


def test_a_non_ascii_address_needs_smtputf8(session: PreviewSession) -> None:
    envelope = at_row(session, 9)["message"]["envelope"]
    assert envelope["smtputf8"]
    assert envelope["eightbit"]


def test_a_skipped_row_has_a_reason_and_no_message(session: PreviewSession) -> None:
    document = at_row(session, 5)
    assert document["message"] is None
    assert document["broken"] is None
    assert document["status"] == "duplicate"
    assert [problem["code"] for problem in document["problems"]] == ["duplicate"]


def test_an_error_of_one_message_shows_the_template_lines(tmp_path: Path) -> None:
    body = BODY.replace("Dear {{ name }}", "{{ 1 // (things|int) }}")
    document = at_row(loaded_session(write_campaign(tmp_path, body=body)), 3)
    assert document["message"] is None
    assert document["broken"]["row"] == 3
    assert document["broken"]["file"] == "body.html"
    here = [line for line in document["broken"]["excerpt"] if line["here"]]
    assert "1 //" in here[0]["text"]
    assert document["problems"].count(document["broken"]) == 1


def test_a_broken_template_leaves_the_cells(tmp_path: Path) -> None:
    session = loaded_session(write_campaign(tmp_path, body="<p>\n{% if %}\n</p>"))
    document = at_row(session, 2)
    assert document["broken"]["line"] == 2
    assert {cell["used"] for cell in document["cells"]} == {None}
    assert document["otherVariables"] == []


def test_an_unknown_provider_leaves_the_message(tmp_path: Path) -> None:
    campaign = CAMPAIGN + '[smtp]\nprovider = "nowhere"\n'
    session = loaded_session(write_campaign(tmp_path, campaign=campaign))
    assert at_row(session, 2)["message"] is not None


def test_a_sandbox_message_has_the_same_form(session: PreviewSession) -> None:
    data = b"To: c@d.example\r\nSubject: Hi\r\n\r\nx\r\n"
    message = SandboxMessage(data, "a@b.example", "c@d.example")
    document = sandbox_message_document(session, "1.x", message)
    ordinary = at_row(session, 2)
    assert set(document) == set(ordinary)
    assert set(document["message"]) == set(ordinary["message"])
    assert (document["name"], document["address"]) == ("Hi", "c@d.example")
    assert document["message"]["envelope"] == {
        "reversePath": "a@b.example", "forwardPath": "c@d.example", "eightbit": False,
        "smtputf8": False,
    }  # fmt: skip
