"""A command line from campaign.toml -> the program and its arguments, without a shell.

Quotes mean the same everywhere. A backslash escapes a character on POSIX systems; on Windows it
separates folders, as in `C:\\Tools\\secret.exe smtp`.
"""

from __future__ import annotations

import shlex
import sys


def split_command(command: str, platform: str = sys.platform) -> list[str]:
    """The program and its arguments; `platform` is a value of `sys.platform`.

    Raises:
        ValueError: a quote is not closed.
    """
    words = shlex.shlex(command, posix=True, punctuation_chars=False)
    words.whitespace_split = True
    words.commenters = ""
    if platform == "win32":
        words.escape = ""
    return list(words)
