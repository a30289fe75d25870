"""Templates that are the source of another program."""

from __future__ import annotations

import io
import zipfile

import pytest

from tests.preflight.checked import Folder

MJML = (
    "<mjml>\n<mj-body><mj-section><mj-text>Dear {{ name }}</mj-text></mj-section></mj-body></mjml>"
)
INKY = (
    "<html><body><wrapper><container><row><columns>Dear {{ name }}"
    "</columns></row></container></wrapper></body></html>"
)
MAIZZLE = "---\ntitle: x\n---\n<x-main>\n<p>Dear {{ name }}</p></x-main>"
REACT = (
    "import { Html } from '@react-email/components';\nexport default function M() "
    '{ return (<Html><p className="x">Dear {name}</p></Html>); }'
)  # fmt: skip
MARKDOWN = "# News\n\nDear {{ name }}, read **this** and [that](https://x-firma.de).\n"


def zipped(*names: str, mimetype: str = "") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("source", "what", "way"),
    [
        (MJML, "MJML source", "npx mjml body.html"),
        (INKY, "Inky source", "npx inky"),
        (MAIZZLE, "Maizzle source", "maizzle build"),
        (REACT, "React source", "npx email export"),
        ("<template><Html><Body>{{ name }}</Body></Html></template>", "Vue source", "use that"),
        ("<heml><body><container>{{ name }}</container></body></heml>", "HEML source", "heml"),
        (MARKDOWN, "Markdown source", "npx marked"),
    ],
)
def test_source_of_another_program_is_an_error(
    folder: Folder, source: str, what: str, way: str
) -> None:
    folder.configure(message={"html": '"body.html"'})
    folder.write("body.html", source)
    problem = next(one for one in folder.problems() if one.code == "template-language")
    assert (problem.severity, problem.file) == ("error", "body.html")
    assert what in problem.message
    assert way in problem.hint


@pytest.mark.parametrize("key", ["html", "text"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a Word document (.doc)"),
        (rb"{\rtf1\ansi Hallo}", "an RTF document"),
        (b"%PDF-1.7\nhello", "a PDF document"),
        (
            zipped("content.xml", mimetype="application/vnd.oasis.opendocument.text"),
            "an OpenDocument text",
        ),
        (zipped("xl/workbook.xml"), "an Excel workbook"),
        (zipped("a.txt"), "a ZIP archive"),
        (b"\x89PNG\r\n\x1a\n", "an image"),
        (b"From: x\nMIME-Version: 1.0\nContent-Type: text/html\n\n<p>x</p>", "a saved e-mail"),
    ],
)
def test_document_of_an_office_program_is_named(
    folder: Folder, key: str, content: bytes, what: str
) -> None:
    folder.configure(message={key: '"letter.x"'})
    (folder.path / "letter.x").write_bytes(content)
    (problem,) = [one for one in folder.problems() if one.severity == "error"]
    assert (problem.code, problem.file) == ("not-a-template", "letter.x")
    assert problem.message.startswith(f"this is {what}")
    assert problem.hint


def test_html_as_text_is_an_error(folder: Folder) -> None:
    folder.write("body.txt", "<!DOCTYPE html><html><body>Dear {{ name }}</body></html>")
    assert folder.problem().hint == 'write html = "body.txt" instead of text'


@pytest.mark.parametrize(
    "source",
    ["<p>Dear {{ name }}</p><code>&lt;mjml&gt;</code>", "<p>Dear {{ name }}</p><!-- <row> -->"],
)
def test_plain_html_is_no_source(folder: Folder, source: str) -> None:
    folder.page(source)
    assert not [one for one in folder.problems() if one.code == "template-language"]


def test_an_element_that_html_lacks_is_a_warning_once(folder: Folder) -> None:
    folder.page("<bold>a</bold>\n<bold>b</bold><svg><circle/></svg><o:p></o:p>")
    (problem,) = [one for one in folder.problems() if one.code == "unknown-element"]
    assert (problem.severity, problem.line) == ("warning", 3)
    assert "<bold>" in problem.message


@pytest.mark.parametrize(
    "tag", ["<br>", "</p>", '<a href="https://x-firma.de/">', "</B>", "<BR />"]
)
def test_tags_in_a_plain_text_are_a_warning(folder: Folder, tag: str) -> None:
    folder.write("body.txt", f"Dear {{{{ name }}}}\nso {tag} it is\n")
    problem = folder.problem()
    assert (problem.severity, problem.code, problem.line) == ("warning", "html-in-text", 2)
    assert problem.hint.startswith('write html = "body.txt"')


def test_angle_brackets_of_a_text_are_no_tags(folder: Folder) -> None:
    folder.write("body.txt", "Dear {{ name }}\n<https://x-firma.de/> 3 < 4 <b> <a@x-firma.de>\n")
    assert folder.problems() == []
