"""One Chromium that compares many pages.

A comparison loads both pages once into frames of one page, and evaluates once for each width and
colour scheme. The dark scheme is compared only if one of the pages mentions a colour scheme:
otherwise it cannot differ from the light one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Page, Route, sync_playwright

from .clients import foreign_names, has_new_functions, old_client, readable, readable_sheet
from .difference import Difference, merge
from .images import picture
from .properties import INHERITED, PROPERTIES

Scheme = Literal["light", "dark"]

WIDTHS: Final = (320, 600, 1200)
"""CSS pixels: a telephone, the usual width of a newsletter, a desktop window."""

ORIGIN: Final = "http://campaign.invalid/"
"""Where the files of the campaign folder are for both pages."""

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
_STAGE = "<!doctype html><style>:root { color-scheme: light dark }</style><body></body>"
_COMPARE = (Path(__file__).parent / "compare.js").read_text(encoding="utf-8")
_CLIENTS: Final = {
    "outlook.com": ("data-ogs", "externalclass"),
    "gmail": ("u + ", "u+"),
    "apple": ("x-apple-data-detectors",),
    "outlook": ("#outlook",),
    "MessageViewBody": ("#messageviewbody",),
}
"""A client, and the words in a style sheet that address it."""

_PAIR: Final = ("written", "sent")
_BATCH_VIEWS: Final = ((320, ""), (600, ""), (600, "states"), (600, "without style elements"))
_STATES = (":hover", ":active", ":focus", ":checked", ":target", ":disabled", ":enabled")


class NoBrowser(Exception):
    """Chromium is not installed."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The result of one comparison: the differences, and the number of elements compared."""

    differences: tuple[Difference, ...]
    elements: int


@dataclass(frozen=True, slots=True)
class _Options:
    """What the pages of one comparison need.

    Attributes:
        styles: everything that may name a selector or a property, in lower case.
        shared: the options of compare.js that all views have.
    """

    styles: str
    shared: Mapping[str, object]

    @classmethod
    def of(cls, written: str = "", *others: str) -> _Options:
        """The options for these pages and style sheets."""
        texts = (written, *others)
        styles = "\n".join(texts).lower()
        foreign = foreign_names(*texts)
        return cls(
            styles,
            {
                "properties": (*PROPERTIES, *foreign),
                "inherited": (*INHERITED, *foreign),
                "pseudo": ":before" in styles or ":after" in styles,
            },
        )

    @property
    def schemes(self) -> list[Scheme]:
        """The colour schemes in which the pages can differ."""
        return ["light", "dark"] if "color-scheme" in self.styles else ["light"]


