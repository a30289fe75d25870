"""README.md of this folder lists each fault that has a test module, and no other."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent


def listed() -> list[str]:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^\| ([BW]\d+) \|", text, re.MULTILINE)


def with_a_module() -> set[str]:
    """The faults with a module `test_<fault>_<words>.py`."""
    names = (path.name for path in FOLDER.glob("test_*.py"))
    found = (re.match(r"test_([bw]\d+)_\w+\.py$", name) for name in names)
    return {match[1].upper() for match in found if match}


def test_each_listed_fault_has_a_test_module() -> None:
    assert with_a_module() == set(listed())


def test_faults_are_listed_once_in_order() -> None:
    expected = [f"B{number}" for number in range(1, 12)] + [f"W{number}" for number in range(1, 16)]
    assert listed() == expected
