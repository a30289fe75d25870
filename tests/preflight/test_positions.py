"""A finding points at its own element."""

from __future__ import annotations

import pytest

from mailmerge.preflight.positions import Spot, TemplateElements

PAGE = """<style>
p { color: #ff0000; background: url(http://x.org/a.png) }
</style>
<p style="color: #ff0000">x</p>
<!-- <a href="#"> -->
{# <a href="#"> #}
<a href="https://x.org/#top">x</a>
<a href="{{ link }}">y</a>
<a title="#" href="#">z</a>
<img
  src="./images/a%20b.png">
<!--[if mso]>
<form action="x"></form><![endif]-->
<td style="background:url(b.png)">
<img alt="" src="images/c.png">
"""


@pytest.mark.parametrize(
    ("spot", "line"),
    [
        (Spot("a", "href", "#"), 9),
        (Spot("a", "href", "https://x.org/#top"), 7),
        (Spot("a", "href", "x", varies=True), 8),
        (Spot("img", "src", "images/a b.png"), 10),
        (Spot("img", "src", "images/c.png"), 15),
        (Spot("form"), 13),
        (Spot("style", "", "http://x.org/a.png"), 2),
        (Spot("style", "", "b.png"), 14),
        (Spot("video"), None),
    ],
)
def test_the_element_itself_is_found(spot: Spot, line: int | None) -> None:
    found = TemplateElements({"body.html": PAGE}).find_element(spot)
    assert found == (None if line is None else ("body.html", line))
