"""The templates of one part -> compiled, with everything that they include.

This module finds all that is known without a row: syntax errors, missing includes, the names of the
variables, and whether sentinels would change how captured text is used (marking.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import jinja2
from jinja2 import meta, nodes

from mailmerge.paths import RefusedPath
from mailmerge.rendering.cache import BoundedCache
from mailmerge.rendering.environment import CampaignEnvironment
from mailmerge.rendering.file_kinds import NotATemplate
from mailmerge.rendering.rewriting import walk
from mailmerge.rendering.template_errors import ErrorLocation, compile_template

_N = TypeVar("_N", bound=nodes.Node)

_BUILT_IN_VARIABLES = frozenset(("row", "campaign", "loop", "self", "super", "caller"))
_BUILT_IN_FUNCTIONS = frozenset(("range", "dict", "cycler", "joiner", "namespace", "bucket"))


@dataclass(slots=True)
class TemplateSet:
    """A template and everything it includes, extends or imports by a fixed name.

    Attributes:
        main: the compiled template.
        sources: the template texts by name.
        variables: the names that the templates use and do not define themselves. It contains `row`
            if any column may be read, and `campaign` if the name of the campaign may be.
        captures_are_plain: whether captured text is only printed, never inspected; see marking.py.
    """

    main: jinja2.Template
    sources: dict[str, str] = field(default_factory=dict)
    variables: frozenset[str] = frozenset()
    captures_are_plain: bool = True

    def find(self, text: str) -> tuple[str, int | None]:
        """The first template and line that contain a text; the main template if none does."""
        for name, source in self.sources.items():
            before, found, _ = source.partition(text)
            if found:
                return name, before.count("\n") + 1
        return self.main.name or "", None


@dataclass(frozen=True)
class _Parsed:
    """A template that was parsed; all questions about it read its nodes, found in one walk."""

    tree: nodes.Template

    @cached_property
    def _nodes(self) -> list[nodes.Node]:
        return walk(self.tree)

    def find(self, *kinds: type[_N]) -> list[_N]:
        """The nodes of some kinds, in their order."""
        return [node for node in self._nodes if isinstance(node, kinds)]


@dataclass(frozen=True, slots=True)
class _Reference:
    """The fixed names of one `{% include %}` and its kind, and whether all may be missing."""

    names: tuple[str, ...]
    line: int
    may_be_missing: bool


_REFERENCES_OF: BoundedCache[str, tuple[_Reference, ...]] = BoundedCache(32)
"""By the text of a template: many rules of the check ask which templates the bodies include."""


def load_file(environment: CampaignEnvironment, name: str) -> TemplateSet:
    """Compile the template `name` and everything it refers to.

    Raises:
        TemplateError: a file is missing, or does not compile; with file and line.
    """
    normal = name.replace("\\", "/")
    found = TemplateSet(compile_file(environment, name))
    parsed: dict[str, _Parsed] = {}
    _collect(environment, normal, found.sources, parsed)
    found.variables = _variables(list(parsed.values()))
    found.captures_are_plain = _captures_are_plain(list(parsed.values()))
    return found


def compile_file(environment: CampaignEnvironment, name: str) -> jinja2.Template:
    """Compile the template `name` alone; what it refers to is compiled when it is run.

    Raises:
        TemplateError: the file is missing, or does not compile; with file and line.
    """
    normal = name.replace("\\", "/")
    return compile_template(lambda: environment.get_template(normal), ErrorLocation(name))


def read_sources(environment: CampaignEnvironment, name: str) -> dict[str, str]:
    """The texts of the template `name` and of everything it refers to, by name.

    They are parsed and not compiled, which takes most of the time.

    Raises:
        TemplateError: a file is missing, or is no template; with file and line.
    """
    sources: dict[str, str] = {}
    _read(environment, name.replace("\\", "/"), sources)
    return sources


def _read(environment: CampaignEnvironment, name: str, sources: dict[str, str]) -> None:
    source = sources[name] = _source(environment, name)
    references = _REFERENCES_OF.get(
        source, lambda: tuple(_references(_parse(environment, name, source)))
    )
    for other in _referenced(environment, references, name):
        if other not in sources:
            _read(environment, other, sources)


def load_line(
    environment: CampaignEnvironment, source: str, location: ErrorLocation
) -> TemplateSet:
    """Compile a one-line template, such as that of a header field.

    Raises:
        TemplateError: it, or a file that it includes, does not compile.
    """
    main = compile_template(lambda: environment.from_string(source), location)
    parsed = {"": _Parsed(environment.tree_of(source, ""))}
    sources: dict[str, str] = {}
    _follow(environment, location.file, parsed[""], sources, parsed)
    return TemplateSet(main, sources, _variables(list(parsed.values())))


def _collect(
    environment: CampaignEnvironment,
    name: str,
    sources: dict[str, str],
    parsed: dict[str, _Parsed],
) -> None:
    # The file may have changed since it was compiled, a moment ago.
    sources[name] = _source(environment, name)
    parsed[name] = _parse(environment, name, sources[name])
    _REFERENCES_OF.get(sources[name], lambda: tuple(_references(parsed[name])))
    _follow(environment, name, parsed[name], sources, parsed)


def _follow(
    environment: CampaignEnvironment,
    name: str,
    template: _Parsed,
    sources: dict[str, str],
    parsed: dict[str, _Parsed],
) -> None:
    for other in _referenced(environment, _references(template), name):
        compile_file(environment, other)
        if other not in parsed:
            _collect(environment, other, sources, parsed)


def _source(environment: CampaignEnvironment, name: str) -> str:
    assert environment.loader is not None
    loader = environment.loader
    return compile_template(lambda: loader.get_source(environment, name)[0], ErrorLocation(name))


def _parse(environment: CampaignEnvironment, name: str, source: str) -> _Parsed:
    return _Parsed(compile_template(lambda: environment.tree_of(source, name), ErrorLocation(name)))


def _referenced(
    environment: CampaignEnvironment, references: Iterable[_Reference], name: str
) -> Iterator[str]:
    """The templates that a template refers to; `name` is where a missing one is reported."""
    for one in references:
        try:
            there = [other for other in one.names if _exists(environment, other)]
        except RefusedPath as error:
            raise ErrorLocation(name).refused(error, one.line) from error
        if not there and not one.may_be_missing:
            raise ErrorLocation(name).missing(", ".join(one.names), one.line)
        yield from there[:1]


_REFERENCES = (nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)


def _references(template: _Parsed) -> Iterator[_Reference]:
    """The references that have fixed names."""
    for node in template.find(*_REFERENCES):
        assert isinstance(node, _REFERENCES)
        may_be_missing = isinstance(node, nodes.Include) and node.ignore_missing
        names = _fixed_names(node.template)
        if names:
            yield _Reference(tuple(names), node.lineno, may_be_missing)


def _fixed_names(expression: nodes.Expr) -> list[str]:
    if isinstance(expression, nodes.Const) and isinstance(expression.value, str):
        return [expression.value]
    if isinstance(expression, (nodes.List, nodes.Tuple)):
        names = [_fixed_names(item) for item in expression.items]
        return [name for fixed in names for name in fixed] if all(names) else []
    return []


def _exists(environment: CampaignEnvironment, name: str) -> bool:
    assert environment.loader is not None
    try:
        environment.loader.get_source(environment, name)
    except jinja2.TemplateNotFound:
        return False
    except (UnicodeDecodeError, NotATemplate):
        return True
    return True


def _variables(trees: list[_Parsed]) -> frozenset[str]:
    used: set[str] = set()
    for index, tree in enumerate(trees):
        free = meta.find_undeclared_variables(tree.tree)
        # A name that one template defines for another is not a column.
        used |= free - (_bound_at_top(tree) if index == 0 else _defined(trees))
        used.update(_columns_of_row(tree))
    columns = used - _BUILT_IN_VARIABLES - _BUILT_IN_FUNCTIONS
    if any(map(_uses_whole_row, trees)):
        columns.add("row")
    if any(map(_may_use_campaign, trees)):
        columns.add("campaign")
    return frozenset(columns)


def _bound_at_top(tree: _Parsed) -> set[str]:
    """Names that a template binds outside of its blocks: its blocks see them, too."""
    names: set[str] = set()
    for node in tree.tree.body:
        if isinstance(node, nodes.Macro):
            names.add(node.name)
        elif isinstance(node, nodes.Import):
            names.add(node.target)
        elif isinstance(node, nodes.FromImport):
            names |= {pair[1] if isinstance(pair, tuple) else pair for pair in node.names}
        elif isinstance(node, nodes.Assign | nodes.AssignBlock):
            names |= {name.name for name in node.target.find_all(nodes.Name)} | _name_of(
                node.target
            )
    return names


def _name_of(target: nodes.Node) -> set[str]:
    return {target.name} if isinstance(target, nodes.Name) else set()


def _defined(trees: list[_Parsed]) -> set[str]:
    names = {
        name.name
        for tree in trees
        for name in tree.find(nodes.Name)
        if name.ctx in ("store", "param")
    }
    return names | _captured_names(trees)


def _columns_of_row(tree: _Parsed) -> list[str]:
    """The columns named as `row["..."]` or `row....`, once for each time."""
    columns = []
    for item in tree.find(nodes.Getitem, nodes.Getattr):
        assert isinstance(item, (nodes.Getitem, nodes.Getattr))
        if isinstance(item.node, nodes.Name) and item.node.name == "row":
            key = item.attr if isinstance(item, nodes.Getattr) else item.arg
            name = key.value if isinstance(key, nodes.Const) else key
            if isinstance(name, str):
                columns.append(name)
    return columns


def _uses_whole_row(tree: _Parsed) -> bool:
    """Whether `row` is used somewhere without a fixed column: then any column may be read."""
    rows = [name for name in tree.find(nodes.Name) if name.name == "row" and name.ctx == "load"]
    return len(rows) > len(_columns_of_row(tree))


def _may_use_campaign(tree: _Parsed) -> bool:
    """Whether `campaign` is used, or may be by a template that an expression names."""
    return _names_by_expression(tree) or any(
        name.name == "campaign" for name in tree.find(nodes.Name)
    )


def _captured_names(trees: list[_Parsed]) -> set[str]:
    """Names that may hold captured text, or a function that returns it."""
    names = set(_MAKES_CAPTURES)
    for tree in trees:
        names |= {macro.name for macro in tree.find(nodes.Macro)}
        names |= {module.target for module in tree.find(nodes.Import)}
        for imported in tree.find(nodes.FromImport):
            names |= {pair[1] if isinstance(pair, tuple) else pair for pair in imported.names}
        for block in tree.find(nodes.AssignBlock):
            names |= {name.name for name in block.find_all(nodes.Name) if name.ctx == "store"}
    return names


_CHANGED_BY_SENTINELS = (nodes.FilterBlock, nodes.NSRef, nodes.ScopedEvalContextModifier)
_MAKES_CAPTURES = frozenset(("caller", "super", "self", "kwargs", "varargs"))


def _captures_are_plain(trees: list[_Parsed]) -> bool:
    """Whether captured text is only printed: never filtered, compared or passed on.

    Then sentinels in captured text cannot change what a template does. The answer is no if an
    expression names a template, because that template is not known.
    """
    captured = _captured_names(trees)
    makers = _MAKES_CAPTURES | {
        module.target for tree in trees for module in tree.find(nodes.Import)
    }
    for tree in trees:
        if tree.find(*_CHANGED_BY_SENTINELS):
            return False
        if _names_by_expression(tree):
            return False
        if any(block.filter is not None for block in tree.find(nodes.AssignBlock)):
            return False
        written = set(_written_out(tree, makers))
        loaded = [name for name in tree.find(nodes.Name) if name.ctx == "load"]
        read = [name for name in loaded if name.name in captured] + _recursions(tree)
        if any(id(name) not in written for name in read):
            return False
    return True


def _names_by_expression(tree: _Parsed) -> bool:
    """Whether an expression, and not a fixed name, says which template is included."""
    return len(tree.find(*_REFERENCES)) > len(list(_references(tree)))


def _recursions(tree: _Parsed) -> list[nodes.Name]:
    """Each `loop` without an attribute: `loop(children)` returns captured text as a macro does."""
    asked = {id(item.node) for item in tree.find(nodes.Getattr)}
    names = tree.find(nodes.Name)
    return [name for name in names if name.name == "loop" and id(name) not in asked]


def _written_out(tree: _Parsed, makers: frozenset[str]) -> Iterator[int]:
    """The ids of names that are written out, or called for it: `{{ x }}`, `{{ m.button() }}`."""
    for output in tree.find(nodes.Output):
        for expression in output.nodes:
            yield from _head(expression, makers)
    for block in tree.find(nodes.CallBlock):
        yield from _head(block.call, makers)


def _head(expression: nodes.Node, makers: frozenset[str]) -> Iterator[int]:
    """The name in `name`, `name()` and `maker.name()`; nothing for any other expression."""
    called = expression.node if isinstance(expression, nodes.Call) else expression
    if isinstance(called, nodes.Getattr | nodes.Getitem) and called is not expression:
        called = called.node
        if not (isinstance(called, nodes.Name) and called.name in makers):
            return
    if isinstance(called, nodes.Name):
        yield id(called)
