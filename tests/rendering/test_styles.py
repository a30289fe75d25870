"""Style sheets are read from the campaign folder, and their rules are put on the elements."""

from __future__ import annotations

import pytest

from mailmerge.errors import AssetError
from mailmerge.rendering.document import parse
from mailmerge.rendering.styles import attributes_read_by_selectors

from .conftest import MakeRecipient, MakeRenderer


def _html(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, body: str, message: str = "",
    files: dict[str, str | bytes] | None = None, **cells: str,
) -> str:  # fmt: skip
    renderer = make_renderer({"body.html": body, **(files or {})}, message)
    return str(renderer.render(make_recipient(cells)).html)


def test_rules_of_the_page_and_of_local_sheets_are_inlined(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = (
        '<html><head><link rel="stylesheet" href="css/style.css">'
        "<style>p { margin: 0 }</style></head>"
        "<body><p class='x'>{{ n }}</p></body></html>"
    )
    files: dict[str, str | bytes] = {"css/style.css": b"\xef\xbb\xbf.x { color: red }"}
    html = _html(make_renderer, make_recipient, body, files=files, n="1")
    assert "<p class='x' style=\"margin:0; color:red\">1</p>" in html
    assert "<link" not in html
    assert "<style" not in html


def test_media_hover_and_font_face_stay_in_a_style_element(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    css = (
        "@font-face { font-family: F; src: url(https://x.example/f.woff) }"
        "p { color: red !important }"
        "@media (max-width: 600px) { p { color: blue } } a:hover { color: green }"
    )
    body = f"<html><head><style>{css}</style></head><body><p>x</p></body></html>"
    html = _html(make_renderer, make_recipient, body)
    assert "@font-face { font-family: F; src: url(https://x.example/f.woff) }" in html
    assert "p { color: blue }" in html
    assert "a:hover { color: green }" in html
    assert '<p style="color:red">' in html


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        (
            (
                "@import url('https://x.org/x'); p { color: red } @media x { p { color: blue } }"
                " @supports (x) { p { color: green } } /* @x {} */"
            ),
            (
                "@import url('https://x.org/x');\n@media x {\np {color:blue !important}\n}\n"
                "@supports (x) {\np {color:green !important}\n}"
            ),
        ),
        ("@charset 'utf-8'; p { color: red }", ""),
    ],
)
def test_at_rules_stay_and_override_what_was_inlined(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, css: str, kept: str
) -> None:
    body = f"<head><style>{css}</style></head><body><p>x</p></body>"
    html = _html(make_renderer, make_recipient, body)
    assert '<p style="color:red">x</p>' in html
    assert html.startswith(f"<head><style>{kept}</style></head>" if kept else "<head></head>")


def test_remote_and_print_sheets_stay_as_they_are(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = (
        '<html><head><link rel="stylesheet" href="https://192.0.2.1/a.css">'
        '<link rel="icon" href="gone.ico">'
        '<link rel="stylesheet" media="print" href="p.css"></head><body><p>x</p></body></html>'
    )
    files: dict[str, str | bytes] = {"p.css": "p { color: red } @page {}"}
    html = _html(make_renderer, make_recipient, body, files=files)
    assert '<link rel="stylesheet" href="https://192.0.2.1/a.css">' in html
    assert '<style type="text/css" media="print">p { color: red } @page {}</style>' in html
    assert "<p>x</p>" in html


def test_urls_of_a_sheet_are_relative_to_the_sheet(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = '<html><head><link rel="stylesheet" href="css/s.css"></head><body><p>x</p></body></html>'
    css = (
        'p { background: url("../images/logo.png") } a { background: url(https://x.example/y.png) }'
    )
    files: dict[str, str | bytes] = {"body.html": body, "css/s.css": css, "images/logo.png": b"x"}
    html = make_renderer(files).render(make_recipient()).html
    assert html is not None
    assert [image.path for image in html.structure.images] == ["images/logo.png"]
    assert "cid:logo-" in str(html)


@pytest.mark.parametrize(
    "body",
    [
        "<body><style>p{color:red}</style>kept</body>",
        "<body><b>x</b><style>p{color:red}</style>kept</body>",
    ],
)
def test_text_after_a_style_element_is_kept(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, body: str
) -> None:
    assert "kept" in _html(make_renderer, make_recipient, body)


def test_doctype_nbsp_and_conditional_comments_survive(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = (
        "<!doctype html>\n<!--[if mso]><p>before</p><![endif]-->"
        "<html><head><style>p{color:red} /*\u00a0*/</style></head>"
        "<body><!--[if mso]><v:rect>&nbsp;</v:rect><![endif]--><p>a&nbsp;b</p>"
        "</body></html><!--after-->"
    )
    html = _html(make_renderer, make_recipient, body)
    assert html.startswith("<!doctype html>\n<!--[if mso]><p>before</p><![endif]--><html>")
    assert "<!--[if mso]><v:rect>&nbsp;</v:rect><![endif]-->" in html
    assert "a&nbsp;b</p>" in html
    assert html.endswith("<!--after-->")


def test_styles_stay_where_they_are_without_inlining(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = "<html><head><style>p { color: red }</style></head><body><p>{{ n }}</p></body></html>"
    html = _html(make_renderer, make_recipient, body, "inline_css = false", n="1")
    assert "<style>p { color: red }</style>" in html
    assert "<p>1</p>" in html


@pytest.mark.parametrize(
    ("path", "message"),
    [("gone.css", "no file gone.css"), ("latin.css", "not UTF-8"), ("../x.css", "outside")],
)
def test_style_sheet_that_cannot_be_used_is_an_error(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, path: str, message: str
) -> None:
    body = f"<head><link rel=stylesheet href={path}></head><body>{{{{ n }}}}</body>"
    with pytest.raises(AssetError, match=message):
        _html(make_renderer, make_recipient, body, files={"latin.css": b"\xe9"}, n="1")


def test_imported_sheets_of_the_folder_are_included(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = "<style>@import 'css/a.css'; p { margin: 0 }</style><p>{{ n }}</p>"
    files: dict[str, str | bytes] = {
        "css/a.css": "@import url(b.css) print; p { color: red; background: url(i.png) }",
        "css/b.css": "p { color: black }",
        "css/i.png": b"x",
    }
    html = _html(make_renderer, make_recipient, body, files=files, n="1")
    assert "@media print" in html
    assert "color:red; background:url(cid:i-" in html
    assert "@import" not in html


@pytest.mark.parametrize(
    ("css", "read", "not_read"),
    [
        ("p { color: red }", ["style"], ["class", "id", "title"]),
        (".a { color: red }", ["class"], ["id"]),
        ("#a { color: red }", ["id"], ["class"]),
        ("[Title=a] { color: red }", ["title", "TITLE"], ["lang"]),
        ("p { color: #abc; width: 1.5px }", ["style"], ["class", "id"]),
        (r"[\74itle=a] { color: red }", ["title", "lang"], []),
        ("/* [title] */ p { content: '[title]' }", ["style"], ["title"]),
    ],
)
def test_attributes_read_by_selectors_are_known(
    css: str, read: list[str], not_read: list[str]
) -> None:
    depends = attributes_read_by_selectors(parse(f"<style>{css}</style><p>x</p>"))
    assert [name for name in [*read, *not_read] if depends(name)] == read
