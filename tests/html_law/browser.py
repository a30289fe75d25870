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
_COMPARED: Final = {"properties": PROPERTIES, "inherited": INHERITED}
_STATES = (":hover", ":active", ":focus", ":checked", ":target", ":disabled", ":enabled")


class NoBrowser(Exception):
    """Chromium is not installed."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The result of one comparison: the differences, and the number of elements compared."""

    differences: tuple[Difference, ...]
    elements: int


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
        self.load({"written": written, "sent": sent}, files or {})
        styles = (written + sent).lower()
        schemes: list[Scheme] = ["light", "dark"] if "color-scheme" in styles else ["light"]
        found: list[Difference] = []
        elements = 0
        for scheme in schemes:
            self._page.emulate_media(color_scheme=scheme)
            for width in widths:
                view = self._compare(_PAIR, width, scheme, styles)
                found += view.differences
                elements = max(elements, view.elements)
        self._page.emulate_media(color_scheme="light")
        found += self._compare_special(written.lower(), styles)
        return Compared(tuple(merge(found)), elements)

    def _compare_special(self, written: str, styles: str) -> Iterator[Difference]:
        """The views at 600 px that change the loaded pages: states, clients, no style elements."""
        for client, words in _CLIENTS.items():
            if any(word in written for word in words):
                self._page.evaluate(
                    "([names, client]) => law.turnClientOn(names, client)", [_PAIR, client]
                )
                yield from self._compare(_PAIR, 600, "light", styles, client).differences
                self._page.evaluate(
                    "([names, client]) => law.turnClientOff(names, client)", [_PAIR, client]
                )
        if any(state in written for state in _STATES):
            self._page.evaluate("names => law.turnStatesOn(names)", _PAIR)
            yield from self._compare(_PAIR, 600, "light", styles, "states").differences
        self._page.evaluate("() => law.keepStaticRules('written')")
        self._page.evaluate("() => law.dropStyleElements('sent')")
        yield from self._compare(_PAIR, 600, "light", "", "without style elements").differences

    def compare_batch(
        self, batch: Sequence[tuple[str, str]], files: Mapping[str, bytes]
    ) -> list[list[Difference]]:
        """Compare many small pages, each in three views: two widths, and without style elements.

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
        self.load(pages, files)
        pairs = [[f"written {number}", f"sent {number}"] for number in range(len(batch))]
        found: list[list[Difference]] = [[] for _ in batch]
        for width, special in ((320, ""), (600, ""), (600, "without style elements")):
            if special:
                for written, sent in pairs:
                    self._page.evaluate("name => law.keepStaticRules(name)", written)
                    self._page.evaluate("name => law.dropStyleElements(name)", sent)
            view = {"width": width, "dark": False, "pseudo": True, **_COMPARED}
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
        self._page.evaluate("pages => law.load(pages)", dict(pages))

    def compare_loaded(
        self, written: str, sent: str, width: int = 600, scheme: Scheme = "light"
    ) -> list[Difference]:
        """Compare two loaded pages, by their names, in one view."""
        return list(self._compare((written, sent), width, scheme, "").differences)

    def evaluate(self, script: str, argument: Any = None) -> Any:
        """Evaluate a function on the page that holds the frames; `law` is compare.js."""
        return self._page.evaluate(script, argument)

    def _compare(
        self, pair: tuple[str, str], width: int, scheme: Scheme, styles: str, special: str = ""
    ) -> Compared:
        where = (f"{width} {special or scheme}",)
        result = self._page.evaluate(
            "options => law.compare(options)",
            {
                "pair": list(pair),
                "width": width,
                "dark": scheme == "dark",
                **_COMPARED,
                "pseudo": ":before" in styles or ":after" in styles,
            },
        )
        found = (Difference(**one, where=where) for one in result["found"])
        return Compared(tuple(found), result["elements"])

    def _answer(self, route: Route) -> None:
        url = route.request.url
        if url == ORIGIN:
            route.fulfill(body=_STAGE, content_type="text/html; charset=utf-8")
        elif url.startswith(ORIGIN) and (path := unquote(urlsplit(url).path[1:])) in self._files:
            route.fulfill(body=self._files[path], content_type=_type_of(path))
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
