"""What the shell completes: campaign folders, starters, services; Typer completes the rest.

Each function runs when the Tab key is pressed. It gets the beginning of a word and returns the
words that begin so. It never raises: a shell would show the traceback in the line.
"""

from __future__ import annotations

from pathlib import Path


def campaigns(incomplete: str) -> list[str]:
    """Campaign folders, and folders on the way to them (with a slash), that begin so."""
    from mailmerge.settings import CAMPAIGN_FILE

    head, slash, tail = incomplete.rpartition("/")
    above = Path(head + slash).expanduser()
    try:
        folders = sorted(one.name for one in above.iterdir() if one.is_dir())
    except OSError:
        return []
    wanted = [name for name in folders if name.startswith(tail) and _is_shown(name, tail)]
    return [
        f"{head}{slash}{name}" + ("" if (above / name / CAMPAIGN_FILE).is_file() else "/")
        for name in wanted
    ]


def starter_names(incomplete: str) -> list[str]:
    """The starters of `init --template` that begin so."""
    from mailmerge.errors import MailmergeError
    from mailmerge.starters import starters

    try:
        return [name for name in starters() if name.startswith(incomplete)]
    except MailmergeError:
        return []


def provider_names(incomplete: str) -> list[str]:
    """The known services that begin so."""
    from mailmerge.providers.lookup import load_providers

    return [name for name in load_providers() if name.startswith(incomplete)]


def language_names(incomplete: str) -> list[str]:
    """The values of --lang that begin so."""
    from mailmerge.language import LANGUAGES

    return [name for name in LANGUAGES if name.startswith(incomplete)]


def _is_shown(name: str, typed: str) -> bool:
    """Hidden folders are completed where their dot was typed."""
    return typed.startswith(".") or not name.startswith(".")
