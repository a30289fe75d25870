"""A refused file is reported in the cell that names it."""

from __future__ import annotations

import pytest

from mailmerge.errors import Problem
from mailmerge.preflight.cells import in_cell

CELLS = {"email": "ann@x-firma.de", "id": "7", "note": "is a hidden", "file": ".env", "short": "."}
HIDDEN = "is a hidden file, which is never part of a message"


def problem(message: str, code: str = "asset-private", row: int | None = 3) -> Problem:
    return Problem("error", code, message, "body.html", row, "message.attachments", line=4)


@pytest.mark.parametrize(
    "message", [f".env {HIDDEN}", f'the attachment "sub/.env": {HIDDEN}', f"x.env {HIDDEN}"]
)
def test_longest_cell_in_the_path_is_named(message: str) -> None:
    found = in_cell(problem(message), CELLS, "people.csv")
    assert (found.file, found.row, found.column, found.line) == ("people.csv", 3, "file", None)
    assert found.message == message


def test_cell_may_be_a_url() -> None:
    cells = {"other": "env", "file": "./a%2Fb\\.env"}
    assert in_cell(problem(f"a/b/.env {HIDDEN}"), cells, "x").column == "file"


@pytest.mark.parametrize(
    "one",
    [
        problem(f".env {HIDDEN}", row=None),
        problem(".env is the wrong one", code="asset-missing"),
        problem(f".htpasswd {HIDDEN}"),
        problem(f"7.key {HIDDEN}"),
    ],
)
def test_other_problems_are_unchanged(one: Problem) -> None:
    assert in_cell(one, CELLS, "people.csv") == one
