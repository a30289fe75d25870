"""The structure cache: when a page is made once, and when it is made for each row."""

from __future__ import annotations

import pytest

from mailmerge.errors import AssetError
from mailmerge.rendering.settings import RenderLimits

from .conftest import MakeRecipient, MakeRenderer

STYLE = "<style>.a { color: red } #i { color: blue } [lang] { color: green }</style>"


def _page(inner: str) -> str:
    return f"<!doctype html><html><head>{STYLE}</head><body>{inner}</body></html>"


def test_rows_with_the_same_branches_share_a_structure(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    source = (
        "<p class='a'>Dear {{ name }},</p><a href='https://x.example/?q={{ name }}'>{{ city }}</a>"
        "{% if city == 'Rome' %}<b>Ave</b>{% endif %}"
        "<!--[if mso]><v:rect href='https://x.example/{{ name }}'><![endif]-->"
    )
    renderer = make_renderer({"body.html": _page(source)})
    structures = {
        id(content.html.structure)
        for n in range(50)
        if (
            content := renderer.render(
                make_recipient(name=f"<{n}> & é", city="Rome" if n % 2 else "Bonn")
            )
        ).html
    }
    assert len(structures) == renderer.cached.made == 2
    assert renderer.slow_because == ""


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<p class='{{ x }}'>t</p>", "the attribute class of <p>"),
        ("<p id='{{ x }}'>t</p>", "the attribute id of <p>"),
        ("<p lang='{{ x }}'>t</p>", "the attribute lang of <p>"),
        ("<p style='color: {{ x }}'>t</p>", "the attribute style of <p>"),
        ("<style>p { color: {{ x }} }</style>", "<style>"),
        ("<script>var x = '{{ x }}'</script>", "<script>"),
        ("<{{ x }}>t", "the name of an element"),
        ("<p {{ x }}='1'>t</p>", "the name of an attribute"),
        ("<p title={{ x }}>t</p>", "the elements around it"),
        ("<p>&{{ x }};</p>", "a character reference"),
        ("<img src='images/{{ x }}.png'>", "an image of the attribute src of <img>"),
        (
            "<!--[if mso]><v:fill src='{{ x }}.png'><![endif]-->",
            "an image of a conditional comment",
        ),
        ("<p title='1' title='{{ x }}'>t</p>", "expects none"),
        (
            "<table><tr><th>{{ x }}</th><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>",
            "layout of the text",
        ),
        ("<pre>{{ x }}  y</pre>", ""),
    ],
)
def test_page_that_is_made_for_each_row_has_a_reason(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, reason: str
) -> None:
    files: dict[str, str | bytes] = {
        "body.html": _page(source),
        "images/a.png": b"x",
        "a.png": b"x",
    }
    renderer = make_renderer(files)
    renderer.render(make_recipient(x="a"))
    assert reason in renderer.slow_because
    assert bool(renderer.slow_because) is bool(reason)


@pytest.mark.parametrize("css", ["", "<style>p { color: #abcdef; background: red }</style>"])
def test_class_and_id_may_depend_on_the_row_without_selectors(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, css: str
) -> None:
    renderer = make_renderer(
        {
            "body.html": (
                f"<head>{css}</head><body><p class='{{{{ x }}}}' id='{{{{ x }}}}'>t</p></body>"
            )
        }
    )
    for x in "abc":
        assert f"class='{x}' id='{x}'" in str(renderer.render(make_recipient(x=x)).html)
    assert renderer.cached.made == 1
    assert renderer.slow_because == ""


def test_structural_value_costs_one_structure_for_each_text(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": _page("<p class='{{ tier }}'>{{ name }}</p>")})
    pages = [
        str(renderer.render(make_recipient(tier="ab"[n % 2], name=f"N{n}")).html) for n in range(10)
    ]
    assert "<p class='a' style=\"color:red\">N0</p>" in pages[0]
    assert "<p class='b'>N1</p>" in pages[1]
    assert renderer.cached.made == 3  # that without a text for the class is the third


def test_structures_are_bounded(make_renderer: MakeRenderer, make_recipient: MakeRecipient) -> None:
    renderer = make_renderer(
        {"body.html": "<p>{{ x|safe }}</p>"}, limits=RenderLimits(structures=4)
    )
    for n in range(40):
        assert f"<b>{n}</b>" in str(renderer.render(make_recipient(x=f"<b>{n}</b>")).html)
    assert (renderer.cached.made, renderer.cached.kept) == (40, 4)
    assert renderer.slow_because == "the structure of the page differs in many rows"


def test_many_structures_for_few_rows_are_reported(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p>{{ x|safe }}</p>"})
    for n in range(200):
        renderer.render(make_recipient(x=f"<b>{n}</b>" if n % 3 == 0 else ""))
    assert renderer.slow_because == "the structure of the page differs in many rows"
    for _ in range(2000):
        renderer.render(make_recipient(x=""))
    assert renderer.slow_because == ""


@pytest.mark.parametrize(
    "source",
    [
        "",
        "  \n",
        "<!-- {{ x }} -->",
        "<!doctype html>",
        "{{ x }}",
        "{{ x|safe }}",
        "<?pi {{ x }}?>",
    ],
)
@pytest.mark.parametrize("x", ["", " ", "a", "<b>"])
def test_page_without_elements_is_rendered(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, source: str, x: str
) -> None:
    content = make_renderer({"body.html": source}).render(make_recipient(x=x))
    assert content.html is not None
    assert "zq" not in str(content.html) + str(content.text)


def test_style_sheet_may_depend_on_the_row(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {
            "body.html": '<head><link rel="stylesheet" href="{{ x }}.css"></head><p>t</p>',
            "red.css": "p { color: red }",
            "blue.css": "p { color: blue }",
        }
    )
    for x in ("red", "blue"):
        assert f'<p style="color:{x}">t</p>' in str(renderer.render(make_recipient(x=x)).html)
    assert renderer.slow_because == "the style sheet depends on the row"


def test_remote_image_may_depend_on_the_row(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p><img src='{{ x }}'>t</p>", "logo.png": b"1"})
    for n in range(9):
        url = f"https://x.example/{n}.png"
        content = renderer.render(make_recipient(x=url))
        assert content.html is not None
        assert f"<img src='{url}'>" in str(content.html)
        assert content.html.structure.images == ()
    assert renderer.cached.made == 1
    local = renderer.render(make_recipient(x="logo.png")).html
    assert local is not None
    assert [image.path for image in local.structure.images] == ["logo.png"]
    for outside in ("file:///etc/passwd", "../logo.png", "c:/logo.png", "none.png"):
        with pytest.raises(AssetError):
            renderer.render(make_recipient(x=outside))


def test_local_image_that_depends_on_the_row_names_the_row(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.html": "<img src='images/{{ who }}.png'>", "images/ann.png": b"\x89PNG"}
    )
    html = renderer.render(make_recipient(who="ann")).html
    assert html is not None
    assert [image.path for image in html.structure.images] == ["images/ann.png"]
    assert "image" in renderer.slow_because
    with pytest.raises(AssetError, match=r"row 9: there is no file images/bob\.png"):
        renderer.render(make_recipient(row=9, who="bob"))


def test_value_at_the_end_of_a_page_is_like_any_other(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<p>Good-bye {{ x }}\n"})
    for x in ("Ann", "Bob", "Eve & <Son>"):
        renderer.render(make_recipient(x=x))
    assert renderer.cached.made == 1
    assert renderer.slow_because == ""
