"""What works on this computer: versions, optional parts, locks on this disk, the state folder."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from mailmerge.language import marked, tr
from mailmerge.ledger.examination import DATABASE
from mailmerge.library_messages import system_reason
from mailmerge.portable.boot import boot_id
from mailmerge.portable.files import flags_for
from mailmerge.portable.locks import system_locking
from mailmerge.private_files import user_state_folder
from mailmerge.reports.fact import Fact
from mailmerge.reports.other_installations import hidden_by, other_distributions
from mailmerge.reports.surroundings import (
    Terminal,
    browser_fact,
    clock_fact,
    dns_fact,
    temporary_fact,
    terminal_fact,
    time_zone_fact,
    writable_fact,
)

_LIBRARIES: Final = ("jinja2", "pandas", "premailer", "sqlalchemy", "lxml", "typer")
_OPTIONAL: Final = {"pyarrow": marked('Parquet files; install mailmerge with the extra "parquet"')}


_NAMES: Final = (
    marked("ledger"), marked("libraries"), marked("keyring"), marked("locks"),
    marked("state folder"), marked("boot id"), marked("terminal"), marked("temporary files"),
    marked("browser"), marked("time zone"), marked("clock"), marked("same name"), marked("command"),
)  # fmt: skip
"""The names of facts that have translations; programs read them in English."""

_NEWEST_TRIED: Final = (3, 14)


def facts(folder: Path, version: str, terminal: Terminal, *, ask_dns: bool) -> Iterator[Fact]:
    """Yield what works for a campaign in this folder; `version` is that of mailmerge.

    With `ask_dns`, one name is looked up.
    """
    campaign = (folder if folder.is_dir() else folder.parent).resolve()
    yield Fact("mailmerge", True, version)
    yield from same_name()
    yield _python()
    yield Fact("ledger", True, DATABASE)
    yield Fact("libraries", True, ", ".join(f"{name} {_version(name)}" for name in _LIBRARIES))
    yield from map(_optional, _OPTIONAL)
    yield _keyring()
    yield _locks(campaign)
    yield _state_folder()
    yield temporary_fact()
    yield _boot_id()
    yield terminal_fact(terminal)
    yield browser_fact()
    yield time_zone_fact(os.environ)
    yield clock_fact((Path(__file__), user_state_folder(), *_files_in(campaign)))
    if ask_dns:
        yield dns_fact()


def same_name() -> Iterator[Fact]:
    """Other programs named mailmerge: in this environment, and earlier on PATH."""
    for other in other_distributions():
        yield Fact("same name", not other.replaced, str(other), other.fix)
    first = hidden_by(Path(sys.argv[0]), os.environ.get("PATH", ""))
    if first is not None:
        yield Fact(
            "command",
            True,
            tr("the shell finds {file} before this program", file=first),
            tr(
                "put the folder {folder} first on PATH, or call mailmerge-toolkit",
                folder=Path(sys.argv[0]).parent,
            ),
        )


def _python() -> Fact:
    text = tr(
        "{python_version} on {platform}",
        python_version=platform.python_version(),
        platform=platform.platform(terse=True),
    )
    newer = sys.version_info[:2] > _NEWEST_TRIED
    fix = tr("this version was not tried; take Python 3.13 if something fails") if newer else ""
    return Fact("Python", True, text, fix)


def _optional(name: str) -> Fact:
    if importlib.util.find_spec(name) is not None:
        return Fact(name, True, _version(name))
    return Fact(name, True, tr("not installed: needed for {use}", use=tr(_OPTIONAL[name])))


def _boot_id() -> Fact:
    if boot_id():
        return Fact("boot id", True, tr("known"))
    return Fact("boot id", True, tr("not known: after a crash, claimed recipients are in doubt"))


def _files_in(folder: Path) -> Iterable[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return ()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return tr("unknown")


def _keyring() -> Fact:
    fix = tr("give the password by password_command, or type it at each run")
    try:
        import keyring
        from keyring.backends.fail import Keyring as Without

        backend = keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - any backend may raise anything
        return Fact("keyring", True, tr("not usable: {error}", error=error), fix)
    if isinstance(backend, Without):
        return Fact("keyring", True, tr("none here"), fix)
    return Fact("keyring", True, tr("passwords can be kept in {name}", name=backend.name))


def _locks(folder: Path) -> Fact:
    """Whether a lock on this disk keeps a second sender out."""
    try:
        held = _lock_holds(folder)
    except OSError as error:
        text = tr(
            "no file can be made in {name}: {reason}", name=folder, reason=system_reason(error)
        )
        fix = tr("change the permissions of the folder, or free space on its disk")
        return Fact("locks", False, text, fix)
    if held:
        return Fact("locks", True, tr("a second sender is kept out on this disk"))
    return Fact(
        "locks",
        False,
        tr("do not work on this disk"),
        tr("keep the campaign on a disk of this computer"),
    )


def _lock_holds(folder: Path) -> bool:
    """Lock a file by one descriptor and ask by another.

    A file of `tempfile.NamedTemporaryFile` cannot be opened a second time on Windows.
    """
    locking = system_locking()
    first, path = tempfile.mkstemp(dir=folder, prefix=".mailmerge-doctor-")
    try:
        second = os.open(path, flags_for("update"))
        try:
            return locking.lock(first) and locking.is_locked(second)
        finally:
            os.close(second)
    finally:
        os.close(first)
        Path(path).unlink()


def _state_folder() -> Fact:
    folder = user_state_folder()
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    return writable_fact("state folder", existing, folder)
