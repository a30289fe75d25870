"""Foreign placeholders become columns, by the place where they stand."""

from __future__ import annotations

import jinja2
import pytest

from .corpus import Template, templates
from .foreign import harmless

CASES = [
    ("Hi {{user.name}}!", "Hi {{ name }}!"),
    ("Hi {{{ body }}}!", "Hi {{ name }}!"),
    ("Hi *|FNAME|*!", "Hi {{ name }}!"),
    ("Hi <%= name %>!", "Hi {{ name }}!"),
    ("Hi %recipient.name%, 50% off", "Hi {{ name }}, 50% off"),
    ("{{#if a}}x{{else}}y{{/if}}", "xy"),
    ("{% for a in b %}x{% endfor %}{# note #}", "x"),
    ("<% if (a) { %>x<% } %>", "x"),
    ("*|IF:A|*x*|END:IF|*", "x"),
    ("{{!-- note {{a}} --}}x", "x"),
    ('<a href="{{url}}">', '<a href="{{ link }}">'),
    ('<a href="https://x.example/?u={{id}}">', '<a href="https://x.example/?u={{ width }}">'),
    ('<td width="{{w}}">', '<td width="{{ width }}">'),
    ('<img alt="{{a}}" src="x.png">', '<img alt="{{ name }}" src="x.png">'),
    ('<p style="color: {{c}}">', '<p style="color: #336699">'),
    ("<style>a { color: {{c}} }</style>{{d}}", "<style>a { color: #336699 }</style>{{ name }}"),
    ("@media x{#a{b:c}}", "@media x{ #a{b:c}}"),
    ('<img src="/static/a.png"><img src="../b.png">', '<img src="static/a.png"><img src="b.png">'),
    ('<a href="/a"><img src="//x.example/a.png">', '<a href="/a"><img src="//x.example/a.png">'),
]


@pytest.mark.parametrize(("foreign", "wanted"), CASES)
def test_placeholder_becomes_a_column(foreign: str, wanted: str) -> None:
    assert harmless(foreign) == wanted


@pytest.mark.parametrize("template", templates(), ids=lambda template: template.name)
def test_template_compiles_and_nothing_foreign_is_left(template: Template) -> None:
    text = template.text
    jinja2.Environment().parse(text)
    assert harmless(text).count("{{ ") == text.count("{{ ")
    for foreign in ("<%", "*|", "{{#", "{{/", "{%"):
        assert foreign not in text
