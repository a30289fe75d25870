"""Opens the preview in the browser, without its address on a command line.

The address holds the secret token, and every user of a machine can list the command lines of all
processes. So the browser gets the path of a small file that only the user can read, and the file
leads on to the address.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import webbrowser
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path

from mailmerge.language import tr
from mailmerge.private_files import open_private

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}"><title>{title}</title></head>
<body><p><a href="{address}">{text}</a></p></body></html>
"""


def _page(address: str) -> str:
    return _PAGE.format(
        address=escape(address),
        language=tr("en"),
        title=escape(tr("mailmerge preview")),
        text=escape(tr("Open the preview")),
    )


@contextlib.contextmanager
def opened_in_browser(
    address: str, state_folder: Path, open_file: Callable[[str], bool] = webbrowser.open
) -> Iterator[None]:
    """Open `address` in the browser through a private file, which exists until the end.

    Does nothing if the folder is not writable: the user can still open the address.
    `open_file` opens the URL of a file.
    """
    path = state_folder / f"open-{secrets.token_hex(8)}.html"
    try:
        state_folder.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(open_private(path, "create"), "w", encoding="utf-8") as file:
            file.write(_page(address))
    except OSError:
        yield
        return
    try:
        open_file(path.absolute().as_uri())
        yield
    finally:
        path.unlink(missing_ok=True)
