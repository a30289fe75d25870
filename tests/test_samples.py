"""samples/ and templates/ are real campaigns: complete, readable everywhere, and as promised."""

from __future__ import annotations

import re
import struct
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path

import openpyxl
import pytest
from lxml import html

from mailmerge.errors import Problem
from mailmerge.preflight.check import CheckOptions, check_campaign
from mailmerge.recipients.audience import Recipient, Skipped, SkipReason, open_audience
from mailmerge.recipients.spreadsheet import open_spreadsheet
from mailmerge.rendering.content import Content, Renderer
from mailmerge.settings import CAMPAIGN_FILE, Settings, load_settings

ROOT = Path(__file__).parents[1]
SAMPLES = sorted(path.parent for path in ROOT.glob(f"samples/*/{CAMPAIGN_FILE}"))
STARTERS = sorted(path.parent for path in ROOT.glob(f"templates/*/{CAMPAIGN_FILE}"))
NEWSLETTER, INVOICES, PLAIN = (ROOT / "samples" / n for n in ("newsletter", "invoices", "plain"))
RESERVED_DOMAINS = ("example.org", "example.com", "example.net")  # RFC 2606, 3

_CSS_CLASS = re.compile(r"\.([a-z][a-z0-9-]*)(?=[^{}]*\{)")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_JINJA = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def named(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


every_campaign = pytest.mark.parametrize("folder", SAMPLES + STARTERS, ids=named)


@cache
def audience(folder: Path) -> tuple[Recipient | Skipped | Problem, ...]:
    return tuple(open_audience(load_settings(folder)))


def people(folder: Path) -> list[Recipient]:
    """The recipients; each campaign has some of them."""
    found = [record for record in audience(folder) if isinstance(record, Recipient)]
    assert found, folder
    return found


@cache
def renderer(folder: Path) -> Renderer:
    return Renderer(load_settings(folder))


@cache
def rendered(folder: Path) -> tuple[tuple[Recipient, Content], ...]:
    """Each recipient with their content; at least one."""
    return tuple((person, renderer(folder).render(person)) for person in people(folder))


def html_source(campaign: Settings) -> str:
    name = campaign.message.html
    return (campaign.folder / name).read_text(encoding="utf-8") if name else ""


def html_campaigns() -> list[Path]:
    return [folder for folder in SAMPLES + STARTERS if html_source(load_settings(folder))]


every_html = pytest.mark.parametrize("folder", html_campaigns(), ids=named)
WITH_IMAGES = ("announcement", "invitation", "invoices", "newsletter")
with_images = pytest.mark.parametrize(
    "folder", [folder for folder in html_campaigns() if folder.name in WITH_IMAGES], ids=named
)


def scripts(text: str) -> set[str]:
    """The scripts of the letters in a text: LATIN, CJK, ARABIC ..."""
    return {unicodedata.name(letter).split()[0] for letter in text if letter.isalpha()}


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG or a JPEG, in pixels, from its own header."""
    content = path.read_bytes()
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", content[16:24])
        return width, height
    assert content.startswith(b"\xff\xd8")
    at = 2
    while content[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    height, width = struct.unpack(">HH", content[at + 5 : at + 9])
    return width, height


def test_the_promised_samples_and_starters_are_there() -> None:
    assert [folder.name for folder in SAMPLES] == ["invoices", "newsletter", "plain"]
    assert [folder.name for folder in STARTERS] == [
        "announcement",
        "invitation",
        "invoice",
        "newsletter",
        "plain",
    ]


@every_campaign
def test_the_first_line_says_in_one_sentence_what_it_is_for(folder: Path) -> None:
    first = (folder / CAMPAIGN_FILE).read_text(encoding="utf-8").partition("\n")[0]
    assert re.fullmatch(r"# [A-Z].+[.,:a-z]", first)
    if folder in STARTERS:
        assert re.fullmatch(r"# [A-Z][^.]+\.", first)


@every_campaign
def test_no_recipient_is_there_twice(folder: Path) -> None:
    skipped = [record for record in audience(folder) if not isinstance(record, Recipient)]
    assert {getattr(record, "reason", None) for record in skipped} <= {SkipReason.SUPPRESSED}
    identities = Counter(person.mailbox.identity for person in people(folder))
    assert set(identities.values()) == {1}


@every_campaign
def test_every_address_is_reserved_for_examples(folder: Path) -> None:
    for person in people(folder):
        assert person.mailbox.domain in RESERVED_DOMAINS, person.mailbox
        assert person.mailbox.forward_path.isascii()


@every_campaign
def test_every_column_is_used_and_every_variable_is_a_column(folder: Path) -> None:
    campaign = load_settings(folder)
    columns = set(open_spreadsheet(campaign).columns)
    used = renderer(folder).variables
    assert used <= columns | {"row"}
    assert columns - used <= {campaign.recipients.address, campaign.recipients.key_column}


@every_campaign
def test_every_message_is_rendered(folder: Path) -> None:
    messages = rendered(folder)
    assert len(messages) == len(people(folder)) > 0
    for person, content in messages:
        text = str(content.text)
        assert content.subject
        assert not re.search(r"\{[{%#]|None|Undefined", text + content.subject), person.row
        assert "\n\n\n\n" not in text
        if content.html is not None:
            assert "{{" not in str(content.html)
            assert html.document_fromstring(str(content.html)).find("body") is not None


@every_campaign
def test_the_check_finds_nothing_but_the_reserved_domains(folder: Path) -> None:
    campaign = load_settings(folder)
    assert check_campaign(campaign).problems == ()
    for_real = check_campaign(campaign, CheckOptions(for_real=True))
    assert for_real.errors == for_real.recipients == len(people(folder))
    assert {problem.code for problem in for_real.problems} == {"reserved-domain"}


@every_campaign
def test_every_attachment_is_there_and_every_file_is_used(folder: Path) -> None:
    campaign = load_settings(folder)
    attached = {path for _, content in rendered(folder) for path in content.attachments}
    related = {
        image.path
        for _, content in rendered(folder)
        if content.html is not None
        for image in content.html.structure.images
    }
    assert bool(related) == (folder.name in WITH_IMAGES)
    for path in attached | related:
        assert (folder / path).is_file(), path
    named_files = {campaign.recipients.file, campaign.message.html, campaign.message.text}
    sheets = set(re.findall(r'<link rel="stylesheet" href="([^"]+)">', html_source(campaign)))
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    there = {path for path in there if not path.startswith(".")}
    assert there - {CAMPAIGN_FILE} == attached | related | sheets | (named_files - {None})


@every_campaign
def test_each_recipient_has_a_pdf_of_their_own(folder: Path) -> None:
    own = [content.attachments[:1] for _, content in rendered(folder) if content.attachments]
    documents = [folder / path for paths in own for path in paths if path.endswith(".pdf")]
    contents = [path.read_bytes() for path in documents]
    assert bool(contents) == (folder.name in {"invoice", "invoices"})
    for content in contents:
        assert content.startswith(b"%PDF-1.")
        assert content.rstrip().endswith(b"%%EOF")
        assert b"startxref" in content[-100:]
    assert len(set(contents)) == len(contents)


@with_images
def test_every_image_has_a_text_and_is_sharp(folder: Path) -> None:
    tree = html.document_fromstring(html_source(load_settings(folder)))
    images = list(tree.iter("img"))
    assert images
    for image in images:
        assert (image.get("alt") or "").strip(), image.get("src")
        width, height = image_size(folder / (image.get("src") or ""))
        shown = int(image.get("width") or 0), int(image.get("height") or 0)
        assert shown[0] > 0
        assert width >= 2 * shown[0]
        assert abs(width * shown[1] - height * shown[0]) <= width + height


@with_images
def test_images_are_small_enough_for_a_message(folder: Path) -> None:
    paths = list(folder.glob("images/*"))
    assert paths
    for path in paths:
        bound = 10_000 if path.suffix == ".png" else 40_000
        assert path.stat().st_size <= bound, path.name


@every_html
def test_tables_that_arrange_things_say_so(folder: Path) -> None:
    tree = html.document_fromstring(html_source(load_settings(folder)))
    tables = list(tree.iter("table"))
    assert tables
    for table in tables:
        holds_figures = next(table.iter("th"), None) is not None
        nested = next(table.iterdescendants("table"), None) is not None
        if nested or not holds_figures:
            assert table.get("role") == "presentation", table.attrib


@every_html
def test_every_style_has_an_element_and_every_class_a_style(folder: Path) -> None:
    source = _JINJA.sub("", html_source(load_settings(folder)))
    sheets = [(folder / "style.css").read_text(encoding="utf-8")]
    sheets += re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
    styled = set(_CSS_CLASS.findall(_CSS_COMMENT.sub("", "".join(sheets))))
    used = {
        name
        for element in html.document_fromstring(source).iter("*")
        for name in (element.get("class") or "").split()
    }
    assert styled == used


@every_html
def test_phone_dark_and_hover_survive_the_inlining(folder: Path) -> None:
    page = str(rendered(folder)[0][1].html)
    assert "prefers-color-scheme: dark" in page
    assert re.search(r"@media[^{]*max-width", page)
    assert page.lower().startswith("<!doctype html>")
    assert re.search(r'<body[^>]*style="[^"]*background', page)
    assert 'rel="stylesheet"' not in page
    if ":hover" in html_source(load_settings(folder)):
        assert ":hover" in page


@every_html
def test_the_preheader_is_hidden_and_first(folder: Path) -> None:
    for _, content in rendered(folder)[:3]:
        body = html.document_fromstring(str(content.html)).find("body")
        assert body is not None
        first = body[0]
        assert first.get("class") == "preheader" or "display:none" in (first.get("style") or "")
        assert "".join(map(str, first.itertext())).strip()


@every_html
def test_links_are_https_or_mailto(folder: Path) -> None:
    for _, content in rendered(folder)[:20]:
        links = list(html.document_fromstring(str(content.html)).iter("a"))
        assert bool(links) == (folder.name != "invoice")
        for link in links:
            assert re.match(r"https://[^\s]+$|mailto:[^\s]+$", link.get("href") or "")


@every_html
def test_styles_never_depend_on_the_row(folder: Path) -> None:
    assert rendered(folder)
    assert renderer(folder).slow_because == ""


def test_no_file_contains_the_path_where_it_was_made() -> None:
    folders = (ROOT / "samples", ROOT / "templates")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 30
    for path in files:
        assert not re.search(rb"/(?:root|home|tmp|work)/", path.read_bytes()), path


class TestNewsletter:
    def test_it_has_readers_of_every_kind(self) -> None:
        readers = people(NEWSLETTER)
        names = "".join(reader.cells["name"] for reader in readers)
        assert len(readers) >= 200
        assert {"LATIN", "CJK", "HIRAGANA", "CYRILLIC", "ARABIC", "HEBREW"} <= scripts(names)
        assert {"王小明", "Siobhán O'Brien"} <= {reader.cells["name"] for reader in readers}
        assert any("'" in reader.mailbox.address for reader in readers)
        assert any(ord(letter) > 0xBF for letter in names)
        assert not any(unicodedata.category(letter) == "So" for letter in names)

    def test_optional_cells_are_empty_for_some(self) -> None:
        for column in ("name", "city", "interests", "member_since"):
            empty = sum(not reader.cells[column] for reader in people(NEWSLETTER))
            assert 0 < empty < len(people(NEWSLETTER)), column

    def test_cells_differ_in_country_language_and_plan(self) -> None:
        for column, least in (("country", 10), ("language", 10), ("plan", 3), ("interests", 5)):
            assert len({reader.cells[column] for reader in people(NEWSLETTER)}) >= least

    def test_leading_zeros_are_there_to_be_kept(self) -> None:
        assert people(NEWSLETTER)[0].cells["reader"] == "00047"

    def test_one_click_unsubscribing_is_long_and_personal(self) -> None:
        links = set()
        for reader, content in rendered(NEWSLETTER):
            fields = dict(content.headers)
            assert fields["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            links.add(fields["List-Unsubscribe"])
            assert len(fields["List-Unsubscribe"]) > 250
            target = fields["List-Unsubscribe"].strip("<>")
            tree = html.document_fromstring(str(content.html))
            assert target in [link.get("href") for link in tree.iter("a")]
            assert target in str(content.text), reader.row
        assert len(links) == len(people(NEWSLETTER))

    def test_conditions_and_loops_make_different_messages(self) -> None:
        letters = {reader.cells["name"]: content for reader, content in rendered(NEWSLETTER)}
        wang, siobhan = letters["王小明"], letters["Siobhán O'Brien"]
        assert "lives on its readers" in str(wang.html)
        assert "Thank you for being a member" in " ".join(str(siobhan.html).split())
        assert "杭州" in str(wang.html)
        assert "The Signal Box" in str(siobhan.html)
        assert "salt road" in str(siobhan.text)
        assert "salt road" not in str(wang.text)

    def test_a_reader_without_a_name_is_greeted(self) -> None:
        nameless = [c for reader, c in rendered(NEWSLETTER) if not reader.cells["name"]]
        assert nameless
        for content in nameless:
            assert content.subject == "The night train to the sea is back"
            assert "dear reader" in str(content.html)
            assert "dear reader," in str(content.text)

    def test_all_messages_share_a_few_structures(self) -> None:
        structures = {id(c.html.structure) for _, c in rendered(NEWSLETTER) if c.html is not None}
        assert 2 <= len(structures) <= len(people(NEWSLETTER)) / 10

    def test_the_html_is_far_smaller_than_the_clip_of_gmail(self) -> None:
        sizes = [len(str(content.html).encode()) for _, content in rendered(NEWSLETTER)]
        assert min(sizes) > 10_000
        assert max(sizes) < 40_000


class TestInvoices:
    def test_cells_are_read_as_the_sheet_shows_them(self) -> None:
        customers = {person.cells["姓名"]: person.cells for person in people(INVOICES)}
        assert len(customers) == 12
        assert customers["王小明"]["Customer no."] == "00123"
        assert customers["Siobhán O'Brien"]["Amount"] == "34.30"
        assert customers["Siobhán O'Brien"]["Due date"] == "2026-11-26"
        assert customers["Nikhil N. A. Null"]["Company"] == "NA"

    def test_the_sheet_holds_numbers_and_dates_not_texts(self) -> None:
        workbook = openpyxl.load_workbook(INVOICES / "recipients.xlsx")
        assert len(workbook.sheetnames) == 1
        head, first, *_ = list(workbook.worksheets[0].iter_rows())
        cells = {str(name.value): cell for name, cell in zip(head, first, strict=True)}
        assert (cells["Customer no."].value, cells["Customer no."].number_format) == (123, "00000")
        assert cells["Amount"].data_type == "n"
        assert cells["Amount"].number_format == "0.00"
        assert cells["Due date"].is_date

    def test_each_customer_gets_their_invoice_and_the_terms(self) -> None:
        attached = [content.attachments for _, content in rendered(INVOICES)]
        assert len({own for own, _ in attached}) == 12
        assert {common for _, common in attached} == {"terms.pdf"}


class TestPlain:
    def test_it_is_text_and_nothing_else(self) -> None:
        assert len(people(PLAIN)) == 8
        for person, content in rendered(PLAIN):
            assert content.html is None
            assert content.headers == (("X-Choir-Voice", person.cells["voice"]),)

    def test_the_cells_are_separated_by_tabs(self) -> None:
        text = (PLAIN / "singers.tsv").read_text(encoding="utf-8")
        assert {line.count("\t") for line in text.splitlines()} == {5}

    def test_a_line_begins_with_a_dot(self) -> None:
        for _, content in rendered(PLAIN):
            assert re.search(r"^\.", str(content.text), re.MULTILINE)
