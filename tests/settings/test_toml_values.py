"""The right form of a value, and the place of a key."""

from __future__ import annotations

import pytest

from mailmerge.settings.toml_values import find_key, wrong_type

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


def test_another_fault_has_no_form() -> None:
    assert wrong_type("value_error", "k", "x") is None
