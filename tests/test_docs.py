"""docs/campaign.md against the models of campaign.toml: every key of both is in the other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mailmerge.recipients.columns import RESERVED_NAMES
from mailmerge.settings import (
    RESERVED_HEADER_FIELDS,
    CampaignSection,
    DeliverySection,
    ImapSection,
    MessageSection,
    RecipientsSection,
    RepliesSection,
    SmtpSection,
    load_settings,
    parse_duration,
    parse_rate,
)

DOCUMENT = Path(__file__).parents[1] / "docs" / "campaign.md"

SECTIONS: dict[str, type[BaseModel]] = {
    "campaign": CampaignSection,
    "recipients": RecipientsSection,
    "message": MessageSection,
    "smtp": SmtpSection,
    "delivery": DeliverySection,
    "imap": ImapSection,
    "replies": RepliesSection,
}

_CELL = re.compile(r"(?<!\\)\|")


def chapter(title: str) -> str:
    """The text between one heading of the second level and the next."""
    text = DOCUMENT.read_text(encoding="utf-8")
    match = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert match is not None, f"docs/campaign.md has no chapter {title}"
    return match[1]


def documented(section: str) -> dict[str, list[str]]:
    """The rows of a section's table by their key: type, default, example, what it does."""
    lines = [line for line in chapter(section).splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in _CELL.split(line.strip("|"))] for line in lines]
    return {row[0].strip("`"): row[1:] for row in rows}


def written(text: str) -> object:
    """The value of a table's cell such as `"60/minute"`, read as TOML; None where it is prose."""
    match = re.fullmatch(r"`(.*)`", text.replace("\\|", "|"))
    return tomllib.loads(f"value = {match[1]}")["value"] if match else None


def keys(section: str) -> dict[str, FieldInfo]:
    """The keys of a section as people write them."""
    fields = SECTIONS[section].model_fields
    return {field.alias or name: field for name, field in fields.items()}


def choices(annotation: object) -> list[str]:
    """The texts of a Literal, alone or in a union; the empty one means "not set"."""
    found = get_args(annotation)
    texts = [item for item in found if isinstance(item, str) and item]
    nested = [text for item in found if not isinstance(item, str) for text in choices(item)]
    return texts + nested


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_documented_and_every_documented_key_exists(section: str) -> None:
    assert list(documented(section)) == list(keys(section))


@pytest.mark.parametrize("section", SECTIONS)
def test_every_row_has_type_default_example_and_meaning(section: str) -> None:
    for key, row in documented(section).items():
        assert len(row) == 4, key
        assert all(row), key


@pytest.mark.parametrize("section", SECTIONS)
def test_a_documented_default_is_the_default(section: str) -> None:
    for key, (_, default, _, _) in documented(section).items():
        field = keys(section)[key]
        value = written(default) if re.fullmatch(r"`[^`]*`", default) else None
        if value is not None:
            assert value == field.default, key
        elif default == "needed":
            assert field.is_required(), key
        else:
            assert not field.is_required(), key
            assert not field.get_default(call_default_factory=True) or "`" in default, key


@pytest.mark.parametrize("section", SECTIONS)
def test_every_example_is_accepted(section: str, tmp_path: Path) -> None:
    for key, (_, _, example, _) in documented(section).items():
        value = example.strip("`").replace("\\|", "|")
        if not example.startswith("`"):
            continue
        own = {"message": {"from": '"a@example.org"', "subject": '"s"', "text": '"body.txt"'}}
        tables = own | {section: own.get(section, {}) | {key: value}}
        lines = [
            line
            for name, table in tables.items()
            for line in (f"[{name}]", *(f"{k} = {v}" for k, v in table.items()))
        ]
        (tmp_path / "campaign.toml").write_text("\n".join(lines), encoding="utf-8")
        campaign = load_settings(tmp_path)
        written_back = getattr(campaign, section).model_dump(by_alias=True)[key]
        assert written_back != keys(section)[key].get_default(call_default_factory=True), key


@pytest.mark.parametrize("section", SECTIONS)
def test_every_choice_is_named(section: str) -> None:
    for key, field in keys(section).items():
        for choice in choices(field.annotation):
            assert f'`"{choice}"`' in documented(section)[key][0], key


def test_every_section_is_a_chapter_and_in_the_list_of_chapters() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    chapters = re.findall(r"^## (.+)$", text, re.MULTILINE)
    links = re.findall(r"\]\(#([a-z-]+)\)", text)
    anchors = {title.lower().replace(" ", "-") for title in chapters}
    assert set(SECTIONS) <= set(chapters)
    assert set(links) == anchors


def test_header_fields_that_are_refused_are_named() -> None:
    text = chapter("message").lower()
    for name in RESERVED_HEADER_FIELDS:
        assert re.search(rf"\b{name}\b", text), name


def test_column_names_that_are_taken_are_named() -> None:
    names = set(re.findall(r"`(\w+)`", chapter("Spreadsheets")))
    assert {name.lower() for name in RESERVED_NAMES} <= names


def test_rates_and_durations_of_the_text_are_understood() -> None:
    text = chapter("delivery")
    for rate in re.findall(r'"(\d+/[\w ]+)"', text):
        parse_rate(rate)
    durations = re.findall(r'"(\d+ [a-z]+)"', text)
    assert durations
    for duration in durations:
        parse_duration(duration)


def test_the_variable_for_the_password_is_named() -> None:
    assert "`MAILMERGE_SMTP_PASSWORD`" in chapter("Secrets")


def test_the_shortest_campaign_is_one(tmp_path: Path) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    first = re.search(r"(?:^    .*\n)+", text, re.MULTILINE)
    assert first is not None
    (tmp_path / "campaign.toml").write_text(first[0], encoding="utf-8")
    assert load_settings(tmp_path).message.subject == "Hello {{ name }}"
