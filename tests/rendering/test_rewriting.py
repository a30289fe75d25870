"""Syntax that Jinja2 runs directly becomes a guarded filter; constants stay as they are."""

from __future__ import annotations

import jinja2
import pytest
from jinja2 import nodes

from mailmerge.rendering.guarded import COMPARED, CONCATENATED, CONTAINER, SLICED
from mailmerge.rendering.rewriting import rewritten


@pytest.mark.parametrize(
    ("source", "filters"),
    [
        ("{{ a ~ 'b' }}", [CONCATENATED]),
        ("{{ a[1:2] }}", [SLICED]),
        ("{{ a == b }}", [COMPARED]),
        ("{{ a in b }}", [COMPARED]),
        ("{{ [a, 1] }}", [CONTAINER]),
        ("{{ {'a': b} }}", [CONTAINER]),
        ("{{ (a, b) }}", [CONTAINER]),
        ("{{ [[a]] }}", [CONTAINER, CONTAINER]),
        ("{{ a == 'yes' }}", []),
        ("{{ [1, 'a', (2,)] }}", []),
        ("{{ a[1] }}", []),
        ("{% set a, b = c %}", []),
        ("{% for a, b in c %}{% endfor %}", []),
    ],
)
def test_syntax_becomes_a_filter(source: str, filters: list[str]) -> None:
    environment = jinja2.Environment()
    tree = environment.parse(source)
    found = rewritten(tree, environment)
    assert [one.name for one in tree.find_all(nodes.Filter)] == filters
    assert found == [tree, *tree.find_all(nodes.Node)]
