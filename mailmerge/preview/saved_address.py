"""Port and token of a campaign's last preview, so that a bookmark still works the next time.

The token belongs to the port. If the preview gets another port, it also gets another token: a
program that has taken the port may have received the token from a page that was still open.

They are stored in `.mailmerge/preview.json`, which only the user can read (mode 0600), because the
token gives access to the campaign through the running preview.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from mailmerge.preview.access import Access
from mailmerge.private_files import open_private

_FILE = "preview.json"


def new_token() -> str:
    """A secret of 192 bits, as it is written in a URL."""
    return secrets.token_urlsafe(24)


def load_address(state_folder: Path) -> tuple[int, str]:
    """Port and token of the last preview of this campaign; port 0 and a new token without one."""
    try:
        stored = json.loads((state_folder / _FILE).read_text(encoding="utf-8"))
        port, token = stored["port"], stored["token"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0, new_token()
    usable = isinstance(port, int) and 1024 <= port <= 65_535 and isinstance(token, str)
    return (port, token) if usable and len(token) >= 32 else (0, new_token())


def save_address(state_folder: Path, access: Access) -> None:
    """Save port and token for the next time; does nothing if the folder is not writable."""
    content = json.dumps({"port": access.port, "token": access.token})
    try:
        state_folder.mkdir(mode=0o700, exist_ok=True)
        temporary = state_folder / f"{_FILE}.{os.getpid()}"
        with os.fdopen(open_private(temporary, "write"), "w", encoding="utf-8") as file:
            file.write(content)
        temporary.replace(state_folder / _FILE)
    except OSError:
        return
