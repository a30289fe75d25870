"""The preview's routes: each asks the door first, then answers from the session.

/TOKEN/            the page            /TOKEN/api/campaign     names, counts, problems
/TOKEN/page/FILE   its own files       /TOKEN/api/people       the list, searched and paged
/TOKEN/frame       a message's HTML    /TOKEN/api/message      everything of one message
/TOKEN/part        one of its parts    /TOKEN/api/test         POST: test to me
/TOKEN/eml         its octets          /TOKEN/events           what has changed, live
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from mailmerge.errors import MailmergeError
from mailmerge.preview.access import (
    FILE_POLICY,
    FRAME_POLICY,
    SHELL_POLICY,
    Access,
    guard_headers,
)
from mailmerge.preview.anatomy import part_content
from mailmerge.preview.caught import Opened
from mailmerge.preview.documents import (
    Question,
    campaign_document,
    caught_message_document,
    message_document,
    people_document,
    try_to_make,
)
from mailmerge.preview.frame import Scheme, View
from mailmerge.preview.letter import framed
from mailmerge.preview.live import follow_files
from mailmerge.preview.people import Person
from mailmerge.preview.session import News, Session
from mailmerge.preview.trial import send_trial

PAGE_FOLDER = Path(__file__).parent / "page"
HEARTBEAT = 15.0
"""Seconds after which a quiet live channel says that it is still there."""

LARGEST_REQUEST = 64 * 1024

_KINDS = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SHOWN_IN_PLACE = frozenset(
    {"application/pdf", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain"}
)

Handler = Callable[[Session, Request], Awaitable[Response]]


class _NotThere(Exception):
    """What was asked for does not exist (any more)."""


def make_application(session: Session, access: Access, *, follow: bool = True) -> Starlette:
    """The web application of one session. With `follow`, it watches the campaign's files."""

    def guarded(path: str, handler: Handler, *methods: str) -> Route:
        async def endpoint(request: Request) -> Response:
            refusal = access.refusal(request)
            if refusal is not None:
                return refusal
            if request.method not in methods:
                return _plain(405, "not so")
            try:
                return await handler(session, request)
            except _NotThere:
                return _plain(404, "not found")
            except ValueError as error:
                return _plain(400, str(error))

        # Every method comes to the door, so that none is answered beside it.
        return Route(path, endpoint, methods=_METHODS)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(follow_files(session, stop)) if follow else None
        yield
        stop.set()
        if task is not None:
            await task

    get = {
        "": _page,
        "page/{file}": _page_file,
        "frame": _frame,
        "part": _part,
        "eml": _octets,
        "events": _events,
        "api/campaign": _campaign,
        "api/people": _people,
        "api/message": _message,
    }
    routes = [
        guarded(f"/{{token}}/{path}", handler, "GET", "HEAD") for path, handler in get.items()
    ]
    routes.append(guarded("/{token}/api/test", _test, "POST"))
    routes.append(guarded("/{path:path}", _nothing, *_METHODS))
    return Starlette(routes=routes, lifespan=lifespan)


# -- the page ------------------------------------------------------------------------------------


async def _page(_: Session, __: Request) -> Response:
    return _file("index.html")


async def _page_file(_: Session, request: Request) -> Response:
    name = str(request.path_params["file"])
    # Compared with what is there, so that no name leads out of the folder.
    if name not in {path.name for path in PAGE_FOLDER.iterdir() if path.suffix in _KINDS}:
        raise _NotThere
    return _file(name)


async def _nothing(_: Session, __: Request) -> Response:
    raise _NotThere


def _file(name: str) -> Response:
    path = PAGE_FOLDER / name
    response = Response(path.read_bytes(), media_type=_KINDS[path.suffix])
    return guard_headers(response, SHELL_POLICY)


# -- what it shows -------------------------------------------------------------------------------


async def _campaign(session: Session, _: Request) -> Response:
    return await _told(partial(campaign_document, session))


async def _people(session: Session, request: Request) -> Response:
    query = request.query_params
    question = Question(
        query.get("search", "")[:200],
        query.get("among", "all"),
        max(0, int(query.get("offset", "0"))),
        query.get("around", ""),
        int(query["row"]) if "row" in query else None,
    )
    return await _told(partial(people_document, session, question))


