"""The link by which one recipient unsubscribes: address -> token -> URL, and back.

A token is made from the address alone, so that the server that reads it needs the key file and
nothing else: no ledger, no spreadsheet, no campaign folder. It may run on another machine.

    content   version (1 byte), digest of the campaign (8), digest of the key (8), address
    sealed    AES-256-SIV of the content (RFC 5297): nobody without the key can read the address
    token     base64url of that, and a signature by itsdangerous (HMAC-SHA-256)

AES-SIV needs no random number, so the same recipient always gets the same token: a message has the
same bytes at each attempt. A token has no date. RFC 8058 gives none, and an unsubscribe link in an
old message must work. A token expires when its key leaves the key file.

A key file has one key in each line. The last line signs; every line verifies. So a key is replaced
by adding a line, and removed when its messages are old.
"""

from __future__ import annotations

import os
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.library_messages import system_reason
from mailmerge.portable.syncing import sync_to_disk
from mailmerge.private_files import open_private
from mailmerge.secret_commands import output_of_command
from mailmerge.settings import Settings, UnsubscribeSection

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_VERSION: Final = b"\x01"
_DIGEST: Final = 8
_LONGEST_TOKEN: Final = 900
_SHORTEST_KEY: Final = 32
_SALT: Final = b"mailmerge.unsubscribe"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_COMMAND_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Unsubscription:
    """The content of a token.

    Attributes:
        address: the address that is to get no more messages.
        campaign: the digest of the campaign's name, in hexadecimal.
        key: the digest of the recipient's key, in hexadecimal.
    """

    address: str
    campaign: str = ""
    key: str = ""

    def is_for(self, key: str) -> bool:
        """Whether the token was made for a recipient with this key."""
        return self.key == _digest(key).hex()


class UnsubscribeKeys:
    """The keys that sign and read tokens. Thread-safe: it does not change."""

    def __init__(self, text: str, file: str = "") -> None:
        """The keys of a key file's text; `file` is its name in errors.

        Raises:
            CampaignError: there is no key, or a key is shorter than 32 characters.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV
        from itsdangerous import Signer

        lines = (line.strip() for line in text.splitlines())
        keys = [line.encode() for line in lines if line and not line.startswith("#")]
        if not keys or min(map(len, keys)) < _SHORTEST_KEY:
            what = tr("a key is shorter than 32 characters") if keys else tr("it holds no key")
            raise CampaignError(
                tr("the key for unsubscribe links cannot be used: {what}", what=what), file=file,
                hint=tr("make one with `mailmerge unsubscribe-key`"), code="unsubscribe-key",
            )  # fmt: skip
        self._signer = Signer(keys, salt=_SALT, digest_method=sha256)
        self._ciphers = [
            AESSIV(blake2b(key, digest_size=64, person=b"mm-unsubscribe").digest())
            for key in reversed(keys)
        ]

    def token(self, campaign: str, key: str, address: str) -> str:
        """The token of one recipient: at most some 600 characters of A-Z, a-z, 0-9, "-_."."""
        content = _VERSION + _digest(campaign) + _digest(key) + address.encode()
        sealed = self._ciphers[0].encrypt(content, [_SALT])
        return self._signer.sign(urlsafe_b64encode(sealed).rstrip(b"=")).decode()

    def read(self, token: str) -> Unsubscription | None:
        """The content of a token; None if it was forged or cut off, or its key was removed."""
        from itsdangerous import BadSignature

        if len(token) > _LONGEST_TOKEN or not _TOKEN.fullmatch(token):
            return None
        try:
            text = self._signer.unsign(token)
            sealed = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        except (BadSignature, ValueError):
            return None
        return next(filter(None, (_open(cipher, sealed) for cipher in self._ciphers)), None)


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_DIGEST).digest()


def _open(cipher: AESSIV, sealed: bytes) -> Unsubscription | None:
    from cryptography.exceptions import InvalidTag

    try:
        content = cipher.decrypt(sealed, [_SALT])
    except (InvalidTag, ValueError):
        return None
    names = len(_VERSION) + 2 * _DIGEST
    if not content.startswith(_VERSION) or len(content) <= names:
        return None
    campaign, key = content[1 : 1 + _DIGEST], content[1 + _DIGEST : names]
    return Unsubscription(content[names:].decode("utf-8", "replace"), campaign.hex(), key.hex())


@dataclass(frozen=True)
class UnsubscribeLinks:
    """The links of one campaign's recipients. The key is read when the first link is made.

    Attributes:
        section: [message.unsubscribe].
        folder: the campaign folder.
        campaign: the name of the campaign.
    """

    section: UnsubscribeSection
    folder: Path
    campaign: str

    @cached_property
    def keys(self) -> UnsubscribeKeys:
        """The keys of the campaign.

        Raises:
            CampaignError: there is no usable key.
        """
        return read_keys(self.section, self.folder)

    def link(self, key: str, address: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        """The link in the body of a recipient's message, and its header fields.

        The fields are List-Unsubscribe (RFC 2369, 3.2), with https first, and with https also
        List-Unsubscribe-Post (RFC 8058, 3.1).
        """
        token = self.keys.token(self.campaign, key, address)
        web = f"{self.section.url.rstrip('/')}/{token}" if self.section.url else ""
        mail = f"mailto:{self.section.mailto}?subject=unsubscribe%20{token}"
        mail = mail if self.section.mailto else ""
        listed = ", ".join(f"<{url}>" for url in (web, mail) if url)
        one_click = (("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),) if web else ()
        return web or mail, (("List-Unsubscribe", listed), *one_click)


def links_of(settings: Settings) -> UnsubscribeLinks | None:
    """The links of a campaign; None without [message.unsubscribe]."""
    section = settings.message.unsubscribe
    return None if section is None else UnsubscribeLinks(section, settings.folder, settings.name)


def read_keys(section: UnsubscribeSection, folder: Path) -> UnsubscribeKeys:
    """The keys that secret_command prints, or else those of the key file.

    Raises:
        CampaignError: the command failed, or there is no usable key.
    """
    if section.secret_command:
        key = "message.unsubscribe.secret_command"
        return UnsubscribeKeys(output_of_command(section.secret_command, key, _COMMAND_SECONDS))
    return read_key_file(folder / section.key_file, section.key_file)


def read_key_file(path: Path, file: str = "") -> UnsubscribeKeys:
    """The keys of a file, which errors call `file`.

    Raises:
        CampaignError: the file cannot be read, or holds no usable key.
    """
    name = file or path.name
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else tr("it is not text")
        raise CampaignError(
            tr("the key for unsubscribe links cannot be read: {reason}", reason=reason), file=name,
            hint=tr("make one with `mailmerge unsubscribe-key`, or copy the file here"),
            code="unsubscribe-key",
        ) from error  # fmt: skip
    return UnsubscribeKeys(text, name)


def add_key(path: Path) -> None:
    """Append a new key to a key file, which is made (mode 0600) if it does not exist.

    Raises:
        CampaignError: the file cannot be written.
    """
    try:
        before = path.read_bytes() if path.exists() else b""
        line_end = b"" if before[-1:] in (b"", b"\n") else b"\n"  # an editor may leave it out
        with os.fdopen(open_private(path, "append"), "ab") as file:
            file.write(line_end + f"{secrets.token_urlsafe(48)}\n".encode())
            file.flush()
            sync_to_disk(file.fileno())
    except OSError as error:
        raise CampaignError(
            tr("the key file cannot be written: {reason}", reason=system_reason(error)),
            file=path.name,
            hint=tr("allow the program to write there"),
            code="unsubscribe-key",
        ) from error
