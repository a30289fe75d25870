"""`import mailmerge`: the names of the public interface, documented, typed, and imported late."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mailmerge

DOCUMENT = Path(__file__).parents[1] / "docs" / "python.md"


def test_every_name_is_documented_and_every_documented_name_exists() -> None:
    names = DOCUMENT.read_text(encoding="utf-8").partition("\n## Names\n")[2]
    documented = re.findall(r"^\| `(\w+)` \| \S", names, re.MULTILINE)
    assert documented == sorted(documented)
    assert documented == mailmerge.__all__


@pytest.mark.parametrize("name", mailmerge.__all__)
def test_name_resolves_and_has_a_docstring(name: str) -> None:
    value = getattr(mailmerge, name)
    assert value.__name__ == name
    assert inspect.getdoc(value)
    assert value.__module__.startswith("mailmerge.")


def test_type_checkers_see_what_the_names_resolve_to() -> None:
    source = Path(mailmerge.__file__).read_text(encoding="utf-8")
    seen = dict(re.findall(r'^    "(\w+)": "([\w.]+)",$', source, re.MULTILINE))
    typed = {
        name.strip(): module
        for module, names in re.findall(r"^    from ([\w.]+) import (.+)$", source, re.MULTILINE)
        for name in names.split(",")
    }
    assert seen == typed
    assert sorted(seen) == mailmerge.__all__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Campaing'"):
        mailmerge.Campaing  # type: ignore[attr-defined]  # noqa: B018


def test_dir_lists_names_that_are_not_imported_yet() -> None:
    assert set(mailmerge.__all__) <= set(dir(mailmerge))


def test_import_loads_no_other_module_of_the_package() -> None:
    program = (
        "import sys, mailmerge\n"
        "print([name for name in sys.modules if name.startswith('mailmerge.')])\n"
        "from mailmerge import MailmergeError\n"
        "print([name for name in sys.modules if name.startswith('mailmerge.')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "['mailmerge.language', 'mailmerge.errors']"]


def test_star_import_gives_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from mailmerge import *", names)
    assert set(names) - {"__builtins__"} == set(mailmerge.__all__)
