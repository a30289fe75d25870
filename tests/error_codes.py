"""Which error codes the source can produce, read from its syntax: nothing is imported or run.

A code comes into being in one of these ways:

* `code="..."` in a call, a literal or a choice between literals;
* `default_code = "..."` of an error class;
* a positional argument of a class with a field `code: str`, such as `Problem`, or of a function
  with a parameter `code: str`; the function may put a prefix before it: `code=f"asset-{code}"`;
* the same through `functools.partial`;
* a local variable `code`, unpacked from a tuple of literals, or from what a function of the same
  module returns.

A code that is handed on (`code=error.problem.code`, or a function's own parameter) is no new one.
Anything else is listed as unclear, so that no code escapes the comparison with docs/errors.md.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "mailmerge"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class _Maker:
    """Something that is called with a code: the position of the argument, what is put before it."""

    position: int | None
    prefix: str = ""


@dataclass
class Codes:
    """What was found: each code with the places that make it, and the places that are unclear."""

    places: dict[str, list[str]] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)


def find_codes(package: Path = PACKAGE) -> Codes:
    """Read every module of the package."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")}
    shared = {
        node.name: maker
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and (maker := _class_maker(node))
    }
    found = Codes()
    for path, tree in sorted(trees.items()):
        _read_module(tree, str(path.relative_to(package.parent)), shared, found)
    return found


@dataclass(frozen=True)
class _Module:
    """A module's name, the makers that it can call, and what its functions return."""

    name: str
    makers: dict[str, _Maker]
    returned: dict[str, list[ast.expr | None]]
    found: Codes


def _read_module(tree: ast.Module, name: str, shared: dict[str, _Maker], found: Codes) -> None:
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    makers = dict(shared)
    for one in functions:
        if maker := _function_maker(one):
            makers[one.name] = maker
    makers |= dict(_partials(tree, makers))
    returned = {
        one.name: [part.value for part in ast.walk(one) if isinstance(part, ast.Return)]
        for one in functions
    }
    module = _Module(name, makers, returned, found)
    for node, function in _with_function(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if _name(target) == "default_code":
                _note(node.value, "", function, module)
        if isinstance(node, ast.Call):
            called = makers.get(_name(node.func), _Maker(None))
            argument = _code_argument(node, called)
            if argument is not None:
                _note(argument, called.prefix, function, module)


def _class_maker(node: ast.ClassDef) -> _Maker | None:
    fields = [
        statement
        for statement in node.body
        if isinstance(statement, ast.AnnAssign) and _name(statement.annotation) != "ClassVar"
    ]
    for position, statement in enumerate(fields):
        if _name(statement.target) == "code" and _name(statement.annotation) == "str":
            return _Maker(position)
    return None


def _function_maker(node: Function) -> _Maker | None:
    arguments = [one for one in node.args.args if one.arg not in {"self", "cls"}]
    for position, argument in enumerate([*arguments, *node.args.kwonlyargs]):
        if argument.arg == "code" and _name(argument.annotation) == "str":
            prefixes = [
                _prefix(one.value)
                for one in ast.walk(node)
                if isinstance(one, ast.keyword) and one.arg == "code"
            ]
            here = position if position < len(arguments) else None
            return _Maker(here, next(filter(None, prefixes), ""))
    return None


def _partials(tree: ast.Module, makers: dict[str, _Maker]) -> Iterator[tuple[str, _Maker]]:
    """`wrong = partial(Problem, "error", file=...)`."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        call = node.value
        if _name(call.func) == "partial" and call.args and _name(call.args[0]) in makers:
            maker = makers[_name(call.args[0])]
            if maker.position is not None:
                position = maker.position - len(call.args) + 1
                yield _name(node.targets[0]), _Maker(position, maker.prefix)


def _with_function(
    node: ast.AST, function: Function | None = None
) -> Iterator[tuple[ast.AST, Function | None]]:
    """Every node with the function that it stands in."""
    for child in ast.iter_child_nodes(node):
        yield child, function
        yield from _with_function(child, child if isinstance(child, Function) else function)


def _code_argument(call: ast.Call, maker: _Maker) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == "code":
            return keyword.value
    if maker.position is not None and len(call.args) > maker.position >= 0:
        return call.args[maker.position]
    return None


def _note(value: ast.expr, prefix: str, function: Function | None, module: _Module) -> None:
    place = f"{module.name}:{value.lineno}"
    if isinstance(value, ast.IfExp):
        _note(value.body, prefix, function, module)
        _note(value.orelse, prefix, function, module)
    elif isinstance(value, ast.Constant):
        if isinstance(value.value, str) and value.value:
            module.found.places.setdefault(prefix + value.value, []).append(place)
    elif _handed_on(value, function):
        return
    elif _name(value) == "code" and function is not None:
        for one in _assigned(function, module):
            _note(one, prefix, None, module)
    else:
        module.found.unclear.append(f"{place}: {ast.unparse(value)}")


def _handed_on(value: ast.expr, function: Function | None) -> bool:
    """Whether this code was made elsewhere: it is an error's own, or the function's parameter."""
    if isinstance(value, ast.Attribute):
        return value.attr == "code"
    if isinstance(value, ast.BoolOp):
        return True  # `code or self.default_code`
    arguments = [*function.args.args, *function.args.kwonlyargs] if function is not None else []
    is_parameter = any(one.arg == "code" for one in arguments)
    return is_parameter and (_name(value) == "code" or bool(_prefix(value)))


def _assigned(function: Function, module: _Module) -> Iterator[ast.expr]:
    """What is assigned to the variable `code` of a function, alone or as one of several."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        if _name(target) == "code":
            yield value
        names = [_name(one) for one in target.elts] if isinstance(target, ast.Tuple) else []
        if "code" not in names:
            continue
        called = _name(value.func) if isinstance(value, ast.Call) else ""
        for one in module.returned.get(called, [value]):
            yield one.elts[names.index("code")] if isinstance(one, ast.Tuple) else value


def _prefix(value: ast.expr) -> str:
    """The text before the parameter in `f"asset-{code}"`; empty for anything else."""
    if not (isinstance(value, ast.JoinedStr) and len(value.values) == 2):
        return ""
    before, parameter = value.values
    of_code = isinstance(parameter, ast.FormattedValue) and _name(parameter.value) == "code"
    return str(before.value) if of_code and isinstance(before, ast.Constant) else ""


def _name(node: ast.AST | None) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else ""