class Browser:
    """A running Chromium with one page, on which pages are compared."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._files: Mapping[str, bytes] = {}
        page.route("**/*", self._answer)
        page.goto(ORIGIN)
        page.evaluate(_COMPARE)

    def compare(
        self,
        written: str,
        sent: str,
        files: Mapping[str, bytes] | None = None,
        widths: Sequence[int] = WIDTHS,
    ) -> Compared:
        """Compare two pages in all views.

        Args:
            written: the page as the author wrote it; relative URLs mean files.
            sent: the page that is sent; its inline images are relative URLs too.
            files: the content of each file, by its path.
            widths: CSS pixels.
        """
        files = files or {}
        sheets = [content.decode() for name, content in files.items() if name.endswith(".css")]
        options = _Options.of(written, sent, *sheets)
        self.load({"written": written, "sent": sent}, files)
        found: list[Difference] = []
        elements = 0
        for scheme in options.schemes:
            self._page.emulate_media(color_scheme=scheme)
            for width in widths:
                view = self._compare(_PAIR, options, width, scheme)
                found += view.differences
                elements = max(elements, view.elements)
        self._page.emulate_media(color_scheme="light")
        for special in self._special_views(options, written, sent, files):
            found += self._compare(_PAIR, options, 600, "light", special).differences
        return Compared(tuple(merge(found)), elements)

    def _special_views(
        self, options: _Options, written: str, sent: str, files: Mapping[str, bytes]
    ) -> Iterator[str]:
        """Change the loaded pages for each special view, and name it."""
        for client, words in _CLIENTS.items():
            if any(word in options.styles for word in words):
                turned = [_PAIR, client]
                self._page.evaluate("([names, client]) => law.turnClientOn(names, client)", turned)
                yield client
                self._page.evaluate("([names, client]) => law.turnClientOff(names, client)", turned)
        if any(state in options.styles for state in _STATES):
            self._page.evaluate("names => law.turnStatesOn(names)", _PAIR)
            yield "states"
        self._page.evaluate("() => law.keepStaticRules('written')")
        self._page.evaluate("() => law.dropStyleElements('sent')")
        yield "without style elements"
        if has_new_functions(options.styles):
            old = {"written": old_client(written, files), "sent": old_client(sent, files)}
            self.load(old, files)
            yield "old client"

    def compare_batch(
        self, batch: Sequence[tuple[str, str]], files: Mapping[str, bytes]
    ) -> list[list[Difference]]:
        """Compare many small pages, each in four views: two widths, states, no style elements.

        Args:
            batch: written and sent page of each pair.
            files: the content of each file that any of them shows, by its path.

        Returns:
            The differences of each pair.
        """
        pages = {
            f"{name} {number}": html
            for number, pair in enumerate(batch)
            for name, html in zip(("written", "sent"), pair, strict=True)
        }
        options = _Options.of(*pages.values())
        self.load(pages, files)
        pairs = [[f"written {number}", f"sent {number}"] for number in range(len(batch))]
        found: list[list[Difference]] = [[] for _ in batch]
        for width, special in _BATCH_VIEWS:
            if special == "states":
                names = [name for pair in pairs for name in pair]
                self._page.evaluate("names => law.turnStatesOn(names)", names)
            elif special:
                for written, sent in pairs:
                    self._page.evaluate("name => law.keepStaticRules(name)", written)
                    self._page.evaluate("name => law.dropStyleElements(name)", sent)
            view = {"width": width, "dark": False, **options.shared}
            where = (f"{width} {special or 'light'}",)
            results = self._page.evaluate(
                "options => law.compareAll(options)", {"pairs": pairs, **view}
            )
            for differences, result in zip(found, results, strict=True):
                differences.extend(Difference(**one, where=where) for one in result)
        return [merge(differences) for differences in found]

    def load(self, pages: Mapping[str, str], files: Mapping[str, bytes]) -> None:
        """Load pages into frames, each under its name, and wait for their images."""
        self._files = files
        loaded = {name: readable(page) for name, page in pages.items()}
        self._page.evaluate("pages => law.load(pages)", loaded)

    def compare_loaded(
        self, written: str, sent: str, width: int = 600, scheme: Scheme = "light"
    ) -> list[Difference]:
        """Compare two loaded pages, by their names, in one view."""
        return list(self._compare((written, sent), _Options.of(), width, scheme).differences)

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """Evaluate a function on the page that holds the frames; `law` is compare.js."""
        return self._page.evaluate(script, argument)

    def _compare(
        self,
        pair: tuple[str, str],
        options: _Options,
        width: int,
        scheme: Scheme,
        special: str = "",
    ) -> Compared:
        view = {"pair": list(pair), "width": width, "dark": scheme == "dark", **options.shared}
        result = self._page.evaluate("view => law.compare(view)", view)
        where = (f"{width} {special or scheme}",)
        found = (Difference(**one, where=where) for one in result["found"])
        return Compared(tuple(found), result["elements"])

    def _answer(self, route: Route) -> None:
        url = route.request.url
        if url == ORIGIN:
            route.fulfill(body=_STAGE, content_type="text/html; charset=utf-8")
        elif url.startswith(ORIGIN) and (path := unquote(urlsplit(url).path[1:])) in self._files:
            content = self._files[path]
            if path.endswith(".css"):
                content = readable_sheet(content.decode()).encode()
            route.fulfill(body=content, content_type=_type_of(path))
        elif route.request.resource_type == "image":
            route.fulfill(body=picture(url), content_type="image/png")
        else:
            route.abort()


def _type_of(path: str) -> str:
    return {"css": "text/css", "svg": "image/svg+xml"}.get(path.rpartition(".")[2], "image/png")


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium for many comparisons.

    Raises:
        NoBrowser: it is not installed.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise NoBrowser("chromium is not installed")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        try:
            yield Browser(running.new_page(viewport={"width": 1280, "height": 800}))
        finally:
            running.close()
