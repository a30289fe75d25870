"""Every rule is registered once, and says what it checks."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from mailmerge import preflight
from mailmerge.preflight.check import Check
from mailmerge.preflight.registry import RULES
from tests.preflight.checked import Folder, place

REGISTERED: tuple[Callable[..., object], ...] = (
    *RULES.campaign,
    *RULES.recipient,
    *RULES.structure,
    *RULES.message,
    *RULES.totals,
)


def written() -> Iterator[Callable[..., object]]:
    """Every function of the package that is called like a rule, but for the check itself."""
    for found in pkgutil.iter_modules(preflight.__path__):
        module = importlib.import_module(f"{preflight.__name__}.{found.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_own = function.__module__ == module.__name__
            if name.startswith("check_") and is_own and found.name != "check":
                yield function


def test_every_rule_is_registered_once() -> None:
    assert set(written()) == set(REGISTERED)
    assert len(set(REGISTERED)) == len(REGISTERED) > 20


def test_every_rule_says_what_it_checks() -> None:
    assert all(inspect.getdoc(rule) for rule in REGISTERED)


def test_the_recipe_for_a_new_rule_works(folder: Folder) -> None:
    """The module of CONTRIBUTING.md, added to the rules as its text says."""
    guide = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.partition("## Add a check\n")[2].partition("\n## ")[0]
    (source,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    module: dict[str, object] = {}
    exec(source, module)
    rule = module["check_capitals"]
    assert callable(rule)
    folder.configure(message={"subject": '"HELLO {{ name | upper }}"'})
    assert folder.problems() == []
    rules = replace(RULES, message=(*RULES.message, rule))
    (group,) = Check(folder.campaign, rules=rules).run().groups
    assert place(group.shared) == (
        "subject-in-capitals",
        "campaign.toml",
        None,
        "message.subject",
    )
    assert group.count == 2
