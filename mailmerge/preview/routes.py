"""The preview's routes: each checks access first, then answers from the session.

/TOKEN/            the page            /TOKEN/api/campaign     names, counts, problems
/TOKEN/page/FILE   its own files       /TOKEN/api/recipients   the list, searched and paged
/TOKEN/frame       a message's HTML    /TOKEN/api/message      everything about one message
/TOKEN/part        one of its parts    /TOKEN/api/test         POST: send a test message
/TOKEN/eml         its bytes           /TOKEN/events           server-sent events

A message is named by `recipient=KEY` or by `sandbox=NAME`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mailmerge.errors import MailmergeError
from mailmerge.language import tr
from mailmerge.preview.access import (
    FILE_POLICY,
    FRAME_POLICY,
    PAGE_POLICY,
    Access,
    guard_headers,
)
from mailmerge.preview.documents import ListQuery, campaign_document, list_document
from mailmerge.preview.frame import Scheme, View, frame_html
from mailmerge.preview.live_reload import watch_files
from mailmerge.preview.message_documents import (
    message_document,
    sandbox_message_document,
)
from mailmerge.preview.messages import ShownMessage
from mailmerge.preview.mime_structure import parse_message, part_content
from mailmerge.preview.page_files import index_page, read_page_file
from mailmerge.preview.recipient_list import RecipientRow
from mailmerge.preview.sandbox_messages import SandboxMessage
from mailmerge.preview.sending import send_test_message
from mailmerge.preview.session import PreviewSession, SessionEvent

_HEARTBEAT = 15.0
"""Seconds without an event after which the event stream sends a comment."""

_LARGEST_REQUEST = 64 * 1024
_LONGEST_SEARCH = 200

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SHOWN_INLINE = frozenset(
    {"application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"}
)

_Handler = Callable[[PreviewSession, Request], Awaitable[Response]]


class _NotFound(Exception):
    """The request names something that does not exist (any more)."""


def make_application(session: PreviewSession, access: Access, *, watch: bool = True) -> Starlette:
    """The web application of one session. With `watch`, it follows the campaign's files."""
    guard = _Guard(session, access)
    routes = [guard.route(f"/{{token}}/{path}", handler) for path, handler in _GET.items()]
    routes.append(guard.route("/{token}/api/test", _test, "POST"))
    routes.append(guard.route("/{path:path}", _nothing, *_METHODS))
    return Starlette(routes=routes, lifespan=lambda _: _watching(session, watch))


@dataclass(frozen=True, slots=True)
class _Guard:
    """Puts the check of access and the mapping of errors in front of every handler."""

    session: PreviewSession
    access: Access

    def route(self, path: str, handler: _Handler, *methods: str) -> Route:
        """A route for these methods (GET and HEAD by default).

        Starlette sends it every method, so that access is checked for all of them.
        """
        allowed = frozenset(methods or ("GET", "HEAD"))
        return Route(path, partial(self._respond, handler, allowed), methods=_METHODS)

    async def _respond(
        self, handler: _Handler, allowed: frozenset[str], request: Request
    ) -> Response:
        refusal = self.access.refusal(request)
        if refusal is not None:
            return refusal
        if request.method not in allowed:
            return _plain(405, tr("This method is not allowed here."))
        try:
            return await handler(self.session, request)
        except _NotFound:
            return _plain(404, tr("Not found."))
        except ValueError as error:
            return _plain(400, str(error))


@contextlib.asynccontextmanager
async def _watching(session: PreviewSession, watch: bool) -> AsyncIterator[None]:
    """Follows the files while the application runs."""
    stop = asyncio.Event()
    task = asyncio.create_task(watch_files(session, stop)) if watch else None
    yield
    stop.set()
    if task is not None:
        await task


# -- the page ------------------------------------------------------------------------------------


async def _page(session: PreviewSession, _: Request) -> Response:
    page = index_page(session.page_language)
    return guard_headers(Response(page, media_type="text/html"), PAGE_POLICY)


async def _page_file(_: PreviewSession, request: Request) -> Response:
    return _file(str(request.path_params["file"]))


async def _nothing(_: PreviewSession, __: Request) -> Response:
    raise _NotFound


def _file(name: str) -> Response:
    found = read_page_file(name)
    if found is None:
        raise _NotFound
    content, content_type = found
    return guard_headers(Response(content, media_type=content_type), PAGE_POLICY)


# -- what it shows -------------------------------------------------------------------------------


async def _campaign(session: PreviewSession, _: Request) -> Response:
    return await _json_of(partial(campaign_document, session))


async def _recipients(session: PreviewSession, request: Request) -> Response:
    query = request.query_params
    wanted = ListQuery(
        query.get("search", "")[:_LONGEST_SEARCH],
        query.get("among", "all"),
        max(0, int(query.get("offset", "0"))),
        query.get("around", ""),
        int(query["row"]) if "row" in query else None,
    )
    return await _json_of(partial(list_document, session, wanted))


async def _message(session: PreviewSession, request: Request) -> Response:
    query = request.query_params
    if "sandbox" in query:
        name = query["sandbox"]
        message = await run_in_threadpool(_sandbox_message, session, name)
        return await _json_of(partial(sandbox_message_document, session, name, message))
    search, among = query.get("search", "")[:_LONGEST_SEARCH], query.get("among", "all")
    row = _row(session, query.get("recipient", ""))
    return await _json_of(partial(message_document, session, row, search, among))


