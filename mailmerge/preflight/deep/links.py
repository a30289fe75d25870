"""Whether the links of a page work: `check --deep --links` asks each once, slowly.

Only links that are the same for all recipients are asked, because a link with a recipient's token
may act: unsubscribe, confirm, count. Links that unsubscribe are left out as well. HEAD asks for no
content (RFC 9110, 9.3.2); a server that does not know it gets GET. A server that hides behind a
log-in or refuses programs (401, 403, 429 and others) proves nothing.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPMessage
from typing import IO, Final

from mailmerge.language import tr
from mailmerge.preflight.deep.page import DeepPage, Finding, Flaw, Note
from mailmerge.preflight.html import links_of
from mailmerge.preflight.positions import Place
from mailmerge.rendering.document import attribute, elements_of

_GONE: Final = frozenset({404, 410})
_WITHOUT_HEAD: Final = frozenset({400, 403, 404, 405, 501})
"""Answers to HEAD that are repeated with GET: many servers do not know HEAD."""

_PAUSE: Final = 0.2
_MOST: Final = 200
_AGENT: Final = "Mozilla/5.0 (compatible; mailmerge check)"


@dataclass(frozen=True, slots=True)
class Probe:
    """The answer to one link: the status of HTTP, or why there is none."""

    status: int = 0
    reason: str = ""


def links_to_ask(page: DeepPage) -> list[str]:
    """The links of a page that are the same for all recipients, each once."""
    links = links_of(page.document.source)
    kept = (one.url for one in links if not one.unsubscribes and page.value not in one.url)
    return list(dict.fromkeys(url for url in kept if url.lower().startswith(("https:", "http:"))))


def probe(url: str, timeout: float = 10.0) -> Probe:
    """Ask for the head of a page; redirects are followed."""
    answer = _request(url, "HEAD", timeout)
    return _request(url, "GET", timeout) if answer.status in _WITHOUT_HEAD else answer


class _SameMethod(urllib.request.HTTPRedirectHandler):
    """Follows redirects with the method of the request; urllib makes GET of HEAD."""

    def redirect_request(  # noqa: PLR0917 - the signature of urllib
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None:
            following.method = req.get_method()
        return following


def _request(url: str, method: str, timeout: float) -> Probe:
    request = urllib.request.Request(url, method=method, headers={"User-Agent": _AGENT})  # noqa: S310 - http and https only
    try:
        with urllib.request.build_opener(_SameMethod).open(request, timeout=timeout) as answer:
            return Probe(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return Probe(error.code)
    except (OSError, ValueError) as error:
        return Probe(reason=str(getattr(error, "reason", error)))


def check_links(
    links: Iterable[tuple[str, DeepPage]],
    ask: Callable[[str], Probe] = probe,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Finding]:
    """Ask for each link, with the page that has it; at most 200, five a second."""
    for number, (url, page) in enumerate(links):
        if number >= _MOST:
            return
        if number:
            sleep(_PAUSE)
        yield from _judged(page, url, ask(url))


def _judged(page: DeepPage, url: str, answer: Probe) -> Iterator[Finding]:
    if answer.status in _GONE or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        message = tr("the link {url!r} does not work: HTTP status {status}",
                     url=url[:80], status=answer.status)  # fmt: skip
    elif not answer.status:
        message = tr("the link {url!r} does not answer: {reason}",
                     url=url[:80], reason=answer.reason)  # fmt: skip
    elif answer.status >= HTTPStatus.BAD_REQUEST:
        message = tr("not known: whether {url!r} works (HTTP status {status})",
                     url=url[:80], status=answer.status)  # fmt: skip
        yield Note("link-status", message, _place(page, url))
        return
    else:
        return
    yield Flaw("link-status", message, tr("correct it"), _place(page, url))


def _place(page: DeepPage, url: str) -> Place:
    anchors = elements_of(page.document, "a", "area")
    element = next((one for one in anchors if (attribute(one, "href") or "").strip() == url), None)
    return Place(page.file) if element is None else page.place_of(element)