async def _message(session: Session, request: Request) -> Response:
    query = request.query_params
    if "caught" in query:
        name = query["caught"]
        caught = await run_in_threadpool(_caught, session, name)
        return await _told(partial(caught_message_document, session, name, caught))
    search, among = query.get("search", "")[:200], query.get("among", "all")
    return await _told(partial(message_document, session, _person(session, request), search, among))


async def _frame(session: Session, request: Request) -> Response:
    query = request.query_params
    view = View(
        Scheme(query.get("scheme", "light")),
        images=query.get("images", "1") != "0",
        styles=query.get("styles", "1") != "0",
    )
    octets = await run_in_threadpool(_octets_of, session, request)
    html = await run_in_threadpool(framed, octets, view)
    return guard_headers(Response(html, media_type="text/html"), FRAME_POLICY)


async def _part(session: Session, request: Request) -> Response:
    number = int(request.query_params["number"])
    octets = await run_in_threadpool(_octets_of, session, request)
    found = await run_in_threadpool(part_content, octets, number)
    if found is None:
        raise _NotThere
    part, content = found
    shown = part.content_type in _SHOWN_IN_PLACE
    kind = part.content_type if shown else "application/octet-stream"
    return _download(content, kind, part.filename or f"part-{number}", in_place=shown)


async def _octets(session: Session, request: Request) -> Response:
    octets = await run_in_threadpool(_octets_of, session, request)
    return _download(octets, "message/rfc822", "message.eml", in_place=False)


async def _events(session: Session, _: Request) -> Response:
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[News]()

    def listener(news: News) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(queue.put_nowait, news)

    end = session.listen(listener)

    async def stream() -> AsyncIterator[str]:
        try:
            yield ": here\n\n"
            while True:
                try:
                    news = await asyncio.wait_for(queue.get(), HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                else:
                    if news == "closed":
                        return
                    yield f"event: {news}\ndata: {{}}\n\n"
        finally:
            end()

    response = StreamingResponse(stream(), media_type="text/event-stream")
    return guard_headers(response, FILE_POLICY)


async def _test(session: Session, request: Request) -> Response:
    """Send one message to an address that was typed. Only POST, only JSON, only from our page."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return _plain(415, "JSON is wanted")
    match await _body(request):
        case {"person": str(key), "address": str(address)}:
            return await run_in_threadpool(_trial, session, key, address)
    raise ValueError("a person and an address are wanted")


def _trial(session: Session, key: str, address: str) -> Response:
    draft = session.draft
    person = draft.people.find(key)
    made = try_to_make(draft, person)[0] if person else None
    if made is None or draft.campaign is None or draft.messages is None:
        raise _NotThere
    try:
        reverse_path = draft.messages.factory.reverse_path
        reply = send_trial(draft.campaign, made, reverse_path, address)
    except MailmergeError as error:
        return _plain(422, str(error))
    return _json({"reply": reply})


async def _body(request: Request) -> object:
    octets = b""
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > LARGEST_REQUEST:
            raise ValueError("too much")
    parsed: object = json.loads(octets)
    return parsed


# -- what they share -----------------------------------------------------------------------------


def _person(session: Session, request: Request) -> Person:
    person = session.draft.people.find(request.query_params.get("person", ""))
    if person is None:
        raise _NotThere
    return person


def _caught(session: Session, name: str) -> Opened:
    caught = session.sandbox.open(name)
    if caught is None:
        raise _NotThere
    return caught


def _octets_of(session: Session, request: Request) -> bytes:
    if "caught" in request.query_params:
        return _caught(session, request.query_params["caught"]).octets
    made, _ = try_to_make(session.draft, _person(session, request))
    if made is None:
        raise _NotThere
    return bytes(made)


async def _told(document: Callable[[], object]) -> Response:
    return _json(await run_in_threadpool(document))


def _json(document: object) -> Response:
    return guard_headers(JSONResponse(document), FILE_POLICY)


def _plain(status: int, words: str) -> Response:
    return guard_headers(Response(f"{words}\n", status, media_type="text/plain"), FILE_POLICY)


def _download(content: bytes, kind: str, name: str, *, in_place: bool) -> Response:
    # A viewer for PDF is no page of ours: a sandbox would only keep it from being shown.
    policy = FILE_POLICY if kind != "application/pdf" else "default-src 'none'; object-src 'self'"
    response = Response(content, media_type=kind)
    way = "inline" if in_place else "attachment"
    response.headers["Content-Disposition"] = f"{way}; filename*=UTF-8''{quote(name, safe='')}"
    return guard_headers(response, policy)
