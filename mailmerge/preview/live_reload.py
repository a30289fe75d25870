"""Watches the campaign's files and reloads the session when an editor saves one of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from watchfiles import Change, awatch

from mailmerge.preview.session import PreviewSession

_QUIET = 50
"""Milliseconds without a change before the files are read: editors save in several steps."""


async def watch_files(session: PreviewSession, stop: asyncio.Event) -> None:
    """Reload the session whenever a file of the campaign changes, until `stop` is set."""

    def matters(_: Change, path: str) -> bool:
        return session.event_for(Path(path)) is not None

    async for changes in awatch(
        session.folder.resolve(),
        watch_filter=matters,
        stop_event=stop,
        step=_QUIET,
        debounce=400,
        rust_timeout=500,
    ):
        events = {session.event_for(Path(path)) for _, path in changes}
        if "changed" in events:
            await run_in_threadpool(session.reload)
        elif "progress" in events:
            session.notify("progress")
