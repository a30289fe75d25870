"""docs/deliverability.md: each test, key and code that it names exists; each rule has a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailmerge.settings import DkimSection, MessageSection, SmimeSection
from tests.error_codes import find_codes

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "deliverability.md").read_text(encoding="utf-8")
RULES = [
    line.strip("|").split(" | ")
    for line in DOCUMENT.partition("## The rules of the large receivers")[2].splitlines()
    if line.startswith("| ") and not line.startswith("| receiver")
]


def test_every_rule_names_a_test_that_exists() -> None:
    assert len(RULES) > 20
    for rule, *_, tests in RULES:
        named = re.findall(r"`(tests/[^`]+)`", tests)
        assert named, rule
        for path in named:
            assert (ROOT / path).is_file(), path


def test_every_rule_has_five_columns() -> None:
    assert {len(rule) for rule in RULES} == {5}


def test_every_code_in_the_table_exists() -> None:
    codes = find_codes().places
    for *_, met, _tests in RULES:
        for code in re.findall(r"`([a-z]+(?:-[a-z0-9]+)+)`", met):
            assert code in codes, code


@pytest.mark.parametrize(
    ("heading", "section"), [("S/MIME", SmimeSection), ("Header fields", MessageSection)]
)
def test_the_keys_of_a_section_are_those_of_the_program(
    heading: str, section: type[MessageSection | SmimeSection]
) -> None:
    text = DOCUMENT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    keys = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert keys <= set(section.model_fields)
    assert section is not SmimeSection or keys == set(section.model_fields)


def test_keys_of_dkim_are_described() -> None:
    text = DOCUMENT.partition("## DKIM\n")[2].partition("\n## ")[0]
    assert [key for key in DkimSection.model_fields if key not in text] == []
