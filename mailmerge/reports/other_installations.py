"""Other programs of the same name: distributions that own mailmerge's files, commands on PATH.

An older, unrelated distribution has the same import name and the same command. Installers do not
notice: in one environment the later one overwrites the files that both have, and whichever is
removed takes these files with it. In two environments nothing is overwritten, but the shell runs
the command that comes first on PATH.

This module needs only the standard library and `mailmerge.language`, because it also explains a
mixed installation in which the rest cannot be imported.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackagePath
from pathlib import Path
from typing import Final

from mailmerge.language import tr, trn

_OWN: Final = "mailmerge-toolkit"
_NAME: Final = "mailmerge"
_SCRIPT_FOLDERS: Final = frozenset({"bin", "Scripts"})
_SUFFIXES: Final = ("", ".exe", ".cmd", ".bat")
_SCRIPTS: Final = frozenset(_NAME + suffix for suffix in _SUFFIXES)
_MODULES: Final = frozenset({_NAME, f"{_NAME}.py"})
_SHOWN: Final = 4
"""Files that are named of a long list."""


@dataclass(frozen=True, slots=True)
class Other:
    """Another distribution that owns files of this program.

    `files` are relative to the environment's packages. `replaced` are the files of this program
    whose content is no longer its own.
    """

    name: str
    version: str
    files: tuple[str, ...]
    replaced: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.files[:_SHOWN])
        text = trn(
            "{name} {version} owns {count:,} file of the same name: {files}",
            "{name} {version} owns {count:,} files of the same names: {files}",
            len(self.files),
            name=self.name,
            version=self.version,
            files=shown + (", ..." if len(self.files) > _SHOWN else ""),
        )
        if not self.replaced:
            return text
        return tr("{text}; replaced here: {replaced}", text=text, replaced=", ".join(self.replaced))

    @property
    def fix(self) -> str:
        """The commands that part the two."""
        return tr(
            "remove both and install one of them here: pip uninstall {other} {own}; use uv tool or "
            "pipx, which give each program an environment of its own",
            other=self.name,
            own=_OWN,
        )


def other_distributions(
    installed: Callable[[], Iterable[Distribution]] = importlib.metadata.distributions,
) -> list[Other]:
    """The other distributions in this environment that own the import name or the command."""
    everything = list(installed())
    own = next((one for one in everything if _normal(one) == _OWN), None)
    found: dict[str, Other] = {}
    for one in everything:
        files = {str(path): path for path in _files(one)}
        if _normal(one) in {_OWN, ""} or _normal(one) in found or not files:
            continue
        replaced = tuple(_replaced(own, files)) if own is not None else ()
        found[_normal(one)] = Other(_name(one), one.version, tuple(sorted(files)), replaced)
    return list(found.values())


def commands_on_path(path: str, suffixes: Iterable[str] = _SUFFIXES) -> list[Path]:
    """Every command of this name on PATH, in the order in which a shell looks.

    `path` is the value of PATH. Two names of one file count once.
    """
    found: dict[Path, Path] = {}
    for folder in filter(None, path.split(os.pathsep)):
        for suffix in suffixes:
            file = Path(folder, _NAME + suffix)
            if file.is_file() and os.access(file, os.X_OK):
                found.setdefault(file.resolve(), file)
    return list(found.values())


def hidden_by(called: Path, path: str) -> Path | None:
    """The command on PATH that a shell finds before `called`, the one that runs; None if none.

    A command that is not on PATH was called by its whole name, and is not hidden.
    """
    commands = commands_on_path(path)
    if not commands or called.resolve() == commands[0].resolve():
        return None
    wanted = called.resolve()
    return commands[0] if any(one.resolve() == wanted for one in commands) else None


def _name(one: Distribution) -> str:
    return str(one.metadata["Name"] or "")


def _normal(one: Distribution) -> str:
    return re.sub(r"[-_.]+", "-", _name(one)).lower()


def _files(one: Distribution) -> Iterator[PackagePath]:
    """The files of a distribution that have this program's names: modules and the command."""
    for path in one.files or ():
        inside = path.parts[0] in _MODULES and "__pycache__" not in path.parts
        if inside or (path.parent.name in _SCRIPT_FOLDERS and path.name in _SCRIPTS):
            yield path


def _replaced(own: Distribution, others: Iterable[str]) -> Iterator[str]:
    """The files of both whose content is not what was installed with this program."""
    theirs = set(others)
    for path in _files(own):
        if str(path) in theirs and path.hash is not None:
            digest = _digest(Path(str(path.locate())), path.hash.mode)
            if digest != path.hash.value.rstrip("="):
                yield str(path)


def _digest(file: Path, mode: str) -> str:
    """The hash as RECORD has it: Base64 for URLs without padding; "" for a file that is gone."""
    try:
        content = file.read_bytes()
    except OSError:
        return ""
    return base64.urlsafe_b64encode(hashlib.new(mode, content).digest()).decode().rstrip("=")
