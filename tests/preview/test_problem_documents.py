from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import Problem
from mailmerge.preview.problem_documents import problem_document


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret\n")
    folder = tmp_path / "campaign"
    folder.mkdir()
    (folder / "body.html").write_text("one\ntwo\nthree\nfour\nfive\n")
    return folder


def excerpt(folder: Path, file: str, line: int | None) -> list[dict[str, object]]:
    problem = Problem("error", "template", "it does not compile", file, line=line)
    found: list[dict[str, object]] = problem_document(problem, folder)["excerpt"]
    return found


def test_the_fields_of_the_problem_are_kept(folder: Path) -> None:
    problem = Problem("warning", "code", "message", "body.html", 7, "email", "hint", 2)
    document = problem_document(problem, folder)
    assert {key: document[key] for key in ("severity", "code", "message", "file", "row")} == {
        "severity": "warning", "code": "code", "message": "message", "file": "body.html", "row": 7,
    }  # fmt: skip
    assert (document["column"], document["hint"], document["line"]) == ("email", "hint", 2)


def test_an_excerpt_has_two_lines_before_and_after(folder: Path) -> None:
    lines = excerpt(folder, "body.html", 3)
    assert [line["text"] for line in lines] == ["one", "two", "three", "four", "five"]
    assert [line["number"] for line in lines if line["here"]] == [3]


@pytest.mark.parametrize(("line", "numbers"), [(1, [1, 2, 3]), (5, [3, 4, 5]), (9, [])])
def test_an_excerpt_ends_with_the_file(folder: Path, line: int, numbers: list[int]) -> None:
    assert [one["number"] for one in excerpt(folder, "body.html", line)] == numbers


def test_without_a_line_there_is_no_excerpt(folder: Path) -> None:
    assert excerpt(folder, "body.html", None) == []


@pytest.mark.parametrize("file", ["../secret", "missing", ""])
def test_an_excerpt_never_leaves_the_campaign(folder: Path, file: str) -> None:
    assert excerpt(folder, file, 1) == []
    assert excerpt(folder, str(folder.parent / "secret"), 1) == []


def test_a_large_file_has_no_excerpt(folder: Path) -> None:
    (folder / "large").write_text("x" * (2 * 1024 * 1024 + 1))
    assert excerpt(folder, "large", 1) == []


def test_a_long_line_is_cut(folder: Path) -> None:
    (folder / "long").write_text("x" * 1000)
    assert excerpt(folder, "long", 1) == [
        {"number": 1, "text": "x" * 400, "here": True, "at": None}
    ]


@pytest.mark.parametrize(("character", "at"), [(None, None), (1, 0), (3, 2), (99, 5), (0, None)])
def test_the_line_of_the_problem_has_its_place(
    folder: Path, character: int | None, at: int | None
) -> None:
    problem = Problem("error", "x", "x", "body.html", line=3, character=character)
    found = problem_document(problem, folder)["excerpt"]
    assert [one["at"] for one in found] == [None, None, at, None, None]
