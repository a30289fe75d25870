from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.preview.frame import (
    EVERY_VIEW,
    Scheme,
    View,
    count_remote_images,
    frame_html,
)

DARK = View(Scheme.DARK)
IMAGES = {"cid:logo": ("image/png", b"\0\0\0")}


def shown(html: str, view: View | None = None) -> str:
    return frame_html(html, view or View(), IMAGES)


def without_addition(html: str) -> str:
    return re.sub(r"<style>img:not.*?</style>", "", html, count=1)


@given(st.text(alphabet=st.characters(exclude_characters="<&")))
def test_text_is_copied_unchanged(text: str) -> None:
    html = f"<p>{text}</p>&amp;&copy <b class=x>{text}"
    assert without_addition(shown(html)) == html


@given(st.text(alphabet="<>/=\"' abimgsrcstyle:!-\n&;", max_size=80), st.sampled_from(EVERY_VIEW))
def test_any_markup_can_be_shown(html: str, view: View) -> None:
    assert "<style>" in shown(html, view)


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://evil.example/x.png" alt="a">',
        '<img src="http://evil.example/x.png" srcset="https://evil.example/2x.png 2x">',
        "<img src=//evil.example/x.png>",
        '<table background="https://evil.example/x.png"><tr><td>x</table>',
        '<p style="background:url(https://evil.example/x.png)">x</p>',
        "<style>p { background: url('https://evil.example/x.png') }</style>",
        '<link rel="stylesheet" href="https://evil.example/x.css">',
        '<iframe src="https://evil.example/x"></iframe>',
        '<meta http-equiv="Refresh" content="0;url=https://evil.example/">',
        '<base href="https://evil.example/">',
        '<video poster="https://evil.example/x.png"></video>',
        '<a href="x" ping="https://evil.example/ping">x</a>',
    ],
)
def test_nothing_is_loaded_from_the_network(html: str) -> None:
    assert "evil.example" not in shown(html)


def test_an_image_of_the_message_becomes_a_data_url() -> None:
    assert 'src="data:image/png;base64,AAAA"' in shown('<img src="cid:logo" alt="x">')
    assert "url(&quot;data:image/png;base64,AAAA&quot;)" in shown(
        "<p style='background:url(cid:logo)'>x</p>"
    )
    assert 'url("data:image/png;base64,AAAA")' in shown(
        "<style>p{background:url(cid:logo)}</style>"
    )
    assert 'src="data:image/gif;base64,BBBB"' in shown(
        '<img src="data:image/gif;base64,BBBB" srcset="">'
    )


def test_an_image_from_the_network_becomes_a_placeholder() -> None:
    tag = shown('<img src="https://x.example/">')
    assert 'src="data:image/svg+xml,%3Csvg' in tag
    assert "x.example" not in tag


def test_without_images_no_image_is_left() -> None:
    html = (
        '<img src="cid:logo" alt="Logo"><table background="cid:logo"></table>'
        '<p style="background:url(cid:logo)">x</p>'
    )
    off = shown(html, View(images=False))
    assert "data:image" not in off
    assert 'alt="Logo"' in off


def test_without_styles_the_rules_go_and_attributes_stay() -> None:
    html = '<style>p { color: red }</style><p style="color: blue">x</p>'
    off = without_addition(shown(html, View(styles=False)))
    assert off == '<style></style><p style="color: blue">x</p>'


@pytest.mark.parametrize(
    ("view", "dark", "light"),
    [(View(), False, True), (DARK, True, False), (View(Scheme.INVERTED), False, True)],
)
def test_the_view_decides_the_scheme_and_not_the_browser(
    view: View, dark: bool, light: bool
) -> None:
    html = (
        "<style>@media ( Prefers-Color-Scheme : dark ) { a{} }"
        "@media (prefers-color-scheme: light) { b{} }</style>"
    )
    rules = shown(html, view)
    assert ("(min-width:0px) { a{} }" in rules) is dark
    assert ("(min-width:0px) { b{} }" in rules) is light
    assert "prefers-color-scheme" not in rules.lower()


def test_a_dark_message_is_dark_only_in_a_dark_view() -> None:
    html = '<meta name="color-scheme" content="light dark">'
    assert 'content="light"' in shown(html)
    assert 'content="dark"' in shown(html, DARK)
    assert 'content="light"' in shown('<meta name="color-scheme" content="light">', DARK)


def test_inversion_inverts_images_back() -> None:
    html = shown('<img src="cid:logo">', View(Scheme.INVERTED))
    assert html.count("invert(1)") == 2


@pytest.mark.parametrize(
    "address", ["https://example.org/a?b=c&d", "javascript:alert(1)", "mailto:a@b.c"]
)
def test_a_link_shows_its_address_and_leads_nowhere(address: str) -> None:
    link = shown(f'<a href="{address.replace("&", "&amp;")}" target="_top">x</a>')
    assert f'title="{address.replace("&", "&amp;")}"' in link
    assert 'href="#!"' in link
    assert "target" not in link


def test_a_link_within_the_message_is_kept() -> None:
    assert '<a href="#there">' in shown('<a href="#there">x</a>')


def test_an_attribute_cannot_break_out_of_its_tag() -> None:
    tag = shown("""<a href='x"><script>y</script>' title='"'>x</a>""")
    assert "<script>" not in tag


def test_the_added_style_follows_the_doctype_or_head() -> None:
    html = shown("<!doctype html>\n<html lang=en><head><title>x</title></head>")
    assert html.startswith("<!doctype html>\n<html lang=en><head><style>")
    assert shown("<!doctype html><p>x").startswith("<!doctype html><style>")


def test_an_unclosed_style_element_is_unchanged() -> None:
    assert shown("<p>x</p><style>p {").endswith("<p>x</p><style>p {")


def test_images_not_in_the_message_are_counted() -> None:
    html = '<img src="cid:logo"><img src="https://x.example/a"><td background="b.png">'
    assert count_remote_images(html, IMAGES) == 2
    assert count_remote_images("", IMAGES) == 0


def test_every_view_has_its_own_name() -> None:
    assert len({view.name for view in EVERY_VIEW}) == 12
    assert View().name == "light"
