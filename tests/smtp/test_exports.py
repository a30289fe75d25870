"""The public names of the library, and what it imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from mailmerge import smtp

FOLDER = Path(smtp.__file__).parent
OWN = ("mailmerge.smtp", "mailmerge.octets")


def imports_of(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module, "imports name their module"
            modules.add(node.module)
    return modules


def test_the_library_imports_only_the_standard_library() -> None:
    paths = [*FOLDER.glob("*.py"), FOLDER.parent / "octets.py"]
    assert len(paths) > 15
    for path in paths:
        for module in imports_of(path):
            standard = module.partition(".")[0] in sys.stdlib_module_names
            assert standard or module.startswith(OWN), f"{path.name} imports {module}"


def test_every_public_name_exists_and_has_a_docstring() -> None:
    assert 15 <= len(smtp.__all__) <= 20
    for name in smtp.__all__:
        assert name.isupper() or getattr(smtp, name).__doc__, name


def test_importing_the_library_loads_nothing_heavy() -> None:
    program = (
        "import sys; old = {*sys.modules}; import mailmerge.smtp; print(*{*sys.modules} - old)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    loaded = set(shown.stdout.split())
    assert "mailmerge.smtp.client" in loaded
    heavy = {"asyncio", "pandas", "pydantic", "sqlalchemy", "tomllib", "mailmerge.providers"}
    assert not heavy & loaded
