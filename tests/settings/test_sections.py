"""The sections of campaign.toml as records: defaults, and values that no section accepts."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mailmerge.settings.sections import (
    RESERVED_HEADER_FIELDS,
    DeliverySection,
    MessageSection,
    RecipientsSection,
    SmtpSection,
)

MESSAGE = {"from": "a@example.org", "subject": "s", "text": "body.txt"}


def test_defaults_are_those_of_the_documentation() -> None:
    recipients = RecipientsSection()
    assert recipients.file == "recipients.csv"
    assert recipients.key_column == "email"
    assert RecipientsSection(key="invoice").key_column == "invoice"
    assert DeliverySection().window == 1
    assert SmtpSection().security is None


def test_sections_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RecipientsSection().file = "other.csv"


@pytest.mark.parametrize("name", sorted(RESERVED_HEADER_FIELDS))
def test_reserved_header_fields_are_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="written by the program or by servers"):
        MessageSection.model_validate({**MESSAGE, "headers": {name.title(): "x"}})


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"unsubscribe": {"url": "http://example.org/u"}}, "expected an https address"),
        ({"unsubscribe": {"url": "https://example.org/u?a=b"}}, "expected an https address"),
        ({"unsubscribe": {"mailto": "mailto:u@example.org"}}, "expected an address alone"),
        ({"unsubscribe": {}}, "expected url, mailto, or both"),
        ({"dkim": {"selector": "s"}}, "key_file = "),
        ({"dkim": {"selector": "s", "key_file": "a", "key_command": "b"}}, "key_file = "),
        ({"smime": {"key_file": "k"}}, "expected certificate = "),
        ({"smime": {"certificate": "c"}}, 'expected key_file = "key.pem"'),
        (
            {"smime": {"certificate": "c", "key_file": "k", "key_command": "d"}},
            'expected key_file = "key.pem"',
        ),
        (
            {
                "unsubscribe": {"url": "https://example.org/u"},
                "headers": {"List-Unsubscribe": "<https://example.org>"},
            },
            r"\[message.unsubscribe\] writes List-Unsubscribe",
        ),
    ],
)
def test_section_of_a_message_that_contradicts_itself_is_refused(
    more: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        MessageSection.model_validate({**MESSAGE, **more})


def test_other_header_fields_are_accepted() -> None:
    section = MessageSection.model_validate({**MESSAGE, "headers": {"X-Campaign": "{{ name }}"}})
    assert section.headers == {"X-Campaign": "{{ name }}"}


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../body.txt", "a/../../b", "..\\b.txt", "C:/body.txt", "a\0b"]
)
def test_paths_stay_inside_the_folder(path: str) -> None:
    with pytest.raises(ValidationError, match="expected a path inside the campaign folder"):
        MessageSection.model_validate({**MESSAGE, "text": path})


def test_standard_input_is_a_file_of_recipients() -> None:
    assert RecipientsSection(file="-").file == "-"


def test_single_notice_is_a_list_of_one() -> None:
    section = DeliverySection.model_validate({"notify": "failure", "rate": "1/second"})
    assert section.notify == ("failure",)
    assert [str(rate) for rate in section.rate] == ["1/second"]
