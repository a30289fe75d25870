"""The package declares exactly the libraries that its modules import."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [*project["dependencies"]]
    for extra in extras:
        listed += project["optional-dependencies"][extra]
    return {normal(re.split(r"[<>=!~\[; ]", line)[0]) for line in listed}


def imported() -> set[str]:
    """The distributions of all third-party modules that the package imports, anywhere."""
    names = set()
    for path in (ROOT / "mailmerge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.partition(".")[0])
    owners = packages_distributions()
    third_party = names - set(sys.stdlib_module_names) - {"mailmerge"}
    return {normal(owners[name][0]) for name in third_party}


def test_every_import_is_declared() -> None:
    assert imported() - declared("parquet") == set()


def test_every_declared_library_is_imported() -> None:
    assert declared("parquet") - imported() == set()


def test_every_declared_library_has_an_exact_version_for_the_tests() -> None:
    pinned = {
        normal(line.partition("==")[0])
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }
    assert declared("parquet", "test") - pinned == set()
