"""The error of a cell that is no number, from the filters `int` and `float` to the user."""

from __future__ import annotations

import jinja2

from mailmerge.language import tr


class NotANumber(jinja2.TemplateRuntimeError):
    """A cell that `int` or `float` gets is no number, and the template gives no other."""

    def __init__(self, value: str, column: str, filter_name: str) -> None:
        super().__init__(tr("{value!r} is no number", value=value[:60]))
        self.value = value
        self.column = column
        self.filter_name = filter_name