async def _frame(session: PreviewSession, request: Request) -> Response:
    query = request.query_params
    view = View(
        Scheme(query.get("scheme", "light")),
        images=query.get("images", "1") != "0",
        styles=query.get("styles", "1") != "0",
    )
    html = await run_in_threadpool(_frame_html, session, request, view)
    return guard_headers(Response(html, media_type="text/html"), FRAME_POLICY)


async def _part(session: PreviewSession, request: Request) -> Response:
    number = int(request.query_params["number"])
    data = await run_in_threadpool(_data_of, session, request)
    found = await run_in_threadpool(part_content, data, number)
    if found is None:
        raise _NotFound
    part, content = found
    inline = part.content_type in _SHOWN_INLINE
    content_type = part.content_type if inline else "application/octet-stream"
    return _download(content, content_type, part.filename or f"part-{number}", inline=inline)


async def _eml(session: PreviewSession, request: Request) -> Response:
    data = await run_in_threadpool(_data_of, session, request)
    return _download(data, "message/rfc822", "message.eml", inline=False)


async def _events(session: PreviewSession, _: Request) -> Response:
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[SessionEvent]()

    def listener(event: SessionEvent) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the page is gone
            loop.call_soon_threadsafe(queue.put_nowait, event)

    stream = _event_stream(queue, session.subscribe(listener))
    return guard_headers(StreamingResponse(stream, media_type="text/event-stream"), FILE_POLICY)


async def _event_stream(
    queue: asyncio.Queue[SessionEvent], unsubscribe: Callable[[], None]
) -> AsyncIterator[str]:
    """Server-sent events (HTML Living Standard, 9.2) until the session ends."""
    try:
        yield ": connected\n\n"
        while (event := await _next_event(queue)) != "closed":
            yield f"event: {event}\ndata: {{}}\n\n" if event else ": still connected\n\n"
    finally:
        unsubscribe()


async def _next_event(queue: asyncio.Queue[SessionEvent]) -> SessionEvent | None:
    try:
        return await asyncio.wait_for(queue.get(), _HEARTBEAT)
    except TimeoutError:
        return None


async def _test(session: PreviewSession, request: Request) -> Response:
    """Send one message to the address in the body: only POST, only JSON, only from the page."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        return _plain(415, tr("The request body must be JSON."))
    match await _body(request):
        case {"recipient": str(key), "address": str(address), "password": str(password)}:
            return await run_in_threadpool(_send_test, session, key, address, password)
        case {"recipient": str(key), "address": str(address)}:
            return await run_in_threadpool(_send_test, session, key, address, "")
    raise ValueError(tr('The request body must be {"recipient": KEY, "address": ADDRESS}.'))


def _send_test(session: PreviewSession, key: str, address: str, password: str) -> Response:
    snapshot = session.snapshot
    row = snapshot.rows.find(key)
    recipient = snapshot.recipient(row) if row else None
    if recipient is None or snapshot.messages is None:
        raise _NotFound
    try:
        reply = send_test_message(snapshot, recipient, address, password)
    except MailmergeError as error:
        return _plain(422, str(error))
    return _json({"reply": reply})


async def _body(request: Request) -> object:
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > _LARGEST_REQUEST:
            raise ValueError(tr("The request body is too large."))
    try:
        parsed: object = json.loads(data)
    except RecursionError:
        raise ValueError(tr("The request body is nested too deeply.")) from None
    return parsed


_GET: dict[str, _Handler] = {
    "": _page,
    "page/{file}": _page_file,
    "frame": _frame,
    "part": _part,
    "eml": _eml,
    "events": _events,
    "api/campaign": _campaign,
    "api/recipients": _recipients,
    "api/message": _message,
}


# -- shared --------------------------------------------------------------------------------------


def _row(session: PreviewSession, key: str) -> RecipientRow:
    row = session.snapshot.rows.find(key)
    if row is None:
        raise _NotFound
    return row


def _sandbox_message(session: PreviewSession, name: str) -> SandboxMessage:
    message = session.sandbox.read(name)
    if message is None:
        raise _NotFound
    return message


def _data_of(session: PreviewSession, request: Request) -> bytes:
    """The bytes of the message that the request names."""
    query = request.query_params
    if "sandbox" in query:
        return _sandbox_message(session, query["sandbox"]).data
    made = session.snapshot.message(_row(session, query.get("recipient", "")))
    if not isinstance(made, ShownMessage):
        raise _NotFound
    return bytes(made)


def _frame_html(session: PreviewSession, request: Request, view: View) -> str:
    parsed = parse_message(_data_of(session, request))
    return frame_html(parsed.html or "", view, parsed.images)


async def _json_of(document: Callable[[], object]) -> Response:
    return _json(await run_in_threadpool(document))


def _json(document: object) -> Response:
    return guard_headers(JSONResponse(document), FILE_POLICY)


def _plain(status: int, text: str) -> Response:
    return guard_headers(Response(f"{text}\n", status, media_type="text/plain"), FILE_POLICY)


def _download(content: bytes, content_type: str, name: str, *, inline: bool) -> Response:
    # A sandbox would keep the browser's PDF viewer from showing the file; it is no page of ours.
    is_pdf = content_type == "application/pdf"
    policy = "default-src 'none'; object-src 'self'" if is_pdf else FILE_POLICY
    response = Response(content, media_type=content_type)
    disposition = "inline" if inline else "attachment"
    response.headers["Content-Disposition"] = (
        f"{disposition}; filename*=UTF-8''{quote(name, safe='')}"
    )
    return guard_headers(response, policy)
