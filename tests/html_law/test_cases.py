"""Pages from public bug reports: what other programs lost on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .browser import Browser
from .pages import CELLS, Pages, compare_source, make_pages

pytestmark = pytest.mark.real

DOCTYPE = "<!DOCTYPE html><html>"


@dataclass(frozen=True)
class Case:
    """One page.

    Attributes:
        source: a pattern that the sent HTML must have; "" for any.
    """

    page: str
    source: str = ""
    cells: Mapping[str, str] = field(default_factory=lambda: CELLS)


def _styled(sheet: str, body: str) -> str:
    return f"{DOCTYPE}<head><style>{sheet}</style></head><body>{body}</body></html>"


CLIENTS = """
#outlook a{padding:0}
.ExternalClass{width:100%}
u + .body .gw{min-width:320px}
[data-ogsc] .txt{color:#ffffff !important}
[data-ogsb] .box{background-color:#111111 !important}
#MessageViewBody a{color:inherit}
a[x-apple-data-detectors]{color:inherit !important}
.txt{color:#333333}
"""
IMAGES = """
<p>Dear {{ name }}</p>
<img class="fluid" src="https://x.example/hero.png" width="600" height="300" alt="hero">
<img class="logo" src="https://x.example/logo.png" width="100" alt="logo">
"""
FALLBACKS = """
.a{background:#cc0000;background:linear-gradient(#cc0000,#0000cc)}
.b{width:100%;width:calc(100% - 20px)}
.c{color:#000000;color:rgba(0,0,0,.5)}
"""
ITEMS = """
<p>Dear {{ name }},</p>
{% for i in items.split(";") %}<div class="item">{{ i }}{% endfor %}
<p>END <a href="https://x.example/unsubscribe">Unsubscribe</a></p></body></html>
"""
CASES = {
    # python-emails PR 75, premailer 192: HTML 5, 4.5.1: the content of a link is transparent
    "link around a table": Case(
        _styled(
            "",
            '<p>Dear {{ name }},</p><a href="https://x.example/b"><table role="presentation"><tr>'
            '<td style="background-color:#48be19;color:#ffffff">Book now</td></tr></table></a>',
        ),
    ),
    # freescout 5304: mails from Outlook, nested more than 256 deep, arrive empty
    "300 nested elements": Case(
        f"{DOCTYPE}<body>{ITEMS}",
        source="Unsubscribe",
        cells={"name": "Ann", "items": ";".join(f"item{number}" for number in range(300))},
    ),
    "few nested elements": Case(
        f"{DOCTYPE}<body>{ITEMS}",
        cells={"name": "Ann", "items": "item1;item2;item3"},
    ),
    # CsQuery 190, jsoup 360: Outlook shows what stands between two plain comments
    "downlevel-revealed comment": Case(
        f"{DOCTYPE}<body><p>Dear {{{{ name }}}},</p>"
        "<!--[if mso]><p>button for Outlook</p><![endif]-->"
        "<![if !mso]><p>button for all others</p><![endif]></body></html>",
        source=r"<!\[if !mso\]>.*<!\[endif\]>",
    ),
    # juice 469, foundation-emails 552
    "rules of clients": Case(
        _styled(
            CLIENTS,
            '<div class="box gw"><p class="txt">Dear {{ name }} <a href="https://x.example/">x</a></p></div>',
        ).replace("<body>", '<body class="body">'),
        source=r"data-ogsc.*data-ogsb.*x-apple-data-detectors",
    ),
    # foundation-emails 784: Outlook takes only the attribute, and only a number
    "width of images": Case(
        _styled("img.fluid{width:100%;max-width:600px;height:auto} img.logo{width:auto}", IMAGES),
        r'width="600".*width="100"',
    ),
    # inky 68: `align` of a table means float (HTML 5, 15.3.8), `text-align` does not
    "table with text-align": Case(
        _styled(
            ".list{text-align:left}", '<table class="list"><tr><td>a</td></tr></table><p>below</p>'
        ),
    ),
    # premailer 139: the same specificity, the later rule wins
    "link and button": Case(
        _styled(
            "a:link{color:#0000ff} a.btn{color:#ffffff;background-color:#cc0000}",
            '<p><a href="https://x.example/">plain</a> <a class="btn" href="https://x.example/">Buy</a></p>',
        ),
    ),
    # premailer 28 and 157: Outlook has no gradients, and shows the first declaration
    "fallback declarations": Case(
        _styled(FALLBACKS, '<p class="a">Dear {{ name }}</p><p class="b">b</p><p class="c">c</p>'),
        source=r"#c(?:c00)?00\b.*linear-gradient.*width:\s*100%.*calc\(.*color:\s*#000.*rgba\(",
    ),
    # react-email 3589: the notation of Tailwind 3 and 4
    "rgb with a slash": Case(
        _styled(
            ".a{color:#ffffff;background-color:rgb(0 102 204 / 50%)}",
            '<p class="a">Dear {{ name }}</p>',
        ),
    ),
    # `!important` in the style attribute would beat the rule for Outlook.com, which has to win
    "important rule and client": Case(
        _styled(
            "a{color:green} .btn{color:#fff!important} @media print{[data-x]{color:pink}}"
            "[data-ogsc] .btn{color:#000!important}",
            '<p>{{ name }} <a class="btn" href="https://x.example/">Buy</a></p>',
        ),
    ),
    # emogrifier 240, mjml 664: an editor has encoded the braces; the link itself stays as written
    "encoded braces": Case(
        _styled(
            "",
            '<p>{{ name }}: <a href="https://x.example/o?c=%7B%7B%20code%20%7D%7D">order</a></p>',
        ),
        source="%7B%7B%20code%20%7D%7D",
    ),
}


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def pages(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return make_pages(tmp_path_factory.mktemp("campaign"), case.page, case.cells)


def test_page_is_the_one_that_was_written(chromium: Browser, pages: Pages) -> None:
    compared = chromium.compare(pages.written, pages.sent, pages.files)
    found = [*compare_source(pages), *compared.differences]
    assert not found, "\n".join(map(str, found))


def test_source_has_what_a_client_needs(case: Case, pages: Pages) -> None:
    assert re.search(case.source, pages.sent, re.DOTALL)


def test_values_of_a_row_stand_in_both_pages(tmp_path: Path) -> None:
    pages = make_pages(tmp_path, CASES["table with text-align"].page.replace("below", "{{ name }}"))
    assert (
        pages.written.count("Zoé &lt;Ann&gt; &amp; Co")
        == pages.sent.count("Zoé &lt;Ann&gt; &amp; Co")
        == 1
    )
