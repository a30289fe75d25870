"""The campaign's files as somebody edits them -> news for the page."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from watchfiles import Change, awatch

from mailmerge.campaign import STATE_FOLDER
from mailmerge.orders import SANDBOX
from mailmerge.preview.session import News, Session

QUIET = 50
"""Milliseconds without a change before the files are read: editors write in several steps."""

_BESIDE = (".swp", ".swx", ".tmp", "~")


async def follow_files(session: Session, stop: asyncio.Event) -> None:
    """Reload the session whenever a file of the campaign changes, until `stop`."""
    folder = session.folder.resolve()

    def matters(_: Change, path: str) -> bool:
        return news_of(folder, Path(path)) is not None

    async for changes in awatch(
        folder, watch_filter=matters, stop_event=stop, step=QUIET, debounce=400, rust_timeout=500
    ):
        told = _all_news(folder, changes)
        if "changed" in told:
            await run_in_threadpool(session.reload)
        elif "progress" in told:
            session.tell("progress")


def news_of(folder: Path, path: Path) -> News | None:
    """What a change of this file means: the campaign, the sandbox's mail, or nothing."""
    try:
        parts = path.relative_to(folder).parts
    except ValueError:
        return None
    if parts[:2] == (STATE_FOLDER, SANDBOX):
        return "progress" if parts[-2] in {"new", "cur"} else None
    if any(part.startswith((".", "__pycache__")) for part in parts):
        return None
    return None if path.name.endswith(_BESIDE) else "changed"


def _all_news(folder: Path, changes: Iterable[tuple[Change, str]]) -> set[News | None]:
    return {news_of(folder, Path(path)) for _, path in changes}
