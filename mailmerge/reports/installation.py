"""What works on this computer: versions, optional parts, locks on this disk, the state folder."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailmerge.language import marked, tr
from mailmerge.ledger.examination import DATABASE
from mailmerge.library_messages import system_reason
from mailmerge.portable.boot import boot_id
from mailmerge.portable.locks import system_locking
from mailmerge.private_files import user_state_folder

_LIBRARIES: Final = ("jinja2", "pandas", "premailer", "sqlalchemy", "lxml", "typer")
_OPTIONAL: Final = {"pyarrow": marked('Parquet files; install mailmerge with the extra "parquet"')}


_NAMES: Final = (
    marked("ledger"), marked("libraries"), marked("keyring"), marked("locks"),
    marked("state folder"), marked("boot id"), marked("terminal"),
)  # fmt: skip
"""The names of facts that have translations; programs read them in English."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One part of the installation; `works` is False if mailmerge cannot send like this."""

    name: str
    works: bool
    text: str


def facts(folder: Path, version: str) -> Iterator[Fact]:
    """Yield what works for a campaign in this folder; `version` is that of mailmerge."""
    yield Fact("mailmerge", True, version)
    yield Fact(
        "Python",
        True,
        tr(
            "{python_version} on {platform}",
            python_version=platform.python_version(),
            platform=platform.platform(terse=True),
        ),
    )
    yield Fact("ledger", True, DATABASE)
    yield Fact("libraries", True, ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES))
    for name, use in _OPTIONAL.items():
        there = importlib.util.find_spec(name) is not None
        yield Fact(
            name,
            True,
            _version(name) if there else tr("not installed: needed for {use}", use=tr(use)),
        )
    yield Fact("keyring", True, _keyring())
    yield _locks(folder if folder.is_dir() else folder.parent)
    yield _state_folder()
    known = (
        tr("known")
        if boot_id()
        else tr("not known: after a crash, claimed recipients are in doubt")
    )
    yield Fact("boot id", True, known)
    yield Fact("terminal", True, tr("encoding {value}", value=sys.stdout.encoding or "ascii"))


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return tr("unknown")


def _keyring() -> str:
    try:
        import keyring
        from keyring.backends.fail import Keyring as Without

        backend = keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - any backend may raise anything
        return tr("not usable: {error}", error=error)
    if isinstance(backend, Without):
        return tr("none here: give the password by password_command, or type it")
    return tr("passwords can be kept in {name}", name=backend.name)


def _locks(folder: Path) -> Fact:
    """Whether a lock on this disk keeps a second sender out."""
    locking = system_locking()
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".mailmerge-doctor-") as file:
            second = os.open(file.name, os.O_RDWR)
            try:
                held = locking.lock(file.fileno()) and locking.is_locked(second)
            finally:
                os.close(second)
    except OSError as error:
        return Fact(
            "locks",
            False,
            tr(
                "no file can be made in {name}: {reason}",
                name=folder.name,
                reason=system_reason(error),
            ),
        )
    if held:
        return Fact("locks", True, tr("a second sender is kept out on this disk"))
    return Fact("locks", False, tr("do not work on this disk: keep the campaign on a local one"))


def _state_folder() -> Fact:
    folder = user_state_folder()
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return Fact(
            "state folder",
            False,
            tr("{folder} cannot be written: {reason}", folder=folder, reason=system_reason(error)),
        )
    return Fact("state folder", True, str(folder))
