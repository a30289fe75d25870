"""The templates of the corpus: corpus/FAMILY/NAME.html; corpus/SOURCES.md names their origin."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from .browser import Browser
from .difference import Difference
from .foreign import harmless
from .pages import compare_source, make_pages

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True, slots=True)
class Template:
    """One template: its name, such as `mailgen/salted-reset`, and its file."""

    name: str
    path: Path

    @property
    def family(self) -> str:
        """The folder: templates of one author."""
        return self.name.partition("/")[0]

    @property
    def text(self) -> str:
        """The template, with columns of this project in place of foreign placeholders."""
        return harmless(self.path.read_text(encoding="utf-8", errors="replace"))


@dataclass(frozen=True, slots=True)
class Result:
    """What one comparison found.

    Attributes:
        elements: the number of elements that both pages have.
        differences: each once, with all views in which it is seen.
        seconds: for both pages and the comparison.
    """

    template: str
    elements: int
    differences: tuple[Difference, ...]
    seconds: float


def templates(folder: Path = CORPUS) -> list[Template]:
    """The templates under a folder, in the order of their names."""
    found = sorted(folder.rglob("*.html"))
    return [Template(path.relative_to(folder).with_suffix("").as_posix(), path) for path in found]


def sample(found: list[Template], of_each_family: int) -> list[Template]:
    """The same number of templates of each family, evenly spread over their names."""
    families: dict[str, list[Template]] = {}
    for template in found:
        families.setdefault(template.family, []).append(template)
    return [
        template for members in families.values() for template in _spread(members, of_each_family)
    ]


def _spread(members: list[Template], wanted: int) -> list[Template]:
    count = min(wanted, len(members))
    return [members[(2 * at + 1) * len(members) // (2 * count)] for at in range(count)]


def compare_template(browser: Browser, template: Template) -> Result:
    """Make both pages of a template and compare them in all views.

    Raises:
        MailmergeError: the template cannot be sent.
    """
    began = perf_counter()
    with _folder(template) as folder:
        pages = make_pages(folder, template.text)
        compared = browser.compare(pages.written, pages.sent, pages.files)
    found = (*compare_source(pages), *compared.differences)
    return Result(template.name, compared.elements, found, perf_counter() - began)


@contextmanager
def _folder(template: Template) -> Iterator[Path]:
    """A campaign folder with the style sheets of the template's family."""
    with tempfile.TemporaryDirectory(prefix="html-law-") as name:
        folder = Path(name)
        for sheet in template.path.parent.glob("*.css"):
            (folder / sheet.name).write_bytes(sheet.read_bytes())
        yield folder
