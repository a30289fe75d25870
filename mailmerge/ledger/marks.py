"""High-water marks: how far each ledger has come, kept outside its folder.

What can go wrong: the ledger is the only record of who got the message, and it can become an older
one. A backup is put back. A folder is copied, and both copies are sent. `.mailmerge` is deleted.
Each time the recipients of the newer record would get the message again, and the older record
cannot know it.

So the user's state folder keeps a *mark* for each ledger, named by its identity, which a copy or a
backup shares. Each write to the ledger counts a beat (sender.py), and the mark has the last one. A
ledger with fewer beats than its mark is an older one. The mark is written after the commit, so it
is never ahead of the ledger itself, not even after a power cut.

A deleted ledger has no identity any more. So a second small file, named by the path of the ledger,
says which identity was there. If a new ledger is begun at that path, the mark of the old one tells
how many recipients were sent, and has a sample of them. If the new ledger has recipients of the
sample, it is the same mailing.

The file of the mark is locked while its ledger is open. This keeps the second of two copies away
while the first is sent.

All of this is a second net. If the state folder cannot be written, a ledger is sent without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from mailmerge.language import tr
from mailmerge.ledger.lock import Owner, held_by, take_lock
from mailmerge.portable.files import file_identity, write_at
from mailmerge.portable.locks import system_locking
from mailmerge.portable.processes import abandon_in_children
from mailmerge.private_files import open_private, user_state_folder

_FOLDER: Final = "ledgers"
_MARK: Final = ".mark"
_PATH: Final = ".path"
_MOST: Final = 512
"""The number of marks, and of paths, above which the oldest are removed."""
_KEPT: Final = 384
"""How many are left then."""
_LONGEST: Final = 1 << 16
_READS: Final = 3
"""Attempts to read a mark that its owner writes at the same moment."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a ledger has come.

    Attributes:
        identity: of the ledger (sender.py).
        ledger: the path of its file when it was opened last.
        folder: the campaign's folder, or "" if the ledger belongs to none.
        beat: the number of its last write.
        sent: the number of recipients that were sent or are in doubt, by the id of the campaign.
        sent_at: when one was sent last (seconds since 1970); 0 for never.
        forked: an older ledger was accepted once, so that the numbers of two ledgers of this
            identity say nothing about each other.
        sample: hashes of some of the recipients' keys (`key_hash`).
        owner: the process that had the ledger open last.
    """

    identity: str
    ledger: str
    folder: str = ""
    beat: int = 0
    sent: dict[str, int] = field(default_factory=dict)
    sent_at: float = 0.0
    forked: bool = False
    sample: tuple[str, ...] = ()
    owner: Owner = field(default_factory=lambda: Owner(0, "", "", 0.0))

    @property
    def total(self) -> int:
        """The number of recipients of all campaigns that were sent or are in doubt."""
        return sum(self.sent.values())


def key_hash(identity: str, key: str) -> str:
    """Return the hash of a recipient's key in the sample of this ledger's mark."""
    return hashlib.sha256(f"{identity}\n{key}".encode()).hexdigest()[:16]


class MarkFile:
    """The mark of one ledger, locked while the ledger is open.

    Raises:
        LedgerHeld: a copy of the ledger is being sent.
        OSError: the file cannot be made or opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = -1
        while True:
            self._file = open_private(path, "update")
            if not take_lock(self._file):
                self.close()
                mark = _read(path)
                raise held_by(tr("another process") if mark is None else _copy_of(mark))
            if file_identity(path) == file_identity(self._file):
                break
            self.close()  # it was pruned in between
        self.mark = _read(path)
        abandon_in_children(self)

    def write(self, mark: Mark) -> None:
        """Write the mark. A full disk is no error: the mark then stays behind."""
        with contextlib.suppress(OSError):
            write_at(self._file, json.dumps(asdict(mark)).encode() + b"\n", 0)
            self.mark = mark

    def close(self) -> None:
        """Close and unlock the file; a second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def abandon(self) -> None:
        """Close the file in a child process; the parent keeps the lock."""
        self.close()


class Marks:
    """The marks of all ledgers of this user, in one folder of the state folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or user_state_folder() / _FOLDER

    def open(self, identity: str) -> MarkFile:
        """Open and lock the mark of a ledger.

        Raises:
            LedgerHeld: a copy of the ledger is being sent.
            OSError: the folder cannot be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{identity}{_MARK}"
        if not path.exists():
            self._prune()
        return MarkFile(path)

    def another_at(self, ledger: Path, identity: str) -> Mark | None:
        """Return the mark of the ledger that was at this path last, if it is another identity.

        None if that is not known, or if that ledger was opened somewhere else meanwhile.

        Raises:
            LedgerHeld: that ledger is being sent at this moment.
        """
        try:
            found = self._path_file(ledger).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return None
        if found == identity:
            return None
        path = self._folder / f"{Path(found).name}{_MARK}"
        mark = _read(path)
        if mark is None or mark.ledger != str(ledger.resolve()):
            return None
        if _is_locked(path):
            raise held_by(mark.owner)
        return mark

    def remember(self, ledger: Path, identity: str) -> None:
        """Remember which ledger is at this path; a state folder that is full is no error."""
        with contextlib.suppress(OSError):
            file = open_private(self._path_file(ledger), "write")
            try:
                os.write(file, identity.encode())
            finally:
                os.close(file)

    def _path_file(self, ledger: Path) -> Path:
        name = hashlib.sha256(str(ledger.resolve()).encode(errors="surrogatepass")).hexdigest()[:32]
        return self._folder / f"{name}{_PATH}"

    def _prune(self) -> None:
        """Remove old files if there are too many, those of ledgers that are gone first."""
        paths = list(self._folder.glob(f"*{_PATH}"))
        if len(paths) > _MOST:
            for path in _by_age(paths)[:-_KEPT]:
                path.unlink(missing_ok=True)
        marks = list(self._folder.glob(f"*{_MARK}"))
        if len(marks) > _MOST:
            # The sort is stable, so the oldest of each kind stay first.
            for path in sorted(_by_age(marks), key=_leads_somewhere)[:-_KEPT]:
                _remove_unlocked(path)


def _by_age(paths: Iterable[Path]) -> list[Path]:
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found)]


def _leads_somewhere(path: Path) -> bool:
    mark = _read(path)
    if mark is None:
        return False
    return Path(mark.folder or mark.ledger).exists()


def _remove_unlocked(path: Path) -> None:
    if not _is_locked(path):
        with contextlib.suppress(OSError):
            path.unlink()


def _is_locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        return system_locking().is_locked(file)
    finally:
        os.close(file)


def _copy_of(mark: Mark) -> str:
    return tr("{owner}, from {ledger}", owner=mark.owner, ledger=mark.ledger)


def _read(path: Path) -> Mark | None:
    for _ in range(_READS):
        try:
            with path.open("rb") as file:
                line = file.readline(_LONGEST)
            values = json.loads(line)
            return Mark(
                **{
                    **values,
                    "sample": tuple(values["sample"]),
                    "owner": Owner(**values["owner"]),
                }
            )
        except OSError:
            return None
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return None
