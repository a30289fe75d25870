"""A problem of a row -> the same, with the recipient as the user knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mailmerge.errors import Problem
from mailmerge.recipients.audience import Recipient

_NAMES = (
    "name",
    "full name",
    "fullname",
    "display name",
    "company",
    "firma",
    "organisation",
    "nombre",
    "nom",
    "nome",
    "\u59d3\u540d",
    "\u540d\u5b57",
    "\u540d\u524d",
    "\u6c0f\u540d",
)
_FIRST = ("first name", "firstname", "vorname", "given name", "prenom", "pr\u00e9nom")
_LAST = ("last name", "lastname", "surname", "nachname", "family name", "name", "nom")
_LONGEST = 40


def about(problem: Problem, recipient: Recipient, sheet: str) -> Problem:
    """The problem with the name and the address of its recipient; unchanged if it has no row."""
    if problem.row is None or all(problem.row != row.number for row in recipient.all_rows):
        return problem
    name = recipient.mailbox.display_name or name_in(recipient.cells)
    address = recipient.mailbox.address
    known = address in problem.message or (problem.file == sheet and problem.column and not name)
    who = ", ".join(filter(None, (name, "" if known else address)))
    return replace(problem, recipient=who, sheet=sheet)


def about_row(problem: Problem, cells: Mapping[str, str] | None, sheet: str) -> Problem:
    """The problem of a row without a usable address, with the name in its cells, if it has one."""
    name = "" if problem.row is None or not cells else name_in(cells)
    return replace(problem, recipient=name, sheet=sheet) if name else problem


def name_in(cells: Mapping[str, str]) -> str:
    """The name of a recipient by the usual names of columns; "" if there is none."""
    folded = {
        column.casefold().replace("_", " ").replace("-", " "): text
        for column, text in cells.items()
    }
    first = _first_of(folded, _FIRST)
    name = f"{first} {_first_of(folded, _LAST)}" if first else _first_of(folded, _NAMES)
    return " ".join(name.split())[:_LONGEST]


def _first_of(cells: Mapping[str, str], columns: tuple[str, ...]) -> str:
    return next((cells[column] for column in columns if cells.get(column, "").strip()), "")
