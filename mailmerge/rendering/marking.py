"""Jinja2 that tells outputs from constants: what a template yields can be cut where rows differ.

An output that a template yields directly is a `Cell`. One that goes through a captured text (a
macro, `{% call %}`, `{% set %}` block, `super()`) stands between two marks in that text. The mark
is a private-use character that is chosen anew for each renderer, and that no template holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.exceptions import TemplateRuntimeError
from markupsafe import Markup, escape

from mailmerge.rendering.environment import CampaignEnvironment, Part

_PRIVATE_USE = range(0xE000, 0xF900)


class Cell(str):
    """An output as it is, not yet escaped."""

    __slots__ = ()


def choose_mark() -> str:
    """A private-use character that cannot be guessed from outside."""
    return chr(_PRIVATE_USE[secrets.randbelow(len(_PRIVATE_USE))])


class MarkingGenerator(CodeGenerator):
    """Writes the Python code of a template, with `cell` or `mark` around every output."""

    def _output_child_pre(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        wrapper = "environment.cell" if frame.buffer is None else "environment.mark"
        if self.environment.autoescape and frame.eval_ctx.volatile:
            wrapper = f"({wrapper} if context.eval_ctx.autoescape else str)"
        elif self.environment.autoescape and not frame.eval_ctx.autoescape:
            wrapper = "str"
        self.write(wrapper + "(")

    def _output_child_post(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> None:
        self.write(")")


class MarkingEnvironment(CampaignEnvironment):
    """A campaign's environment whose templates yield cells, and marked text.

    No cell may hold the mark; who renders looks for it first.
    """

    code_generator_class = MarkingGenerator

    def __init__(self, folder: Path, part: Part, mark: str) -> None:
        super().__init__(folder, part)
        self.mark_character = mark
        self.concat = self._joined  # type: ignore[method-assign]  # Jinja2 declares the type of str.join
        if part == "html":
            self.filters["e"] = self.filters["escape"] = _escaped_later

    def cell(self, value: Any) -> str:
        """An output that is yielded: a cell, or text that holds marks already or needs none."""
        if type(value) is str:
            return value if self.mark_character in value else Cell(value)
        if type(value) is Cell:
            return value
        if hasattr(value, "__html__") and self.part == "html":
            return _markup(value)
        return self.cell(str(value))

    def mark(self, value: Any) -> str:
        """An output that goes into a captured text: its escaped text between two marks."""
        piece = self.cell(value)
        return self._marked(piece) if type(piece) is Cell else piece

    def _marked(self, cell: Cell) -> str:
        text = escape(str(cell)) if self.part == "html" else cell
        return f"{self.mark_character}{text}{self.mark_character}"

    def _joined(self, pieces: Iterable[str]) -> str:
        return "".join([self._marked(piece) if type(piece) is Cell else piece for piece in pieces])


def _escaped_later(value: Any) -> Any:
    """The filter `e`: what is escaped by itself anyway stays a cell."""
    return value if hasattr(value, "__html__") else Cell(value)


def _markup(value: Any) -> Markup:
    if isinstance(value, TemplateModule):
        raise TemplateRuntimeError("an imported template cannot be written out; include it instead")
    return Markup(value)
