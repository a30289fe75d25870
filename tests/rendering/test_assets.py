"""Style sheets and images of the campaign folder: put into the page, related, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import AssetError
from mailmerge.rendering.content import Content
from mailmerge.rendering.folder import is_local, local_path, read_asset
from mailmerge.rendering.styles import split_at_rules

from .conftest import MakeRecipient, MakeRenderer

PNG = b"\x89PNG"


def _content(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, body: str, message: str = "",
    files: dict[str, str | bytes] | None = None, **cells: str,
) -> Content:  # fmt: skip
    given: dict[str, str | bytes] = {"body.html": body, "images/logo.png": PNG, "a b.png": PNG}
    return make_renderer({**given, **(files or {})}, message).render(make_recipient(cells))


def test_styles_of_the_page_and_of_local_sheets_are_put_on_the_elements(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = (
        '<html><head><link rel="stylesheet" href="css/style.css">'
        "<style>p { margin: 0 }</style></head>"
        "<body><p class='x'>{{ n }}</p></body></html>"
    )
    files: dict[str, str | bytes] = {"css/style.css": b"\xef\xbb\xbf.x { color: red }"}
    html = str(_content(make_renderer, make_recipient, body, files=files, n="1").html)
    assert '<p class="x" style="color:red; margin:0">1</p>' in html.replace(
        "margin:0; color:red", "color:red; margin:0"
    )
    assert "<link" not in html
    assert "<style" not in html


def test_media_hover_and_font_face_rules_survive_in_a_style_element(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    css = (
        "@font-face { font-family: F; src: url(https://x.example/f.woff) }"
        "p { color: red !important }"
        "@media (max-width: 600px) { p { color: blue } } a:hover { color: green }"
    )
    html = str(
        _content(
            make_renderer,
            make_recipient,
            f"<html><head><style>{css}</style></head><body><p>x</p></body></html>",
        ).html
    )
    assert "@font-face { font-family: F; src: url(https://x.example/f.woff) }" in html
    assert "color: blue !important" in html
    assert "a:hover {color:green !important}" in html
    assert '<p style="color:red">' in html


def test_remote_and_print_sheets_stay_as_they_are(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = (
        '<html><head><link rel="stylesheet" href="https://192.0.2.1/a.css">'
        '<link rel="icon" href="gone.ico">'
        '<link rel="stylesheet" media="print" href="p.css"></head><body><p>x</p></body></html>'
    )
    html = str(
        _content(
            make_renderer, make_recipient, body, files={"p.css": "p { color: red } @page {}"}
        ).html
    )
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
    content = _content(make_renderer, make_recipient, body, files={"css/s.css": css})
    assert content.html is not None
    assert [image.path for image in content.html.structure.images] == ["images/logo.png"]
    assert "cid:logo-" in str(content.html)


def test_text_behind_a_style_element_is_not_lost(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    for body in (
        "<body><style>p{color:red}</style>kept</body>",
        "<body><b>x</b><style>p{color:red}</style>kept</body>",
    ):
        assert "kept" in str(_content(make_renderer, make_recipient, body).html)


def test_doctype_nbsp_and_conditional_comments_survive(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = (
        "<!doctype html>\n<!--[if mso]><p>before</p><![endif]-->"
        "<html><head><style>p{color:red} /*\u00a0*/</style></head>"
        "<body><!--[if mso]><v:rect>&nbsp;</v:rect><![endif]--><p>a&nbsp;b</p>"
        "</body></html><!--after-->"
    )
    html = str(_content(make_renderer, make_recipient, body).html)
    assert html.startswith("<!doctype html>\n<!--[if mso]><p>before</p><![endif]--><html>")
    assert "<!--[if mso]><v:rect>&nbsp;</v:rect><![endif]-->" in html
    assert "a&nbsp;b</p>" in html
    assert html.endswith("<!--after-->")


def test_an_xhtml_declaration_does_no_harm(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    doctype = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
    )
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    body = f"{declaration}\n{doctype}\n<html><body><p>{{{{ n }}}}</p></body></html>"
    html = str(_content(make_renderer, make_recipient, body, n="é").html)
    assert html.startswith(doctype)
    assert "<p>é</p>" in html


def test_without_inlining_styles_stay_where_they_are(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = "<html><head><style>p { color: red }</style></head><body><p>{{ n }}</p></body></html>"
    html = str(_content(make_renderer, make_recipient, body, "inline_css = false", n="1").html)
    assert "<style>p { color: red }</style>" in html
    assert "<p>1</p>" in html


@pytest.mark.parametrize("selector", ["p:nth-child", "--x"])
def test_a_selector_that_cannot_be_read_is_told(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, selector: str
) -> None:
    body = f"<head><style>{selector} {{ color: red }}</style></head><body><p>x</p></body>"
    with pytest.raises(AssetError, match="inline_css = false") as caught:
        _content(make_renderer, make_recipient, body)
    assert caught.value.problem.file == "body.html"


def test_local_images_become_related_parts(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = (
        '<body background="images/logo.png"><img src="./images/logo.png?v=2"><img src="a%20b.png">'
        '<img src="https://x.example/r.png"><img src="//x/y.png">'
        '<img src="data:image/png;base64,eA==">'
        '<p style="background: url(images/logo.png)">x</p><script src="s.js"></script>'
        "<!--[if mso]><v:fill src=\"images/logo.png\"><![endif]--><!-- src='gone.png' --></body>"
    )
    html = _content(make_renderer, make_recipient, body).html
    assert html is not None
    logo, other = html.structure.images
    assert (logo.path, other.path) == ("images/logo.png", "a b.png")
    assert logo.reference.startswith("logo-")
    assert logo.reference.endswith("@example.org")
    assert str(html).count("cid:" + logo.reference) == 4
    assert f'src="cid:{other.reference}"' in str(html)
    assert other.reference.isascii()
    assert 'src="https://x.example/r.png"' in str(html)


def test_a_content_id_is_the_same_in_every_run_and_another_for_another_image(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    def reference(octets: bytes) -> str:
        files: dict[str, str | bytes] = {"images/logo.png": octets}
        html = _content(
            make_renderer, make_recipient, "<img src='images/logo.png'>", files=files
        ).html
        assert html is not None
        return html.structure.images[0].reference

    assert reference(b"1") == reference(b"1") != reference(b"2")


@pytest.mark.parametrize(
    ("message", "location"),
    [
        ('related_by = "content-location"', "a%20b.png"),
        (
            'related_by = "content-location"\ncontent_base = "http://x.example/i/"',
            "http://x.example/i/a%20b.png",
        ),
    ],
)
def test_a_content_location_is_the_url_that_the_page_shows(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, message: str, location: str
) -> None:
    html = _content(make_renderer, make_recipient, '<img src="./a b.png">', message).html
    assert html is not None
    assert [image.reference for image in html.structure.images] == [location]
    assert f'src="{location}"' in str(html)


def test_a_sender_without_an_ascii_domain_has_a_content_id_all_the_same(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.html": "<img src='x.png'>", "x.png": PNG})
    assert renderer._press is not None
    shelf = renderer._press._images
    shelf._domain = "replaced.invalid"
    html = renderer.render(make_recipient()).html
    assert html is not None
    assert html.structure.images[0].reference.endswith("@replaced.invalid")


@pytest.mark.parametrize(
    ("source", "said", "code"),
    [
        ("gone.png", "there is no file gone.png", "asset-missing"),
        ("images", "there is no file images", "asset-missing"),
        ("../x.png", "outside", "asset-outside"),
        ("/images/logo.png", "outside", "asset-outside"),
        ("%2e%2e/x.png", "outside", "asset-outside"),
        ("file:///etc/passwd", "outside", "asset-outside"),
        ("C:/x.png", "outside", "asset-outside"),
        ("link.png", "link", "asset-outside"),
    ],
)
def test_an_image_that_cannot_be_sent_is_an_error_with_its_line(
    make_renderer: MakeRenderer,
    make_recipient: MakeRecipient,
    tmp_path: Path,
    source: str,
    said: str,
    code: str,
) -> None:
    (tmp_path / "outside.png").write_bytes(PNG)
    renderer = make_renderer(
        {"body.html": f"<p>\n<img src='{source}'></p>", "images/logo.png": PNG}
    )
    folder = next(tmp_path.glob("campaign*"))
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(AssetError, match=said) as caught:
        renderer.render(make_recipient())
    assert caught.value.problem.code == code
    assert caught.value.problem.file == "body.html"
    assert caught.value.problem.row is None
    assert caught.value.problem.line == (None if source == "images" else 2)


def test_an_image_that_depends_on_the_row_names_the_row(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.html": "<img src='images/{{ who }}.png'>", "images/ann.png": PNG}
    )
    html = renderer.render(make_recipient(who="ann")).html
    assert html is not None
    assert [image.path for image in html.structure.images] == ["images/ann.png"]
    assert "image" in renderer.steps_aside
    with pytest.raises(AssetError, match=r"row 9: there is no file images/bob\.png"):
        renderer.render(make_recipient(row=9, who="bob"))


def test_a_style_sheet_that_cannot_be_used_is_an_error(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    for path, said in (
        ("gone.css", "no file gone.css"),
        ("latin.css", "not UTF-8"),
        ("../x.css", "outside"),
    ):
        body = f"<head><link rel=stylesheet href={path}></head><body>{{{{ n }}}}</body>"
        with pytest.raises(AssetError, match=said):
            _content(make_renderer, make_recipient, body, files={"latin.css": b"\xe9"}, n="1")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="cannot be read"):
        read_asset("gone", tmp_path)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        *((url, True) for url in ("a.png", "file:///x", "c:/x", "a/b:c")),
        *((url, False) for url in ("", "#x", "?x", "cid:x", "HTTPS://x", "mailto:x", "//x")),
    ],
)
def test_a_url_is_local_when_it_means_a_file_of_the_folder(url: str, *, local: bool) -> None:
    assert is_local(url) is local


def test_a_query_and_a_fragment_are_no_part_of_a_path(tmp_path: Path) -> None:
    (tmp_path / "é.png").write_bytes(PNG)
    assert local_path("./%C3%A9.png?x#y", tmp_path) == "é.png"


def test_at_rules_are_parted_from_rules() -> None:
    css = (
        '@import url("x.css"); p { a: b } @media x { p { c: d } } '
        "@supports (x) { p { e: f } } /* @x {} */ }"
    )
    kept, rest = split_at_rules(css)
    assert kept == '@import url("x.css"); @supports (x) { p { e: f } }'
    assert "@media x { p { c: d } }" in rest
    assert "p { a: b }" in rest


def test_premailer_is_spared_the_rules_of_a_framework_that_a_page_does_not_use(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from premailer import Premailer

    seen: list[int] = []
    parsed = Premailer._parse_style_rules

    def counting(self: Premailer, css: str, index: int) -> object:
        rules, leftover = parsed(self, css, index)
        seen.append(len(rules))
        return rules, leftover

    monkeypatch.setattr(Premailer, "_parse_style_rules", counting)
    framework = "".join(f".columns-{n} {{ width: {n}px }}\n" for n in range(500))
    renderer = make_renderer(
        {
            "body.html": '<link rel="stylesheet" href="s.css"><p class="columns-7">{{ x }}</p>',
            "s.css": framework + "p { margin: 0 }",
        }
    )
    content = renderer.render(make_recipient(x="t"))
    assert '<p class="columns-7" style="margin:0; width:7px"' in str(content.html)
    assert seen == [2]
