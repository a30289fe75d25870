"""One campaign: its settings, its folder, and the fingerprint of its content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from mailmerge.content_files import ContentFiles
from mailmerge.settings.fingerprint import EarlierFingerprints, Fingerprint, settings_digest
from mailmerge.settings.sections import (
    CampaignSection,
    DeliverySection,
    ImapSection,
    MessageSection,
    RecipientsSection,
    RepliesSection,
    SmtpSection,
)

CAMPAIGN_FILE = "campaign.toml"
STATE_FOLDER = ".mailmerge"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a campaign.toml, and the folder that its paths are relative to.

    `file` and `sources` are for campaigns in code.

    Attributes:
        file: the file that holds the settings; empty for settings in code.
        sources: templates in code instead of in a file: their text by the name that `message.html`
            or `message.text` gives them.
    """

    folder: Path
    campaign: CampaignSection
    recipients: RecipientsSection
    message: MessageSection
    smtp: SmtpSection
    delivery: DeliverySection
    file: str = CAMPAIGN_FILE
    sources: Mapping[str, str] = field(default_factory=dict)
    imap: ImapSection = field(default_factory=ImapSection)
    replies: RepliesSection = field(default_factory=RepliesSection)

    @property
    def name(self) -> str:
        """The name of the mailing; by default the folder's name."""
        return self.campaign.name or self.folder.resolve().name

    @property
    def state_folder(self) -> Path:
        """The folder of the ledger and of everything else that the program writes (mode 0700)."""
        return self.folder / STATE_FOLDER

    @property
    def private_files(self) -> frozenset[str]:
        """The files that are never part of a message: settings, lists of addresses, keys."""
        names = {self.file, self.recipients.file, self.recipients.suppress}
        names |= {one.key_file for one in self.message.dkim}
        if smime := self.message.smime:
            names |= {smime.key_file, smime.certificate, smime.chain}
        if self.message.unsubscribe:
            names.add(self.message.unsubscribe.key_file)
        return frozenset(name.replace("\\", "/") for name in names - {"", "-"})

    def content_files(self, *, noting: bool = True) -> ContentFiles:
        """Open the files of the folder for messages; see `ContentFiles`."""
        return ContentFiles(self.folder, self.private_files, noting=noting)

    def fingerprint(
        self, files: Mapping[str, str] = MappingProxyType({}), *, named: bool = False
    ) -> Fingerprint:
        """Return what shapes the messages besides the recipients.

        `files` are the digests of the files that the messages are made of. `named` says that a
        template uses the name of the campaign.
        """
        earlier = EarlierFingerprints(
            self.folder, self.name, self.message, self.sources, self.private_files, bool(self.file)
        )
        settings = settings_digest(self.message, self.sources, self.name if named else None)
        return Fingerprint(settings, files, self.file, lambda: earlier.of(files))

    def fingerprint_now(self, known: Fingerprint) -> Fingerprint:
        """Return the present fingerprint if the messages are made of the same files as before."""
        files = self.content_files()
        named = self.fingerprint(named=True)
        return self.fingerprint(
            {path: files.digest(path) for path in known.files},
            named=known.settings == named.settings,
        )
