"""One campaign: its settings, its folder, and the fingerprint of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mailmerge.settings.sections import (
    CampaignSection,
    DeliverySection,
    MessageSection,
    RecipientsSection,
    SmtpSection,
)

CAMPAIGN_FILE = "campaign.toml"
STATE_FOLDER = ".mailmerge"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a campaign.toml, and the folder that its paths are relative to.

    `file`, `sources` and `whole_folder` are for campaigns in code.

    Attributes:
        file: the file that holds the settings, for errors; empty for settings in code.
        sources: templates in code instead of in a file: their text by the name that `message.html`
            or `message.text` gives them.
        whole_folder: whether the folder belongs to this campaign alone. If not, the fingerprint
            covers only the files that [message] names.
    """

    folder: Path
    campaign: CampaignSection
    recipients: RecipientsSection
    message: MessageSection
    smtp: SmtpSection
    delivery: DeliverySection
    file: str = CAMPAIGN_FILE
    sources: Mapping[str, str] = field(default_factory=dict)
    whole_folder: bool = True

    @property
    def name(self) -> str:
        """The name of the mailing; by default the folder's name."""
        return self.campaign.name or self.folder.resolve().name

    @property
    def state_folder(self) -> Path:
        """The folder of the ledger and of everything else that the program writes (mode 0700)."""
        return self.folder / STATE_FOLDER

    def fingerprint(self) -> str:
        """A SHA-256 digest, in hexadecimal, of everything that affects messages but the recipients.

        It covers [message] and every file of the folder except the spreadsheet, the suppression
        list, campaign.toml itself and the program's own state. In a folder that the campaign
        shares, it covers the templates and the attachments with fixed names.

        Raises:
            OSError: a file of the folder cannot be read.
        """
        digest = hashlib.sha256()
        shaping = (self.name, self.message.model_dump_json(by_alias=True))
        digest.update("\0".join(shaping).encode())
        for name, source in sorted(self.sources.items()):
            digest.update(f"\0{name}\0{source}".encode())
        files = self._files_of_folder() if self.whole_folder else self._named_files()
        for path in sorted(files):
            content = hashlib.sha256(path.read_bytes()).digest()
            digest.update(path.relative_to(self.folder).as_posix().encode() + b"\0" + content)
        return digest.hexdigest()

    def _files_of_folder(self) -> Iterator[Path]:
        left_out = {CAMPAIGN_FILE, self.recipients.file, self.recipients.suppress}
        for path in self.folder.rglob("*"):
            relative = path.relative_to(self.folder)
            hidden = any(part.startswith(".") for part in relative.parts)
            if path.is_file() and not hidden and relative.as_posix() not in left_out:
                yield path

    def _named_files(self) -> Iterator[Path]:
        message = self.message
        names = {message.html, message.text, *message.attachments} - {None, *self.sources}
        paths = (self.folder / name for name in names if name)
        return (path for path in paths if path.is_file())
