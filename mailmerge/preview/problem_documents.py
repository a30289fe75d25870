"""A problem as JSON, with the lines of the campaign's file around it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mailmerge.errors import Problem
from mailmerge.preflight.report import problem_to_json

_CONTEXT = 2
"""Lines shown before and after the line of the problem."""

_LONGEST_LINE = 400
_BEFORE_MARK = 40
"""The characters before a mark that lies far behind the beginning of its line."""

_LARGEST_FILE = 2 * 1024 * 1024


def problem_document(problem: Problem, folder: Path) -> dict[str, Any]:
    """The fields of a problem, and `excerpt`: the lines around it if it names a line of a file.

    The line of the problem has `at`, the place in it from 0, if that is known.
    """
    return {**problem_to_json(problem), "excerpt": _excerpt(folder, problem)}


def _excerpt(folder: Path, problem: Problem) -> list[dict[str, Any]]:
    file, line = problem.file, problem.line
    path = (folder / file).resolve()
    if line is None or not file or not path.is_relative_to(folder.resolve()):
        return []
    try:
        if path.stat().st_size > _LARGEST_FILE:
            return []
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    first, last = max(0, line - 1 - _CONTEXT), min(len(lines), line + _CONTEXT)
    return [
        {
            "number": at + 1,
            **_shown(lines[at], problem.character if at + 1 == line else None),
            "here": at + 1 == line,
        }
        for at in range(first, last)
    ]


def _shown(text: str, character: int | None) -> dict[str, Any]:
    """The shown part of a line, and the place of a mark in it; None where there is none.

    Whole pages are written in one line, so the part is the one around the mark.
    """
    if character is None or character < 1:
        return {"text": text[:_LONGEST_LINE], "at": None}
    at = min(character - 1, len(text))
    if at < _BEFORE_MARK * 2:
        return {"text": text[:_LONGEST_LINE], "at": at}
    start = at - _BEFORE_MARK
    return {"text": f"…{text[start : start + _LONGEST_LINE]}", "at": _BEFORE_MARK + 1}
