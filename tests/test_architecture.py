"""The structure that docs/architecture.md describes: its files, its layers, its bounds."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

LONGEST_FUNCTION = 60
MOST_ATTRIBUTES = 12
MOST_METHODS = 20

RECORDS = frozenset({"CheckReport", "Delivery", "Provider", "Templates", "_Request"})
"""Frozen records with as many fields as the thing they describe has."""


def load_structure() -> ModuleType:
    """The benchmark that measures the structure, as a module."""
    spec = importlib.util.spec_from_file_location("structure", ROOT / "benchmarks" / "structure.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["structure"] = module
    spec.loader.exec_module(module)
    return module


structure = load_structure()
MODULES = structure.read_modules(ROOT, "mailmerge")


def test_architecture_names_existing_files() -> None:
    names = set(re.findall(r"`((?:\w+/)*\w+(?:\.py|/))`", PAGE))
    assert len(names) > 25
    missing = [
        name
        for name in names
        if not (ROOT / "mailmerge" / name).exists() and not (ROOT / name).exists()
    ]
    assert missing == ["ledger/postgresql.py"], "its place is named before it exists"


def test_architecture_names_every_package() -> None:
    folders = {path.parent.name for path in (ROOT / "mailmerge").glob("*/__init__.py")}
    assert len(folders) > 10
    assert [name for name in folders if f"`{name}/`" not in PAGE] == []


def test_architecture_has_the_layers_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [layers] = [one["layers"] for one in contracts["contracts"] if one["type"] == "layers"]
    wanted = " > ".join(layer.replace("mailmerge.", "") for layer in layers)
    found = re.search(r"^ +(cli > [^`]+?)\n\n", PAGE, re.MULTILINE)
    assert found is not None
    assert " ".join(found[1].split()) == wanted


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_functions_and_classes_stay_small(module: structure.Module) -> None:  # type: ignore[name-defined]
    for function in structure.functions_of(module.tree):
        assert structure.length_of(function) <= LONGEST_FUNCTION, function.name
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and not _is_record(node):
            assert len(structure.attributes_of(node)) <= MOST_ATTRIBUTES, node.name
            assert len(structure.methods_of(node)) <= MOST_METHODS, node.name


def _is_record(node: ast.ClassDef) -> bool:
    """Whether a class mirrors a section of campaign.toml or a row of a table."""
    return node.name in RECORDS or any(ast.unparse(base) == "Section" for base in node.bases)


def test_no_private_name_crosses_a_package() -> None:
    assert structure.private_imports(MODULES) == []


def test_median_function_is_short() -> None:
    lengths = sorted(
        structure.length_of(one)
        for module in MODULES
        for one in structure.functions_of(module.tree)
    )
    assert lengths[len(lengths) // 2] < 10
