"""The right form of a value, and the place of a key."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.settings.toml_values import find_key, no_campaign, wrong_type

TEXT = """name = "x"
[message]
subject = "s"
  headers.X-A = "b"
[message.headers]
X-B = "c"
"""


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        (["name"], (1, 1)),
        (["message"], (2, 1)),
        (["message", "subject"], (3, 1)),
        (["message", "headers", "X-A"], (4, 3)),
        (["message", "headers", "X-B"], (6, 1)),
        (["message", "html"], (2, 1)),
        (["smtp"], None),
    ],
)
def test_a_key_is_found_in_its_table(parts: list[str], place: tuple[int, int] | None) -> None:
    assert find_key(TEXT, parts) == place


@pytest.mark.parametrize(
    ("kind", "found", "hint"),
    [
        ("tuple_type", "x.pdf", 'write k = ["x.pdf"]'),
        ("string_type", 5, 'write it in quotes: k = "5"'),
        ("string_type", ["a"], 'write k = "a"'),
        ("int_type", "25", "write k = 25, without quotes"),
        ("int_type", "x", "write k = 1"),
        ("bool_type", "no", "write k = false, without quotes"),
        ("model_type", "x", "write [k] in a line of its own, and its keys below"),
    ],
)
def test_the_right_form_of_a_value_is_named(kind: str, found: object, hint: str) -> None:
    wrong = wrong_type(kind, "k", found)
    assert wrong is not None
    assert wrong.hint == hint


@pytest.mark.parametrize(
    ("kind", "key", "found", "hint"),
    [
        ("string_type", "k", {"a": 1}, 'write k = "..."'),
        ("string_type", "k", ["a", "b"], 'write k = "..."'),
        ("tuple_type", "k", 5, 'write k = ["5"]'),
        ("tuple_type", "k", 'say "x"', "write k = ['say \"x\"']"),
        ("literal_error", "security", "SSL", 'write security = "tls"'),
        ("literal_error", "security", "x", ""),
        ("literal_error", "encoding", "8BIT", "write the word in small letters"),
        ("literal_error", "encoding", "9bit", ""),
    ],
)
def test_a_value_of_another_kind_has_its_form(
    kind: str, key: str, found: object, hint: str
) -> None:
    wrong = wrong_type(kind, key, found)
    assert wrong is not None
    assert wrong.hint == hint


def test_a_campaign_in_a_folder_that_is_missing_has_no_neighbours(tmp_path: Path) -> None:
    error = no_campaign(tmp_path / "no" / "such" / "campaign.toml")
    assert "there is no folder" in str(error)
    assert "mailmerge init" in error.problem.hint


def test_a_file_in_the_place_of_a_folder_has_no_campaigns(tmp_path: Path) -> None:
    (tmp_path / "spring").write_text("x")
    error = no_campaign(tmp_path / "spring" / "campaign.toml")
    assert "is a file, and no campaign" in str(error)
    assert "mailmerge init" in error.problem.hint


def test_another_fault_has_no_form() -> None:
    assert wrong_type("value_error", "k", "x") is None
