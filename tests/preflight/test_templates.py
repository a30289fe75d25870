"""Elements of the finished page are found in the templates."""

from __future__ import annotations

from mailmerge.preflight.positions import Place, Spot
from mailmerge.preflight.templates import TemplateSources
from tests.preflight.checked import Folder


def test_elements_are_located_in_the_templates(folder: Folder) -> None:
    folder.configure(message={"html": '"body.html"'})
    folder.write("body.html", 'x\n<a href="https://x.org/?a&amp;b">{% include "foot.html" %}')
    folder.write("foot.html", "\n\n<img src='a.png'>")
    sources = TemplateSources(folder.campaign)
    assert sources.locate(Spot("a", "href", "https://x.org/?a&b")) == Place(
        "body.html", 2, 1, '<a href="https://x.org/?a&amp;b">{% include "foot.html" %}'
    )
    assert sources.locate(Spot("img", "src", "a.png")) == Place(
        "foot.html", 3, 1, "<img src='a.png'>"
    )
    assert sources.locate(Spot("form")) == Place("body.html")


def test_a_broken_or_missing_template_has_no_lines(folder: Folder) -> None:
    assert TemplateSources(folder.campaign).locate(Spot("a")) == Place("")
    folder.configure(message={"html": '"body.html"'})
    folder.write("body.html", "{% if %}")
    sources = TemplateSources(folder.campaign)
    assert sources.texts == {}
    assert sources.locate(Spot("a")) == Place("body.html")
