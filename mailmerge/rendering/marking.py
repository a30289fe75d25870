"""A Jinja2 environment that tells outputs from constants, for the structure cache.

An output (`{{ ... }}`) reaches the rendered text in one of two ways:

* The template yields it directly. Then it is yielded as an `OutputValue`, a string type of its
  own.
* It goes through captured text: a macro, `{% call %}`, a `{% set %}` block, `super()`. Captured
  text is joined to one string, and a type would be lost. So the output is written between two
  sentinels.

The sentinel is a word of private-use characters (Unicode 23.5), chosen at random for each
renderer. A template or cell that holds it by chance is noticed before the run (part.py).

This module depends on parts of Jinja2 that are not its public interface: the methods
`CodeGenerator._output_child_pre` and `_output_child_post`, its type `_FinalizeInfo`, the
attribute `Environment.concat` and the method `Environment._parse`. Jinja2's own native
environment (jinja2.nativetypes) uses the first four in the same way. test_marking.py fails where
they change.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from jinja2 import BaseLoader, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateModule
from jinja2.exceptions import TemplateRuntimeError
from markupsafe import Markup, escape

from mailmerge.language import tr
from mailmerge.rendering.environment import CampaignEnvironment, Part
from mailmerge.rendering.guarded import printable
from mailmerge.rendering.rewriting import walk
from mailmerge.rendering.settings import DEFAULT_LIMITS, RenderLimits

_ESCAPE_LATER = "_escape_later"
_PRIVATE_USE = range(0xE000, 0xF900)
_SENTINEL_LENGTH = 4
_LONG_OUTPUT = 64
"""Characters of an output that is counted by itself; a turn of a loop pays for shorter ones."""


class OutputValue(str):
    """The text of an output, not yet escaped."""

    __slots__ = ()


def choose_sentinel() -> str:
    """A few private-use characters that cannot be guessed from outside.

    They differ from one another, so that no end of the sentinel is also a start of it.
    """
    return "".join(map(chr, secrets.SystemRandom().sample(_PRIVATE_USE, _SENTINEL_LENGTH)))


class _MarkingCodeGenerator(CodeGenerator):
    """Compiles a template so that every output passes through a method of the environment.

    The method is `direct` where the output is yielded, `captured` where it goes into captured text;
    `raw_direct` and `raw_captured` are for places where autoescape is off.
    """

    def _output_child_pre(
        self,
        node: nodes.Expr,  # noqa: ARG002 - the signature is Jinja2's
        frame: Frame,
        finalize: CodeGenerator._FinalizeInfo,  # noqa: ARG002
    ) -> None:
        method = "direct" if frame.buffer is None else "captured"
        if self.environment.autoescape and frame.eval_ctx.volatile:
            choice = f"{method} if context.eval_ctx.autoescape else environment.raw_{method}"
            self.write(f"(environment.{choice})(")
        elif self.environment.autoescape and not frame.eval_ctx.autoescape:
            self.write(f"environment.raw_{method}(")
        else:
            self.write(f"environment.{method}(")

    def _output_child_post(
        self,
        node: nodes.Expr,  # noqa: ARG002
        frame: Frame,  # noqa: ARG002
        finalize: CodeGenerator._FinalizeInfo,  # noqa: ARG002
    ) -> None:
        self.write(")")


class MarkingEnvironment(CampaignEnvironment):
    """An environment whose templates yield output values, and captured text with sentinels.

    No value may hold the sentinel; the caller looks for it first.
    """

    code_generator_class = _MarkingCodeGenerator

    def __init__(
        self, loader: BaseLoader, part: Part, sentinel: str, limits: RenderLimits = DEFAULT_LIMITS
    ) -> None:
        super().__init__(loader, part, limits)
        self.sentinel = sentinel
        self.filters[_ESCAPE_LATER] = _escape_later

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        found = walk(tree) if self.part == "html" else []
        for output in found:
            for expression in output.nodes if isinstance(output, nodes.Output) else ():
                if isinstance(expression, nodes.Filter) and expression.name in ("e", "escape"):
                    expression.name = _ESCAPE_LATER
        return tree

    def direct(self, value: Any) -> str:
        """An output that is yielded: an output value, or text that is marked already or markup."""
        if type(value) is str:
            if len(value) > _LONG_OUTPUT:
                self._budgets.budget.add_text(value)
            return OutputValue(value) if self.sentinel not in value else self._captured_text(value)
        if type(value) is OutputValue:
            return value
        if hasattr(value, "__html__") and self.part == "html":
            return _markup(value)
        return self.direct(str(printable(value)))

    def _captured_text(self, text: str) -> str:
        """Captured text that is no markup, and that is escaped where it is written."""
        return escape(text) if self.part == "html" else text

    def captured(self, value: Any) -> str:
        """An output that goes into captured text: its escaped text between two sentinels."""
        piece = self.direct(value)
        return self._marked(piece) if type(piece) is OutputValue else piece

    def raw_direct(self, value: Any) -> str:
        """An output that is yielded where autoescape is off: part of the structure."""
        return value if type(value) is OutputValue else self._text(value)

    def raw_captured(self, value: Any) -> str:
        """An output that goes into captured text where autoescape is off."""
        return self._marked(value) if type(value) is OutputValue else self._text(value)

    def _text(self, value: Any) -> str:
        text = str(self._finalize(value))
        self.budget.expect(len(text))
        return text

    def _marked(self, value: OutputValue) -> str:
        text = escape(str(value)) if self.part == "html" else value
        self.budget.add_text(text)
        return f"{self.sentinel}{text}{self.sentinel}"

    def _concat(self, pieces: Iterable[str]) -> str:
        return self.joined(
            [self._marked(piece) if type(piece) is OutputValue else piece for piece in pieces]
        )


def _escape_later(value: Any) -> Any:
    """The filter `e` of `{{ name|e }}`: what autoescape would escape anyway is an output value."""
    return value if hasattr(value, "__html__") else OutputValue(value)


def _markup(value: Any) -> Markup:
    if isinstance(value, TemplateModule):
        raise TemplateRuntimeError(tr("an imported template cannot be printed; include it instead"))
    return escape(value)
