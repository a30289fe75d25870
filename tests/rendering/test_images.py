"""Images of the campaign folder become related parts, or an error with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AssetError
from mailmerge.rendering.content import Content
from mailmerge.rendering.document import parse
from mailmerge.rendering.folder import is_local
from mailmerge.rendering.images import ImageStore
from mailmerge.rendering.settings import ImageReferences
from mailmerge.rendering.structure import RelatedImage

from .conftest import MakeRecipient, MakeRenderer, write_files

PNG = b"\x89PNG"


def _content(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, body: str, message: str = ""
) -> Content:
    files: dict[str, str | bytes] = {"body.html": body, "images/logo.png": PNG, "a b.png": PNG}
    return make_renderer(files, message).render(make_recipient())


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


def test_content_id_depends_on_the_content_of_the_file(tmp_path: Path) -> None:
    def reference(content: bytes) -> str:
        files = write_files(tmp_path, {"logo.png": content}).files
        store = ImageStore(files, ImageReferences("example.org"))
        _, (image,) = store.relate(parse("<img src='logo.png'>"), is_local)
        return image.reference

    assert reference(b"1") == reference(b"1")
    assert reference(b"1") != reference(b"2")


def test_image_keeps_its_reference_while_the_store_lives(tmp_path: Path) -> None:
    files = write_files(tmp_path, {"logo.png": b"1"}).files
    store = ImageStore(files, ImageReferences("example.org"))
    _, first = store.relate(parse("<img src='logo.png'>"), is_local)
    write_files(tmp_path, {"logo.png": b"2"})
    _, second = store.relate(parse("<p><img src='./logo.png'></p>"), is_local)
    assert second == first


@pytest.mark.parametrize(
    ("name", "left"),
    [("logo.png", "logo"), ("Größe 1.png", "Gr-e-1"), ("图.png", "image"), ("png", "png")],
)
def test_content_id_is_ascii_with_the_name_of_the_file(
    tmp_path: Path, name: str, left: str
) -> None:
    files = write_files(tmp_path, {name: b"1"}).files
    store = ImageStore(files, ImageReferences("mailmerge.invalid"))
    _, (image,) = store.relate(parse(f"<img src='{name}'>"), is_local)
    assert image.reference.rpartition("-")[0] == left
    assert image.reference.endswith("@mailmerge.invalid")


@pytest.mark.parametrize(
    ("base", "location"),
    [("", "a%20b.png"), ("http://x.example/i/", "http://x.example/i/a%20b.png")],
)
def test_content_location_is_the_url_that_the_page_shows(
    tmp_path: Path, base: str, location: str
) -> None:
    files = write_files(tmp_path, {"a b.png": PNG}).files
    store = ImageStore(files, ImageReferences(by_location=True, base=base))
    document = parse('<img src="./a b.png">')
    page, images = store.relate(document, is_local)
    assert images == (RelatedImage("a b.png", location),)
    assert page == f'<img src="{location}">'


def test_caller_says_which_urls_are_local(tmp_path: Path) -> None:
    page = '<img src="x.png">'
    store = ImageStore(ContentFiles(tmp_path), ImageReferences())
    assert store.relate(parse(page), lambda _: False) == (page, ())


@pytest.mark.parametrize(
    ("source", "message", "code"),
    [
        ("gone.png", "there is no file gone.png", "asset-missing"),
        ("images", "there is no file images", "asset-missing"),
        ("../x.png", "outside", "asset-outside"),
        ("file:///etc/passwd", "outside", "asset-outside"),
        ("link.png", "link", "asset-outside"),
    ],
)
def test_image_that_cannot_be_sent_is_an_error_with_its_line(
    make_renderer: MakeRenderer,
    make_recipient: MakeRecipient,
    tmp_path: Path,
    source: str,
    message: str,
    code: str,
) -> None:
    (tmp_path / "outside.png").write_bytes(PNG)
    renderer = make_renderer(
        {"body.html": f"<p>\n<img src='{source}'></p>", "images/logo.png": PNG}
    )
    folder = next(tmp_path.glob("campaign*"))
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(AssetError, match=message) as caught:
        renderer.render(make_recipient())
    assert caught.value.problem.code == code
    assert caught.value.problem.file == "body.html"
    assert caught.value.problem.row is None
    assert caught.value.problem.line == (None if source == "images" else 2)
