"""Print the figures that say how easy the code is to enter: sizes, unused names, gaps in the tests.

    python benchmarks/structure.py [ROOT] [--only WORD]    # all lines with that word, uncut

Everything is read from the source text with `ast`; nothing of the project is imported or run.
"""

from __future__ import annotations

import argparse
import ast
import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LONG_FUNCTION = 50
SHOWN = 12

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: its dotted name, its path from the root, and its syntax tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def package(self) -> str:
        """The first two parts of the name: `mailmerge.smtp`, or `mailmerge` at the top level."""
        parts = self.name.split(".")
        return ".".join(parts[:2]) if len(parts) > 2 or self.is_package else parts[0]

    @property
    def is_package(self) -> bool:
        """Whether the file is the `__init__.py` of a package."""
        return self.path.name == "__init__.py"


def read_modules(root: Path, folder: str) -> list[Module]:
    """Every Python file under `folder`, parsed."""
    modules = []
    for path in sorted((root / folder).rglob("*.py")):
        relative = path.relative_to(root)
        parts = relative.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        modules.append(Module(name, relative, ast.parse(path.read_text(encoding="utf-8"))))
    return modules


def functions_of(tree: ast.AST) -> Iterator[Function]:
    """Every function and method."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length_of(node: Function) -> int:
    """Lines of the body, docstring included; options of a command stand in its signature."""
    return (node.end_lineno or node.lineno) - node.body[0].lineno + 1


def attributes_of(node: ast.ClassDef) -> set[str]:
    """Names that the class declares as fields, and those that its methods set on `self`."""
    declared = {
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and "ClassVar" not in ast.unparse(item.annotation)
    }
    stored = {
        inner.attr
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute)
        and isinstance(inner.ctx, ast.Store)
        and isinstance(inner.value, ast.Name)
        and inner.value.id == "self"
    }
    return declared | stored


def methods_of(node: ast.ClassDef) -> list[Function]:
    """The functions in the body of a class."""
    return [item for item in node.body if isinstance(item, Function)]


def top_level_names(module: Module) -> Iterator[str]:
    """The public names that a module defines: functions, classes and constants."""
    for node in module.tree.body:
        if isinstance(node, Function | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            names = []
        yield from (name for name in names if not name.startswith("_"))


def imported_names(modules: list[Module]) -> set[tuple[str, str]]:
    """Pairs of module and name that some other module imports, or reads from an imported module."""
    pairs = set()
    for module in modules:
        aliases: dict[str, str] = {}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    pairs.add((node.module, alias.name))
                    aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            elif isinstance(node, ast.Import):
                aliases.update({item.asname or item.name: item.name for item in node.names})
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                pairs.add((aliases.get(node.value.id, ""), node.attr))
    return pairs


def unused_names(modules: list[Module]) -> list[str]:
    """Public names that no other module of the package imports: they should begin with `_`."""
    used = imported_names(modules)
    return [
        f"{module.name}.{name}"
        for module in modules
        if not module.is_package
        and not any(part.startswith("_") for part in module.name.split("."))
        for name in top_level_names(module)
        if (module.name, name) not in used
    ]


def untested_modules(modules: list[Module], root: Path) -> list[str]:
    """Modules without a test module of their own: tests/PACKAGE/test_MODULE.py."""
    missing = []
    for module in modules:
        if module.is_package or module.path.stem == "__main__":
            continue
        inside = Path(*module.path.parts[1:])
        test = root / "tests" / inside.parent / f"test_{inside.stem.lstrip('_')}.py"
        if not test.exists():
            missing.append(module.name)
    return missing


def private_imports(modules: list[Module]) -> list[str]:
    """Imports of a name or module that begins with `_` from another package."""
    return [
        f"{module.name} imports {node.module}.{alias.name}"
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mailmerge.")
        for alias in node.names
        if _is_private(f"{node.module}.{alias.name}")
        and not module.name.startswith(".".join((node.module or "").split(".")[:2]))
    ]


def _is_private(dotted: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in dotted.split("."))


def patched_privates(tests: list[Module]) -> list[str]:
    """Private names that tests replace or read on something that is not their own `self`."""
    found = []
    for module in tests:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and _is_private(node.attr) and node.attr != "_exit":
                if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}):
                    found.append(f"{module.path}:{node.lineno} {ast.unparse(node)}")
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mailmerge"):
                found += [
                    f"{module.path}:{node.lineno} {alias.name}"
                    for alias in node.names
                    if _is_private(alias.name)
                ]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("setattr"):
                found += [
                    f"{module.path}:{node.lineno} {argument.value}"
                    for argument in node.args
                    if isinstance(argument, ast.Constant)
                    and isinstance(argument.value, str)
                    and _is_private(argument.value)
                ]
    return found


def _show(title: str, found: list[str], only: str) -> None:
    shown = [line for line in found if only in line] if only else found[:SHOWN]
    print(f"{title}: {len(found)}")
    for line in shown:
        print(f"    {line}")
    if not only and len(found) > SHOWN:
        print(f"    ... and {len(found) - SHOWN} more")


def main() -> None:
    """Print every figure for the checkout at ROOT, the current folder by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("root", nargs="?", type=Path, default=Path())
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    root, only = arguments.root.resolve(), arguments.only
    modules, tests = read_modules(root, "mailmerge"), read_modules(root, "tests")
    functions = [(module, one) for module in modules for one in functions_of(module.tree)]
    classes = [
        (module, node)
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    ]
    lengths = [length_of(one) for _, one in functions]
    print(f"modules: {len(modules)}, classes: {len(classes)}, functions: {len(functions)}")
    print(f"function length: median {statistics.median(lengths):g}, longest {max(lengths)}")
    _show(
        f"functions over {LONG_FUNCTION} lines",
        [
            f"{length_of(one)} {module.name}.{one.name}"
            for module, one in functions
            if length_of(one) > LONG_FUNCTION
        ],
        only,
    )
    sizes = [
        (len(attributes_of(node)), len(methods_of(node)), f"{module.name}.{node.name}")
        for module, node in classes
    ]
    _show(
        "classes with over 12 attributes or over 20 methods",
        [
            f"{attributes} attributes, {methods} methods: {name}"
            for attributes, methods, name in sorted(sizes, reverse=True)
            if attributes > 12 or methods > 20
        ],
        only,
    )
    doubled = Counter(node.name for _, node in classes)
    _show("class names that stand for two things", [n for n, c in doubled.items() if c > 1], only)
    _show("public names that no other module imports", unused_names(modules), only)
    _show("modules without a test module of their own", untested_modules(modules, root), only)
    _show("private names touched by tests", patched_privates(tests), only)
    _show("private imports across packages", private_imports(modules), only)


if __name__ == "__main__":
    main()
