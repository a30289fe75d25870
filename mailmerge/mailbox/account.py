"""[imap] and [smtp] -> the mailbox that is read: server, folder and log-in.

What [imap] leaves out comes from [smtp]: the user name, the password or token, the certificates.
The host comes from the provider, or from the name of the SMTP server: `imap.` instead of `smtp.`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from mailmerge.credentials import find_account, read_credentials
from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.providers.lookup import Provider, find_provider, provider_of_host
from mailmerge.settings import Settings
from mailmerge.smtp import Credentials

_PORTS: Final = {"tls": 993, "starttls": 143, "none": 143}


@dataclass(frozen=True, slots=True)
class ImapAccount:
    """A mailbox on a server.

    Attributes:
        host: the name of the server.
        port: its port.
        security: `tls` from the start, `starttls`, or `none` on this machine.
        ca_file: a file of certificates to trust; None for those of the system.
        folder: the folder that is read.
        sent: the folder for copies of sent messages; "" for the usual one.
        drafts: the folder for drafts; "" for the usual one.
        username: the user name.
        credentials: returns the log-in with its secret; each connection asks for it.
    """

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    ca_file: Path | None
    folder: str
    username: str
    credentials: Callable[[], Credentials]
    sent: str = ""
    drafts: str = ""

    @property
    def name(self) -> str:
        """Identifies the folder in a ledger."""
        return f"{self.username}@{self.host}:{self.port}/{self.folder}"


def imap_account(settings: Settings, ask: Callable[[str], str] | None = None) -> ImapAccount:
    """Return the mailbox of a campaign; `ask` asks the user for the password.

    Raises:
        CampaignError: the host or the user name is missing, or [smtp] is wrong.
    """
    section, smtp = settings.imap, settings.smtp
    host = section.host or _usual_host(settings)
    if not host:
        raise CampaignError(
            tr("no IMAP server is named"),
            file=settings.file,
            hint=tr('add [imap] with host = "imap.example.org", or name files of mails'),
            code="no-imap-server",
        )
    own = {"username": section.username, "password_command": section.password_command}
    changed = smtp.model_copy(update={key: value for key, value in own.items() if value})
    if not (changed.host or changed.provider or changed.socket):
        changed = changed.model_copy(update={"host": host})
    account = find_account(changed, settings.folder)
    if account is None or not account.username:
        raise CampaignError(
            tr("the mailbox has no user name"),
            file=settings.file,
            hint=tr("set username under [imap] or [smtp]"),
            code="no-imap-user",
        )

    def credentials() -> Credentials:
        found = read_credentials(account, ask=ask)
        assert found is not None, "an account with a user name has a log-in"
        return found

    file = section.ca_file or smtp.ca_file
    return ImapAccount(
        host,
        section.port or _PORTS[section.security],
        section.security,
        settings.folder / file if file else None,
        section.folder,
        account.username,
        credentials,
        section.sent,
        section.drafts,
    )


def files_sent(settings: Settings) -> str:
    """The title of the service of [smtp] if it fills the Sent folder itself; "" otherwise."""
    found = _service_of(settings)
    return found.title if found is not None and found.files_sent else ""


def _usual_host(settings: Settings) -> str:
    found = _service_of(settings)
    if found is not None and found.imap:
        return found.imap
    host = settings.smtp.host.lower()
    return f"imap.{host[5:]}" if host.startswith("smtp.") and not settings.smtp.provider else ""


def _service_of(settings: Settings) -> Provider | None:
    smtp = settings.smtp
    return find_provider(smtp.provider) if smtp.provider else provider_of_host(smtp.host)
