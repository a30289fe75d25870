"""The standard header fields of bulk mail: written from their keys, and checked."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from mailmerge.campaign import Campaign
from mailmerge.errors import CampaignError
from tests.preflight.checked import Folder, place

KEYS = {
    "list_id": '"Grüne News <news.x-firma.de>"',
    "precedence": '"bulk"',
    "auto_submitted": '"auto-generated"',
    "feedback_id": '"spring:acme:news:example"',
    "csa_complaints": '"csa-complaints@eco.de"',
}


def first_message(folder: Folder) -> EmailMessage:
    campaign = Campaign.of(folder.campaign)
    recipient = next(iter(campaign.recipients()))
    data = bytes(campaign.messages.sample(recipient))
    return email.message_from_bytes(data, policy=email.policy.default)


def test_each_key_writes_its_field(folder: Folder) -> None:
    folder.configure(message=KEYS)
    assert folder.problems() == []
    message = first_message(folder)
    assert message["List-Id"] == "Grüne News <news.x-firma.de>"
    assert message["Precedence"] == "bulk"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Feedback-ID"] == "spring:acme:news:example"
    assert message["X-CSA-Complaints"] == "csa-complaints@eco.de"


def test_no_field_is_written_without_its_key(folder: Folder) -> None:
    names = {name.lower() for name in first_message(folder)}
    assert names.isdisjoint({"list-id", "precedence", "auto-submitted", "feedback-id"})


def test_list_id_gets_its_angle_brackets(folder: Folder) -> None:
    folder.configure(message={"list_id": '"news.x-firma.de"'})
    assert first_message(folder)["List-Id"] == "<news.x-firma.de>"


def test_message_id_and_date_are_those_of_the_sender(folder: Folder) -> None:
    message = first_message(folder)
    assert message["Message-ID"].strip("<>").partition("@")[2] == "x-firma.de"
    assert message["Date"].datetime.tzinfo is not None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("list_id", '"News"'),
        ("list_id", '"News <news.x-firma.de"'),
        ("list_id", '"News <news>"'),
        ("list_id", '"News <{{ name }}.x-firma.de>"'),
        ("precedence", '"first-class"'),
        ("auto_submitted", '"auto-replied"'),
        ("feedback_id", '"a:b:c:d:sender"'),
        ("feedback_id", '"a:b:c:four"'),
        ("feedback_id", '"a:b:c:sixteen-letters-"'),
        ("csa_complaints", '"eco"'),
    ],
)
def test_wrong_value_of_a_key_is_an_error(folder: Folder, key: str, value: str) -> None:
    folder.configure(message={key: value})
    with pytest.raises(CampaignError, match=rf"message\.{key}"):
        folder.campaign  # noqa: B018 - it is read here


def test_a_field_is_given_in_one_place(folder: Folder) -> None:
    folder.configure(message={"list_id": KEYS["list_id"], "headers": '{ List-ID = "<a.b>" }'})
    with pytest.raises(CampaignError, match="list_id writes List-Id; remove it"):
        folder.campaign  # noqa: B018 - it is read here


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("List-Id", "News <news.other.com>", "list-id"),
        ("List-Id", "News", "list-id"),
        ("Auto-Submitted", "auto-replied", "auto-submitted"),
        ("Precedence", "urgent", "precedence"),
        ("Feedback-ID", "a:b:c:four", "feedback-id"),
        ("Feedback-ID", "a:b:c:d:sender", "feedback-id"),
        ("Feedback-ID", "{{ name }}:b:c:sender", "feedback-id"),
    ],
)
def test_wrong_field_of_ones_own_is_a_warning(
    folder: Folder, name: str, value: str, code: str
) -> None:
    folder.configure(message={"headers": f'{{ {name} = "{value}" }}'})
    problem = folder.problem()
    assert problem.severity == "warning"
    assert place(problem) == (code, "campaign.toml", None, f"message.headers.{name}")


def test_list_id_in_another_domain_is_a_warning(folder: Folder) -> None:
    folder.configure(message={"list_id": '"news.other.com"'})
    assert folder.problem().message == "List-Id is in other.com, and From in x-firma.de"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Id", "<news.mail.x-firma.de>"),
        ("Auto-Submitted", "no"),
        ("Precedence", "list"),
        ("Feedback-ID", "{{ campaign.name }}::sender"),
    ],
)
def test_right_field_of_ones_own_is_no_problem(folder: Folder, name: str, value: str) -> None:
    folder.configure(message={"headers": f'{{ {name} = "{value}" }}'})
    assert folder.problems() == []
