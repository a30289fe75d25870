"""The syntax of a template that Jinja2 does not let us intercept -> filters that we guard.

Jinja2 compiles `a ~ b`, `text[2:5]`, `a == b` and `[a, b]` to Python that runs directly. `rewrite`
puts a filter of guarded.py around each, so that its result is counted. What is constant stays as it
is: it cannot be larger than its template.
"""

from __future__ import annotations

from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from mailmerge.rendering.guarded import (
    COMPARED,
    CONCATENATED,
    CONTAINER,
    LINE_BREAKS,
    LINES,
    SLICED,
)


def walk(tree: nodes.Node) -> list[nodes.Node]:
    """A node and all nodes in it, in their order; `find_all` calls itself for each level."""
    found: list[nodes.Node] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += [*node.iter_child_nodes()][::-1]
    return found


def rewritten(tree: nodes.Template, environment: jinja2.Environment) -> list[nodes.Node]:
    """Put filters in place of `~`, slices, comparisons, and lists that are not constant.

    Returns:
        All nodes of the template afterwards, as `walk` finds them.
    """
    found = walk(tree)
    if any(isinstance(node, _REWRITTEN) or _breaks_lines(node) for node in found):
        _Lines(environment).visit(tree)
        _Rewriter(environment).visit(tree)
        found = walk(tree)
    return found


_REWRITTEN = (
    nodes.Concat, nodes.Getitem, nodes.Compare, nodes.List, nodes.Tuple, nodes.Dict,
)  # fmt: skip


class _Lines(NodeTransformer):
    """Writes `{{ address|nl2br }}` as a loop over the lines, with `<br>` between them.

    So each line is a value of its own, and recipients whose cells have as many lines share a
    structure (structure.py). A `<br>` in a value would make the value structural.
    """

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment

    def visit_Output(self, node: nodes.Output) -> Any:  # noqa: N802 - Jinja2's naming
        if not any(map(_breaks_lines, node.nodes)):
            return node
        made: list[nodes.Node] = []
        for one in node.nodes:
            if not _breaks_lines(one):
                made.append(nodes.Output([one], lineno=node.lineno))
                continue
            assert isinstance(one, nodes.Filter)
            made.append(self._loop(one))
        for part in made:
            part.set_environment(self._environment)
        return made

    def _loop(self, node: nodes.Filter) -> nodes.For:
        line = node.lineno
        target = nodes.Tuple([nodes.Name(n, "store") for n in (_LINE, _MORE)], "store", lineno=line)
        lines = nodes.Filter(node.node, LINES, [], [], None, None, lineno=line)
        value = nodes.Output([nodes.Name(_LINE, "load", lineno=line)], lineno=line)
        text = nodes.Output([nodes.TemplateData("<br>", lineno=line)], lineno=line)
        between = nodes.If(nodes.Name(_MORE, "load", lineno=line), [text], [], [], lineno=line)
        return nodes.For(target, lines, [value, between], [], None, False, lineno=line)


_LINE = "_mailmerge_line"
_MORE = "_mailmerge_more"


def _breaks_lines(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Filter) and node.name == LINE_BREAKS and node.node is not None


class _Rewriter(NodeTransformer):
    """Replaces nodes by filters of this module."""

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment

    def _filter(self, name: str, node: nodes.Expr, *args: nodes.Expr) -> nodes.Expr:
        made = nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)
        made.set_environment(self._environment)
        return made

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802 - Jinja2's naming
        self.generic_visit(node)
        return self._filter(CONCATENATED, nodes.List(node.nodes, lineno=node.lineno))

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        part = node.arg
        bounds = [one or nodes.Const(None) for one in (part.start, part.stop, part.step)]
        return self._filter(SLICED, node.node, *bounds)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        operands = [node.expr, *(operand.expr for operand in node.ops)]
        if not any(isinstance(one, nodes.Literal) and _is_constant(one) for one in operands):
            node.expr = self._filter(COMPARED, node.expr)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return node if _is_constant(node) else self._filter(CONTAINER, node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        if node.ctx != "load" or _is_constant(node):
            return node
        return self._filter(CONTAINER, node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return node if _is_constant(node) else self._filter(CONTAINER, node)


def _is_constant(node: nodes.Expr) -> bool:
    if isinstance(node, nodes.Dict):
        return all(_is_constant(one.key) and _is_constant(one.value) for one in node.items)
    if isinstance(node, (nodes.List, nodes.Tuple)):
        return all(map(_is_constant, node.items))
    return isinstance(node, (nodes.Const, nodes.TemplateData))
