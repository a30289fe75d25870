"""Jinja2 that tells outputs from constants: what a template yields can be cut where rows differ.

An output that a template yields directly is a `Cell`. One that goes through a captured text (a
macro, `{% call %}`, `{% set %}` block, `super()`) stands between two marks in that text. The mark
is a word of private-use characters, chosen anew for each renderer, that no template holds.
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

from mailmerge.rendering.environment import CampaignEnvironment, Part, writable

_ESCAPED_LATER = "_escaped_later"
_PRIVATE_USE = range(0xE000, 0xF900)
_MARK_LENGTH = 4


class Cell(str):
    """An output as it is, not yet escaped."""

    __slots__ = ()


def choose_mark() -> str:
    """A few private-use characters that cannot be guessed from outside.

    They differ from one another, so that no end of the mark is also a beginning of it.
    """
    return "".join(map(chr, secrets.SystemRandom().sample(_PRIVATE_USE, _MARK_LENGTH)))


class MarkingGenerator(CodeGenerator):
    """Writes the Python code of a template, with `cell` or `mark` around every output.

    The two methods are those by which Jinja2's own native templates differ from the others.
    """

    def _output_child_pre(
        self,
        node: nodes.Expr,  # noqa: ARG002 - the signature is Jinja2's
        frame: Frame,
        finalize: CodeGenerator._FinalizeInfo,  # noqa: ARG002
    ) -> None:
        wrapper = "cell" if frame.buffer is None else "mark"
        if self.environment.autoescape and frame.eval_ctx.volatile:
            choice = f"{wrapper} if context.eval_ctx.autoescape else environment.raw_{wrapper}"
            self.write(f"(environment.{choice})(")
        elif self.environment.autoescape and not frame.eval_ctx.autoescape:
            self.write(f"environment.raw_{wrapper}(")
        else:
            self.write(f"environment.{wrapper}(")

    def _output_child_post(
        self,
        node: nodes.Expr,  # noqa: ARG002
        frame: Frame,  # noqa: ARG002
        finalize: CodeGenerator._FinalizeInfo,  # noqa: ARG002
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
        self.filters[_ESCAPED_LATER] = _escaped_later

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        outputs = tree.find_all(nodes.Output) if self.part == "html" else ()
        for output in outputs:
            for expression in output.nodes:
                if isinstance(expression, nodes.Filter) and expression.name in ("e", "escape"):
                    expression.name = _ESCAPED_LATER
        return tree

    def cell(self, value: Any) -> str:
        """An output that is yielded: a cell, or text that holds marks already or needs none."""
        if type(value) is str:
            return Cell(value) if self.mark_character not in value else self._with_marks(value)
        if type(value) is Cell:
            return value
        if hasattr(value, "__html__") and self.part == "html":
            return _markup(value)
        return self.cell(str(writable(value)))

    def _with_marks(self, text: str) -> str:
        """Captured text that is no markup, and that is escaped where it is written."""
        return escape(text) if self.part == "html" else text

    def mark(self, value: Any) -> str:
        """An output that goes into a captured text: its escaped text between two marks."""
        piece = self.cell(value)
        return self._marked(piece) if type(piece) is Cell else piece

    def raw_cell(self, value: Any) -> str:
        """An output that is yielded where autoescape is off: part of the structure."""
        return value if type(value) is Cell else str(value)

    def raw_mark(self, value: Any) -> str:
        """An output that goes into a captured text where autoescape is off."""
        return self._marked(value) if type(value) is Cell else str(value)

    def _marked(self, cell: Cell) -> str:
        text = escape(str(cell)) if self.part == "html" else cell
        return f"{self.mark_character}{text}{self.mark_character}"

    def _joined(self, pieces: Iterable[str]) -> str:
        return "".join([self._marked(piece) if type(piece) is Cell else piece for piece in pieces])


def _escaped_later(value: Any) -> Any:
    """The filter `e` of `{{ name|e }}`: what would be escaped by itself too is a cell."""
    return value if hasattr(value, "__html__") else Cell(value)


def _markup(value: Any) -> Markup:
    if isinstance(value, TemplateModule):
        raise TemplateRuntimeError("an imported template cannot be written out; include it instead")
    return escape(value)
