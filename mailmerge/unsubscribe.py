"""The server behind the unsubscribe link: an ASGI application (RFC 8058).

    GET   a page with a button. It never unsubscribes: scanners open every link of a message.
    POST  `List-Unsubscribe=One-Click` unsubscribes at once. The button sends the same.

No cookie, no log-in, no redirect. The last part of the path is the token, so the application may
be mounted anywhere. An address is on disk before the answer says so, and adding it again
changes nothing. A token that was forged, cut off, or signed by a removed key gets a page that says
so, with status 200: the recipient can only write to the sender, and no error helps.

`mailmerge.unsubscribe:app` reads its settings from the environment at the first request:

    MAILMERGE_CAMPAIGN            the campaign folder
    MAILMERGE_UNSUBSCRIBE_KEY     instead of a campaign: the copied key file
    MAILMERGE_UNSUBSCRIBE_LIST    and the list to write, by default suppressed.csv beside the key
    MAILMERGE_UNSUBSCRIBE_PAGE    and the page, if there is one of the campaign's own
    MAILMERGE_UNSUBSCRIBE_RATE    requests a second for each client; 0 for no limit
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from mailmerge.errors import AddressError, CampaignError, MailmergeError
from mailmerge.language import tr
from mailmerge.library_messages import system_reason
from mailmerge.recipients.suppression_writer import SuppressionWriter
from mailmerge.settings import load_settings
from mailmerge.unsubscribe_links import UnsubscribeKeys, Unsubscription, read_key_file, read_keys

DEFAULT_RATE: Final = 100.0
"""Requests a second for each client. A mailbox provider sends those of many recipients."""

_BURST_SECONDS: Final = 2.0
_CLIENTS_KEPT: Final = 10_000
_LONGEST_BODY: Final = 4_096
_FIELD: Final = ("List-Unsubscribe", "One-Click")
_PART: Final = re.compile(
    rb'content-disposition:[^\r\n]*\bname="?list-unsubscribe"?[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n'
    rb"One-Click\r\n",
    re.IGNORECASE,
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src https: "
    "data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}

_TEXTS: Final = {
    "en": {
        "ask": ("Unsubscribe", "Do you want to receive no more messages from this sender?"),
        "done": ("Unsubscribed", "You will receive no more messages from this sender."),
        "invalid": (
            "This link is not valid",
            "It is incomplete or too old. Reply to the message to unsubscribe.",
        ),
        "busy": ("Too many requests", "Please try again in a minute."),
        "failed": ("Please try again", "You are not unsubscribed yet. Please try again later."),
        "button": ("Unsubscribe", ""),
    },
    "zh": {
        "ask": ("退订", "您确定不再接收此发件人的邮件吗？"),
        "done": ("退订成功", "您将不再收到此发件人的邮件。"),
        "invalid": ("链接无效", "此链接不完整或已过期。如需退订，请直接回复邮件。"),
        "busy": ("请求过于频繁", "请一分钟后再试。"),
        "failed": ("请重试", "退订尚未完成，请稍后再试。"),
        "button": ("退订", ""),
    },
}

_PAGE: Final = """<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
body { margin: 15vh auto; max-width: 30rem; padding: 0 1rem; text-align: center }
button { font: inherit; padding: .6rem 1.6rem; border-radius: .4rem; cursor: pointer }
</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
<p>{{ text }}</p>
{{ form }}
</main>
</body>
</html>
"""


class _Pages:
    """The pages in each language, from one template."""

    def __init__(self, source: str = _PAGE, file: str = "") -> None:
        """Make each page once.

        Raises:
            CampaignError: the template is wrong.
        """
        environment = ImmutableSandboxedEnvironment(autoescape=True)
        try:
            template = environment.from_string(source)
            self._made = {
                (language, state): template.render(
                    state=state,
                    language="zh-CN" if language == "zh" else language,
                    title=texts[state][0],
                    text=texts[state][1],
                    form=_form(state, texts["button"][0]),
                )
                for language, texts in _TEXTS.items()
                for state in texts
                if state != "button"
            }
        except JinjaError as error:
            raise CampaignError(
                tr("the page cannot be made: {error}", error=error),
                file=file,
                code="unsubscribe-page",
                hint=tr("use {{ title }}, {{ text }} and {{ form }}; docs/unsubscribe.md has one"),
            ) from error
        lost = [key for key, page in self._made.items() if key[1] == "ask" and "<form" not in page]
        if lost:
            raise CampaignError(
                tr("the page has no button"), file=file, code="unsubscribe-page",
                hint=tr("add {{ form }} where the button belongs"),
            )  # fmt: skip

    def response(self, state: str, accepted: str, status: int = 200) -> Response:
        """The page of a state, in the first known language of Accept-Language, or English."""
        page = self._made[_language(accepted), state]
        more = {"Retry-After": "60"} if status in (429, 503) else {}
        return HTMLResponse(page, status, headers={**_HEADERS, **more})


def _form(state: str, label: str) -> Markup:
    """The button. Without an action, a form is sent to the address of its page."""
    if state != "ask":
        return Markup("")
    return Markup(
        '<form method="post"><input type="hidden" name="{}" value="{}">'
        '<button type="submit">{}</button></form>'
    ).format(*_FIELD, label)


def _quality(item: str) -> tuple[float, str]:
    name, _, parameters = item.partition(";")
    found = re.search(r"q\s*=\s*([0-9.]{1,6})", parameters)
    try:
        quality = float(found[1]) if found else 1.0
    except ValueError:
        quality = 0.0
    return -quality, name.strip().lower().partition("-")[0]


def _language(accepted: str) -> str:
    if len(accepted) > 200:
        return "en"
    ordered = sorted((_quality(one) for one in accepted.split(",")), key=lambda q: q[0])
    return next((name for quality, name in ordered if quality < 0 and name in _TEXTS), "en")


class _ClientRates:
    """How many requests each client may still make: a token bucket for each address.

    An IPv6 client has a whole /64, so that is one address. The clients that were seen last are
    kept; memory stays bounded.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admits(self, client: str) -> bool:
        """Whether this client may make a request now; it counts as made."""
        if not self._rate:
            return True
        name, now, most = _network(client), self._clock(), max(1.0, self._rate * _BURST_SECONDS)
        left, at = self._left.pop(name, (most, now))
        left = min(most, left + (now - at) * self._rate)
        admitted = left >= 1
        self._left[name] = (left - admitted, now)
        if len(self._left) > _CLIENTS_KEPT:
            self._left.popitem(last=False)
        return admitted


