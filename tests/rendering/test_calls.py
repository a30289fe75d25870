"""Methods of texts and numbers are called within the budget."""

from __future__ import annotations

from typing import Any

import pytest
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup

from mailmerge.rendering.budget import Budget
from mailmerge.rendering.calls import call_method, guarded_format, is_cheap, is_method_of_value
from mailmerge.rendering.settings import RenderLimits
from mailmerge.rendering.template_errors import LimitExceeded


def budget() -> Budget:
    made = Budget(RenderLimits(characters=1_000))
    made.restart()
    return made


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("a".center, (10_000,)),
        (Markup("a").ljust, (10_000,)),
        ("-".join, (["a" * 900] * 2,)),
        (("a" * 900).replace, ("a", "bb")),
        ("a".translate, ({97: "b" * 2_000},)),
        ((1).to_bytes, (10_000, "big")),
        ("\t".expandtabs, (10_000,)),
        ({}.fromkeys, (range(100),)),
    ],
)
def test_method_with_a_large_result_is_refused(method: Any, args: tuple[Any, ...]) -> None:
    assert is_method_of_value(method)
    with pytest.raises(LimitExceeded):
        call_method(budget(), method, args, {})


def test_ordinary_method_is_called() -> None:
    assert call_method(budget(), "-".join, (["a", "b"],), {}) == "a-b"
    assert call_method(budget(), "ab".upper, (), {}) == "AB"


def test_only_short_texts_are_cheap() -> None:
    assert is_cheap("a b".split)
    assert not is_cheap(("a" * 2_000).split)
    assert not is_cheap("a".center)
    assert not is_method_of_value(print)


def test_format_checks_each_field() -> None:
    formatted = guarded_format(SandboxedEnvironment(), budget(), "{:>5}|{}".format)
    assert formatted("a", 1) == "    a|1"
    wide = guarded_format(SandboxedEnvironment(), budget(), "{:>{}}".format)
    with pytest.raises(LimitExceeded):
        wide("a", 10_000)
    markup = guarded_format(SandboxedEnvironment(), budget(), Markup("<b>{x}</b>").format_map)
    assert markup({"x": "<"}) == "<b>&lt;</b>"
