"""One preview while it is open: the draft as the files stand, what is known of it, who listens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from mailmerge.campaign import CAMPAIGN_FILE, STATE_FOLDER
from mailmerge.preview.caught import Sandbox
from mailmerge.preview.draft import Draft, read_draft
from mailmerge.preview.survey import Survey

News = Literal["changed", "progress", "closed"]
Listener = Callable[[News], None]


class Session:
    """Holds the newest draft. `reload` may run in any thread: it replaces the draft as a whole."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.draft = Draft()
        self.survey = Survey(self.draft)
        self._listeners: set[Listener] = set()

    @property
    def folder(self) -> Path:
        """The campaign's folder, also where campaign.toml cannot be read."""
        return self.where.parent if self.where.suffix == ".toml" else self.where

    @property
    def campaign_file(self) -> Path:
        """The campaign.toml, whatever it is called."""
        return self.where if self.where.suffix == ".toml" else self.where / CAMPAIGN_FILE

    @property
    def state_folder(self) -> Path:
        """Where the program keeps what it makes itself."""
        return self.folder / STATE_FOLDER

    @property
    def sandbox(self) -> Sandbox:
        """The mail that the sandbox caught."""
        return Sandbox(self.state_folder)

    def reload(self) -> None:
        """Read what has changed, look through it in the background, and tell."""
        self.survey.abandon()
        self.draft = read_draft(self.where, self.draft)
        self.survey = Survey(self.draft, lambda: self.tell("progress"))
        self.tell("changed")
        self.survey.start()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` at every piece of news; the result ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def tell(self, news: News) -> None:
        """Tell everybody who listens."""
        for listener in list(self._listeners):
            listener(news)

    def close(self) -> None:
        """Stop what runs in the background, and let everybody who listens go."""
        self.survey.abandon()
        self.tell("closed")
