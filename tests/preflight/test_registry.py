"""Every rule is registered once, and says what it checks."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from mailmerge.preflight import account, addresses, bodies, fields, html, sender, settings, totals
from mailmerge.preflight.registry import (
    CAMPAIGN_RULES,
    MESSAGE_RULES,
    RECIPIENT_RULES,
    STRUCTURE_RULES,
    TOTALS_RULES,
)

MODULES = (account, addresses, bodies, fields, html, sender, settings, totals)
RULES: tuple[Callable[..., object], ...] = (
    *CAMPAIGN_RULES,
    *RECIPIENT_RULES,
    *STRUCTURE_RULES,
    *MESSAGE_RULES,
    *TOTALS_RULES,
)


def test_every_rule_is_registered_once() -> None:
    written: set[object] = {
        function
        for module in MODULES
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if name.startswith("check_") and function.__module__ == module.__name__
    }
    assert written == set(RULES)
    assert len(written) == len(RULES) > 20


def test_every_rule_says_what_it_checks() -> None:
    assert all(inspect.getdoc(rule) for rule in RULES)
