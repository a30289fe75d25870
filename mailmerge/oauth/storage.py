"""Where refresh tokens are kept: the keyring of the system, or a private file.

A keyring may be missing, locked, or too small: an entry of the Windows Credential Manager takes
1,280 characters, and Microsoft's tokens are longer. So a token is split over several entries. The
parts are written first, under a name that no reader knows yet; then one entry, the head, makes them
valid. An interrupted write leaves the old token valid. If the keyring fails, a file for the user
alone has the token. Each has the time of its writing, and the newer one counts.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mailmerge.errors import CampaignError, ServerUnreachable
from mailmerge.language import tr
from mailmerge.library_messages import system_reason
from mailmerge.oauth.servers import OAuthClient
from mailmerge.portable.locks import system_locking
from mailmerge.portable.syncing import sync_to_disk
from mailmerge.private_files import (
    make_private_folder,
    narrow_folder,
    open_private,
    open_to_update,
    user_state_folder,
)

_PART: Final = 1_000
"""The characters of one entry of a keyring."""

_MOST_PARTS: Final = 64
_LOCK_SECONDS: Final = 90.0
"""How long to wait for another process that renews the token; it may wait for the network."""


@dataclass(frozen=True, slots=True)
class StoredLogin:
    """A stored log-in.

    Attributes:
        refresh: the refresh token.
        client_id: the application that it was given to; others cannot use it.
        written_at: seconds since 1970.
    """

    refresh: str = field(repr=False)
    client_id: str
    written_at: float


class _KeyringLocked(CampaignError):
    """The keyring may have the log-in, but does not say."""


class LoginStore:
    """The stored log-in of one account at one authorization server."""

    def __init__(self, client: OAuthClient, folder: Path | None = None) -> None:
        self._client = client
        self._service = f"mailmerge {client.server.token_url}"
        # Every client_id has its own log-in, so that two campaigns do not replace each other's.
        self._user = f"{client.username} {client.client_id}"
        name = hashlib.sha256(f"{self._service}\0{self._user}".encode()).hexdigest()[:32]
        self._folder = folder or user_state_folder() / "logins"
        self._file = self._folder / f"{name}.json"
        self._lock_file = self._folder / f"{name}.lock"

    def load(self) -> StoredLogin | None:
        """The stored log-in; None if there is none that can be read.

        Raises:
            CampaignError: the keyring is locked, and the file has none.
        """
        kept, locked = "", None
        try:
            kept = self._in_keyring()
        except _KeyringLocked as error:
            locked = error
        found = [_parsed(text) for text in (kept, self._in_file())]
        latest = max(filter(None, found), key=lambda one: one.written_at, default=None)
        if latest is None and locked is not None:
            raise locked
        return latest

    def save(self, refresh: str) -> str:
        """Store a refresh token, and return where it is, in words.

        Raises:
            CampaignError: neither the keyring nor the file can be written.
        """
        login = StoredLogin(refresh, self._client.client_id, time.time())
        text = json.dumps(
            {"refresh": login.refresh, "client_id": login.client_id, "at": login.written_at}
        )
        if self._kept_by_keyring(text):
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)
            return tr("the keyring of the system")
        self._write_file(text)
        return str(self._file)

    def forget(self) -> bool:
        """Remove the stored log-in everywhere. Returns whether there was one.

        Raises:
            CampaignError: the keyring is locked, or it or the file still has the log-in.
        """
        existed = self.load() is not None
        head = self._entry("head")
        self._remove_parts(head)
        self._delete("head")
        with contextlib.suppress(OSError):
            self._file.unlink(missing_ok=True)
        if self.load() is not None:
            raise CampaignError(
                tr("the stored log-in cannot be removed"),
                hint=tr("unlock the keyring and check the permissions of {file}", file=self._file),
                code="oauth-storage",
            )
        return existed

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only process that renews this log-in.

        Raises:
            ServerUnreachable: another process holds the lock for too long.
            LedgerError: the folder of the user cannot be written.
        """
        narrow_folder(make_private_folder(self._folder))
        file = open_to_update(self._lock_file)
        try:
            _take(file)
            yield
        finally:
            os.close(file)

    # --- the file

    def _in_file(self) -> str:
        try:
            return self._file.read_text("utf-8")
        except (OSError, ValueError):
            return ""

    def _write_file(self, text: str) -> None:
        """Replace the file in one step: a crash leaves the old token or the new one."""
        new = self._file.with_suffix(".new")
        try:
            narrow_folder(make_private_folder(self._folder))
            new.unlink(missing_ok=True)
            with os.fdopen(open_private(new, "create"), "wb") as stream:
                stream.write(text.encode())
                stream.flush()
                sync_to_disk(stream.fileno())
            new.replace(self._file)
        except OSError as error:
            raise CampaignError(
                tr(
                    "the log-in cannot be stored in {file}: {reason}",
                    file=self._file,
                    reason=system_reason(error),
                ),
                hint=tr("check the permissions of the folder and the space on the disk"),
                code="oauth-storage",
            ) from error

    # --- the keyring

    def _in_keyring(self) -> str:
        head = _head(self._entry("head"))
        if head is None:
            return ""
        slot, count, digest = head
        text = "".join(self._entry(f"{slot}{number}") for number in range(count))
        return text if _digest(text) == digest else ""

    def _kept_by_keyring(self, text: str) -> bool:
        try:
            return self._put_into_keyring(text)
        except _KeyringLocked:
            return False

    def _put_into_keyring(self, text: str) -> bool:
        """Store the text in parts. Returns False if the keyring does not keep it."""
        before = self._entry("head")
        old = _head(before)
        slot = "b" if old is not None and old[0] == "a" else "a"
        parts = [text[at : at + _PART] for at in range(0, len(text), _PART)]
        if len(parts) > _MOST_PARTS:
            return False
        for number, part in enumerate(parts):
            if not self._put(f"{slot}{number}", part):
                return False
        if not self._put("head", json.dumps([slot, len(parts), _digest(text)])):
            return False
        if self._in_keyring() != text:
            return False  # a keyring that takes everything and keeps nothing
        self._remove_parts(before)
        return True

    def _remove_parts(self, head: str) -> None:
        found = _head(head)
        if found is not None:
            for number in range(found[1]):
                self._delete(f"{found[0]}{number}")

    def _entry(self, name: str) -> str:
        import keyring

        try:
            return keyring.get_password(self._service, f"{self._user} {name}") or ""
        except keyring.errors.KeyringLocked as error:
            raise _KeyringLocked(
                tr("the keyring is locked, so the stored log-in cannot be read"),
                hint=tr("unlock the keyring of your desktop, then try again"),
                code="oauth-storage",
            ) from error
        except Exception:  # noqa: BLE001 - the errors of a keyring are those of its platform
            return ""

    def _put(self, name: str, text: str) -> bool:
        import keyring

        try:
            keyring.set_password(self._service, f"{self._user} {name}", text)
        except Exception:  # noqa: BLE001 - as above: Windows raises its own errors, DBus others
            return False
        return True

    def _delete(self, name: str) -> None:
        import keyring

        with contextlib.suppress(Exception):
            keyring.delete_password(self._service, f"{self._user} {name}")


def _take(file: int) -> None:
    locking, ends = system_locking(), time.monotonic() + _LOCK_SECONDS
    while not locking.lock(file):
        if time.monotonic() > ends:
            raise ServerUnreachable(
                tr("another process has been renewing this log-in for a long time"),
                hint=tr("end it, or try again later"),
                code="oauth-busy",
            )
        time.sleep(0.05)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _head(text: str) -> tuple[str, int, str] | None:
    try:
        slot, count, digest = json.loads(text)
    except (ValueError, TypeError):
        return None
    valid = slot in ("a", "b") and type(count) is int and 0 < count <= _MOST_PARTS
    return (slot, count, str(digest)) if valid else None


def _parsed(text: str) -> StoredLogin | None:
    try:
        found = json.loads(text)
        return StoredLogin(str(found["refresh"]), str(found["client_id"]), float(found["at"]))
    except (ValueError, TypeError, KeyError):
        return None
