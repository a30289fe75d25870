"""One running preview: the snapshot of the campaign, its checks, and the pages that follow it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mailmerge.jobs.targets import SANDBOX
from mailmerge.preflight.check import CheckOptions
from mailmerge.preview.background_check import BackgroundCheck
from mailmerge.preview.delivery_states import DeliveryStates, LedgerStates, is_ledger_file
from mailmerge.preview.sandbox_messages import SandboxMailbox
from mailmerge.preview.snapshot import CampaignSnapshot, take_snapshot
from mailmerge.settings import CAMPAIGN_FILE, STATE_FOLDER

SessionEvent = Literal["changed", "progress", "closed"]
"""The files have changed; checks, sandbox or ledger have new results; the preview ends."""

_Listener = Callable[[SessionEvent], None]
_EDITOR_SUFFIXES = (".swp", ".swx", ".tmp", "~")


class PreviewSession:
    """Holds the newest snapshot; `reload` replaces it as a whole and may run in any thread.

    `where` is the campaign's folder or its campaign.toml. `page_language` is the language of the
    page, one of `mailmerge.language`; "" means the browser's. `extra` are the parts of the check
    that have to be asked for: `dns` and `deep`.
    """

    def __init__(
        self, where: Path, page_language: str = "", extra: CheckOptions | None = None
    ) -> None:
        self.where = where
        self.page_language = page_language
        self._extra = extra or CheckOptions()
        self.snapshot = CampaignSnapshot()
        self.checks = BackgroundCheck(self.snapshot)
        self._listeners: set[_Listener] = set()
        self._states = LedgerStates(lambda: self.notify("progress"))

    @property
    def folder(self) -> Path:
        """The campaign's folder, even if campaign.toml cannot be read."""
        return self.where.parent if self.where.suffix == ".toml" else self.where

    @property
    def campaign_file(self) -> Path:
        """The path of campaign.toml, under any name."""
        return self.where if self.where.suffix == ".toml" else self.where / CAMPAIGN_FILE

    @property
    def state_folder(self) -> Path:
        """The folder for the program's own files."""
        return self.folder / STATE_FOLDER

    @property
    def sandbox(self) -> SandboxMailbox:
        """The messages that the sandbox received."""
        return SandboxMailbox(self.state_folder)

    @property
    def deliveries(self) -> DeliveryStates:
        """What the ledger says about the recipients."""
        return self._states.current(self.snapshot.campaign)

    def reload(self) -> None:
        """Read the changed files, notify the listeners, and check in the background."""
        self.checks.cancel()
        self.snapshot = take_snapshot(self.where, self.snapshot)
        self.checks = BackgroundCheck(
            self.snapshot, lambda: self.notify("progress"), extra=self._extra
        )
        self.notify("changed")
        self.checks.start()

    def event_for(self, path: Path) -> SessionEvent | None:
        """The event for a change of this file; None if the file does not matter."""
        try:
            parts = path.relative_to(self.folder.resolve()).parts
        except ValueError:
            return None
        if parts[:2] == (STATE_FOLDER, SANDBOX):
            return "progress" if parts[-2] in {"new", "cur"} else None
        if parts[:1] == (STATE_FOLDER,) and len(parts) == 2 and is_ledger_file(path.name):
            return "progress"
        if any(part.startswith((".", "__pycache__")) for part in parts):
            return None
        return None if path.name.endswith(_EDITOR_SUFFIXES) else "changed"

    def subscribe(self, listener: _Listener) -> Callable[[], None]:
        """Call `listener` with every event; the returned function ends the subscription."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def notify(self, event: SessionEvent) -> None:
        """Call all listeners."""
        for listener in list(self._listeners):
            listener(event)

    def close(self) -> None:
        """Cancel the checks and end all subscriptions."""
        self.checks.cancel()
        self._states.close()
        self.notify("closed")