def _network(client: str) -> str:
    if ":" not in client:
        return client
    try:
        return str(ip_address(client.partition("%")[0]).packed[:8])
    except ValueError:
        return client


class UnsubscribeApp:
    """The ASGI application of one list. Several campaigns may share it, with one key."""

    def __init__(
        self,
        keys: UnsubscribeKeys,
        writer: SuppressionWriter,
        *,
        page: str = "",
        file: str = "",
        rate: float = DEFAULT_RATE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Serve with these keys.

        Args:
            keys: read the tokens.
            writer: adds the addresses.
            page: the template of the campaign's own page; "" for the page of the program.
            file: the name of that page, for errors.
            rate: requests a second for each client; 0 for no limit.
            clock: seconds that never go back.

        Raises:
            CampaignError: the page is wrong.
        """
        self._keys = keys
        self._writer = writer
        self._pages = _Pages(page or _PAGE, file)
        self._rates = _ClientRates(rate, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the start and the end of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            request = Request(scope, receive)
            try:
                response = await self._answer(request)
            except ClientDisconnect:
                return
            await response(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._writer.close)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, request: Request) -> Response:
        language = request.headers.get("accept-language", "")
        if request.method not in ("GET", "HEAD", "POST"):
            return Response(status_code=405, headers={"Allow": "GET, HEAD, POST"})
        if not self._rates.admits(request.client.host if request.client else ""):
            return self._pages.response("busy", language, 429)
        wanted = self._keys.read(request.url.path.rstrip("/").rpartition("/")[2])
        if wanted is None:
            return self._pages.response("invalid", language)
        if request.method != "POST" or not _is_one_click(await _body_of(request)):
            return self._pages.response("ask", language)
        return await self._unsubscribe(wanted, language)

    async def _unsubscribe(self, wanted: Unsubscription, language: str) -> Response:
        today = date.today()  # noqa: DTZ011 - the date on the calendar of the sender
        try:
            added = self._writer.add(wanted.address, reason="unsubscribed", today=today)
            await asyncio.wrap_future(added)
        except AddressError:
            return self._pages.response("invalid", language)
        except MailmergeError:
            return self._pages.response("failed", language, 503)
        return self._pages.response("done", language)


async def _body_of(request: Request) -> bytes:
    """The body; b"" if it is too long for a form with one field."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_BODY:
            return b""
    return body


def _is_one_click(body: bytes) -> bool:
    """Whether a form says it, in either encoding that RFC 8058, 3.2 allows."""
    if _PART.search(body):
        return True
    return _FIELD in parse_qsl(body.decode("latin-1").strip())


def open_app(
    environment: Mapping[str, str] = os.environ, *, rate: float | None = None
) -> UnsubscribeApp:
    """The application of the settings in the environment; `rate` overrides theirs.

    Raises:
        CampaignError: a setting is missing or wrong.
        SpreadsheetError: the suppression list leads out of the campaign folder.
    """
    if rate is None:
        rate = _rate(environment.get("MAILMERGE_UNSUBSCRIBE_RATE", ""))
    key = environment.get("MAILMERGE_UNSUBSCRIBE_KEY", "")
    page = environment.get("MAILMERGE_UNSUBSCRIBE_PAGE", "")
    if key:
        keys = read_key_file(Path(key))
        named = environment.get("MAILMERGE_UNSUBSCRIBE_LIST", "")
        listed = Path(named) if named else Path(key).with_name("suppressed.csv")
    else:
        settings = load_settings(Path(environment.get("MAILMERGE_CAMPAIGN", "")))
        section = settings.message.unsubscribe
        if section is None:
            raise CampaignError(
                tr("the campaign has no unsubscribe links"),
                file=settings.file,
                hint=tr("add [message.unsubscribe]; docs/unsubscribe.md"),
                code="unsubscribe-settings",
            )
        keys = read_keys(section, settings.folder)
        listed = settings.folder / settings.recipients.suppress
        page = page or (str(settings.folder / section.page) if section.page else "")
    text = _page_text(Path(page)) if page else ""
    return UnsubscribeApp(keys, SuppressionWriter(listed), page=text, file=page, rate=rate)


def _rate(text: str) -> float:
    if text and not re.fullmatch(r"\d{1,9}(?:\.\d+)?", text):
        raise CampaignError(
            tr("MAILMERGE_UNSUBSCRIBE_RATE: {text!r} is not a number", text=text[:40]),
            hint=tr("write requests a second, such as 100"), code="usage",
        )  # fmt: skip
    return float(text) if text else DEFAULT_RATE


def _page_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else tr("it is not UTF-8")
        raise CampaignError(
            tr("the page cannot be read: {reason}", reason=reason), file=path.name,
            hint=tr("check message.unsubscribe.page"), code="unsubscribe-page",
        ) from error  # fmt: skip


@cache
def _app_of_environment() -> UnsubscribeApp:
    return open_app()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The application for any ASGI server: `uvicorn mailmerge.unsubscribe:app`."""
    await _app_of_environment()(scope, receive, send)
