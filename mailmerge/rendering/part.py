"""One body template and a row -> what it yields, cut into structure and values."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mailmerge.rendering.environment import Variables, explained, make_environment, run
from mailmerge.rendering.marking import MarkingEnvironment
from mailmerge.rendering.structure import Cut, cut, woven
from mailmerge.rendering.templates import TemplateSet, load_file


class BodyTemplate:
    """The template of one body part, with all that it includes.

    Raises:
        TemplateError: a template is missing or does not compile.
    """

    def __init__(self, folder: Path, file: str, part: Literal["html", "text"], mark: str) -> None:
        self._file = file
        self._mark = mark
        self._escaped = part == "html"
        self.templates: TemplateSet = load_file(MarkingEnvironment(folder, part, mark), file)
        self._plain = load_file(make_environment(folder, part), file)
        self._marks_disturb = not self.templates.captures_are_plain
        self._mark_in_source = any(mark in source for source in self.templates.sources.values())

    @property
    def variables(self) -> frozenset[str]:
        """The names that the templates use and do not define."""
        return self.templates.variables

    def run(self, variables: Variables) -> Cut:
        """Run the template for one person.

        Raises:
            TemplateError: it fails on this row; with template, line, variable and row.
        """
        try:
            return self._checked(variables)
        except Exception as error:
            raise explained(error, variables.place(self._file)) from error

    def _checked(self, variables: Variables) -> Cut:
        if self._mark_in_source or self._mark in variables.joined:
            return _uncut(self._plainly(variables))
        if self._marks_disturb:
            return self._compared(self._plainly(variables), variables)
        return self._cut(variables)

    def _cut(self, variables: Variables) -> Cut:
        return cut(run(self.templates.main, variables), self._mark, escaped=self._escaped)

    def _plainly(self, variables: Variables) -> str:
        """What the template makes without marks."""
        return "".join(run(self._plain.main, variables))

    def _compared(self, text: str, variables: Variables) -> Cut:
        """The cut, where a run with marks gives the same text as the one without them."""
        try:
            found = self._cut(variables)
        except Exception:  # noqa: BLE001 - the marks may have misled it in any way
            return _uncut(text)
        written = woven(found.key, self._mark, found.written(escaped=self._escaped))
        return found if written == text else _uncut(text)


def _uncut(text: str) -> Cut:
    return Cut((text,), ())
