"""Real-looking campaigns: the cache makes the page that is made of each rendering alone."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.settings import templates_of
from mailmerge.settings import load_settings

from .conftest import MakeRecipient, MakeTemplates
from .law import Law

TREE = Path(__file__).parents[2]
CAMPAIGNS = [
    path.parent
    for path in sorted([*TREE.glob("samples/*/body.html"), *TREE.glob("templates/*/body.html")])
    if (path.parent / "recipients.csv").exists()
]
STRANGE = ("", " ", "O'Brien & <Söhne>", "a  b", "姓名 \U0001f600", "x\r\ny", "--", "#", "&copy=1")

NEWSLETTER = """<!DOCTYPE html>
<!--[if mso]><xml><o:OfficeDocumentSettings xmlns:o="x"><o:PixelsPerInch>96</o:PixelsPerInch>
</o:OfficeDocumentSettings></xml><![endif]-->
<html lang="{{ language }}" xmlns:v="urn:schemas-microsoft-com:vml"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{{ title }} for {{ name }}</title>
<style>
body { margin: 0; font-family: Georgia, 'Times New Roman', serif }
.button { background-color: #bb2200; color: #ffffff !important; padding: 12px 24px }
.button:hover { background-color: #dd4400 } table td { padding: 0 } #footer p { font-size: 12px }
tr td:first-child { width: 120px } td > p + p { margin-top: 8px } * { box-sizing: border-box }
@media only screen and (max-width: 600px) { .column { width: 100% !important; display: block } }
@media (prefers-color-scheme: dark) { body { background: #111 } }
</style></head>
<body><div style="display:none">{{ title }}&zwnj;&nbsp;&zwnj;&nbsp;&zwnj;&nbsp;</div>
{% macro button(text, target) -%}
<!--[if mso]><v:roundrect href="{{ target }}" style="width:200px"><center>{{ text }}</center>
</v:roundrect><![endif]-->
<!--[if !mso]><!--><a class="button" href="{{ target }}">{{ text }}</a><!--<![endif]-->
{%- endmacro %}
<table width="100%" role="presentation"><tr><td>&nbsp;</td><td width="600" align="center">
<table role="presentation"><tr><td class="column"><h1>Dear {{ name }},</h1>
<p>{{ city }}</p><p>{{ name }} {{ city }}</p> {{ note }}</td><td class="column">
{% if note %}<p><em>{{ note }}</em></p>{% else %}<p>No note.</p>{% endif %}
{% call(label) list_of(["one", "two"]) %}<b>{{ label }}: {{ city }}</b>{% endcall %}
</td></tr><tr><td colspan="2">
{{ button("See " ~ title, "https://x.example/" ~ city ~ "?n=" ~ name|urlencode) }}</td></tr></table>
<form action="https://x.example/{{ city }}"><input name="q" value="{{ name }}" disabled></form><ul>
{% for word in note.split() %}<li title="{{ loop.index }}: {{ word }}">{{ word }}</li>{% endfor %}
</ul>
</td></tr></table>
<div id="footer"><p>Sent to <a href="mailto:{{ address }}">{{ address }}</a>.
<a href="{{ link }}">Leave</a></p></div>
</body></html>
"""
NEWSLETTER = (
    "{% macro list_of(labels) %}{% for l in labels "
    "%}<p>{{ caller(l) }}</p>{% endfor %}{% endmacro %}"
) + NEWSLETTER


@pytest.mark.parametrize("folder", CAMPAIGNS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_campaigns_of_the_program_keep_the_law(folder: Path) -> None:
    law = Law(templates_of(load_settings(folder)))
    with (folder / "recipients.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))[:3]
    assert rows
    mailbox = Mailbox("a@b.c", "a@b.c", "a@b.c")
    for number, cells in enumerate(rows, start=2):
        law.check(Recipient(number, cells, mailbox, "a@b.c"))
    assert law.renderer.slow_because == ""


def test_the_law_is_tested_with_some_campaigns() -> None:
    assert len(CAMPAIGNS) >= 5


def test_newsletter_with_strange_cells_keeps_the_law(
    make_templates: MakeTemplates, make_recipient: MakeRecipient
) -> None:
    law = Law(make_templates({"body.html": NEWSLETTER}))
    columns = ("language", "title", "name", "city", "note", "address", "link")
    for turn in range(len(STRANGE)):
        cells = {column: STRANGE[(turn + at) % len(STRANGE)] for at, column in enumerate(columns)}
        law.check(make_recipient(cells))
    ordinary = dict.fromkeys(columns, "x y")
    before = law.renderer.cached.made
    for number in range(30):
        law.check(make_recipient({**ordinary, "name": f"N{number}", "city": f"C{number}"}))
    assert law.renderer.cached.made <= before + 1
    assert law.renderer.slow_because == ""


@pytest.mark.parametrize("x", ["--", "-", "--!", "a-", "-a", "a--b", "plain", "O'Brien", "<&'\""])
def test_value_never_ends_the_comment_that_it_stands_in(
    make_templates: MakeTemplates, make_recipient: MakeRecipient, x: str
) -> None:
    page = "<p>a<!--{{ x }}>b--><!--[if mso]>{{ x }}<![endif]--></p>"
    law = Law(make_templates({"body.html": page}))
    law.check(make_recipient(x="first"))
    law.check(make_recipient(x=x))
