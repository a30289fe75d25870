"""[message.dkim] and [message.smime] of campaign.toml -> keys, and the signer of all messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mailmerge.errors import CampaignError
from mailmerge.language import listed, tr
from mailmerge.recipients.address import parse_mailbox
from mailmerge.secret_commands import whole_output
from mailmerge.settings import DkimSection, Settings, SmimeSection
from mailmerge.signing.certificates import identity_of, read_certificates, read_private_key
from mailmerge.signing.dkim import DkimKey, DkimSigner
from mailmerge.signing.keys import read_key
from mailmerge.signing.smime import SmimeIdentity, SmimeSigner

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_COMMAND_SECONDS = 60
"""How long key_command may run."""


@dataclass(frozen=True, slots=True)
class MessageSigner:
    """Signs finished messages: for readers first, then for servers. Thread-safe.

    Attributes:
        smime: the signer for readers; None for no such signature.
        dkim: the signer for servers; None for no such signature.
    """

    smime: SmimeSigner | None = None
    dkim: DkimSigner | None = None

    def signed(self, chunks: Sequence[bytes], date: datetime) -> tuple[bytes, ...]:
        """The chunks of the signed message; `date` is the time of the Date field."""
        if self.smime is not None:
            chunks = self.smime.signed(chunks, date)
        if self.dkim is None:
            return tuple(chunks)
        first, *rest = chunks
        return self.dkim.signatures(chunks, date) + first, *rest


def signer_of(campaign: Settings, sender: str) -> MessageSigner | None:
    """The signer of a campaign; None if it has neither [message.dkim] nor [message.smime].

    `sender` is the domain of From as A-labels, which signs unless `domain` is given.

    Raises:
        CampaignError: a key or a certificate is missing or cannot be used, or two keys of DKIM have
            the same DNS record.
    """
    keys, identity = dkim_keys(campaign, sender), smime_identity(campaign)
    if not keys and identity is None:
        return None
    return MessageSigner(
        SmimeSigner(identity) if identity is not None else None,
        DkimSigner(keys) if keys else None,
    )


def dkim_keys(campaign: Settings, sender: str) -> list[DkimKey]:
    """The keys of [message.dkim] in their order.

    Raises: as `signer_of`.
    """
    keys: list[DkimKey] = []
    for section in campaign.message.dkim:
        domain = section.domain.lower() or sender
        if any((one.domain, one.selector) == (domain, section.selector) for one in keys):
            raise CampaignError(
                tr(
                    "two keys have the selector {selector}; a selector names one key",
                    selector=section.selector,
                ),
                file=campaign.file, column="message.dkim.selector",
                hint=tr("give each key a selector of its own"), code="dkim-selector",
            )  # fmt: skip
        keys.append(_dkim_key(section, domain, campaign))
    return keys


def smime_identity(campaign: Settings, now: datetime | None = None) -> SmimeIdentity | None:
    """The certificate and key of [message.smime]; None without it.

    Raises: as `signer_of`.
    """
    section = campaign.message.smime
    if section is None:
        return None
    try:
        return _smime_identity(section, campaign, now or datetime.now(UTC))
    except CampaignError as error:
        error.problem = replace(error.problem, file=campaign.file)
        raise


def signed_by(campaign: Settings) -> str:
    """The signatures in words: `DKIM, selector s1 of example.org`; "" without one."""
    message = campaign.message
    found = [tr("S/MIME")] if message.smime is not None else []
    if message.dkim:
        sender = parse_mailbox(message.from_, names=True).domain
        keys = [
            tr("selector {selector} of {domain}", selector=s.selector, domain=s.domain or sender)
            for s in message.dkim
        ]
        found.append(tr("DKIM, {keys}", keys=listed(keys)))
    return "; ".join(found)


def _dkim_key(section: DkimSection, domain: str, campaign: Settings) -> DkimKey:
    column = "message.dkim.key_command" if section.key_command else "message.dkim.key_file"
    hint = tr("make a key with `mailmerge dkim-key`")
    pem = _read(
        campaign, section.key_command, section.key_file, column=column, hint=hint, code="dkim-key"
    )
    try:
        return DkimKey(domain, section.selector, read_key(pem, column))
    except CampaignError as error:
        error.problem = replace(error.problem, file=campaign.file)
        raise


def _smime_identity(section: SmimeSection, campaign: Settings, now: datetime) -> SmimeIdentity:
    hint = tr("name the file that your certificate authority gave you, in PEM form")
    code, command = "smime-certificate", section.certificate_command
    column = "message.smime.certificate_command" if command else "message.smime.certificate"
    pem = _read(campaign, command, section.certificate, column=column, hint=hint, code=code)
    certificates = read_certificates(pem, column)
    if section.chain:
        column = "message.smime.chain"
        chain = _read(campaign, "", section.chain, column=column, hint=hint, code=code)
        certificates += read_certificates(chain, column)
    return identity_of(certificates, _smime_key(section, campaign), now)


def _smime_key(
    section: SmimeSection, campaign: Settings
) -> RSAPrivateKey | EllipticCurvePrivateKey:
    column = "message.smime.key_command" if section.key_command else "message.smime.key_file"
    hint = tr("name the file of the private key")
    pem = _read(
        campaign, section.key_command, section.key_file, column=column, hint=hint, code="smime-key"
    )
    return read_private_key(pem, column)


def _read(
    campaign: Settings, command: str, name: str, *, column: str, hint: str, code: str
) -> bytes:
    """What a command prints, or the content of a file if there is no command."""
    if command:
        return whole_output(command, column, _COMMAND_SECONDS).encode()
    try:
        return (campaign.folder / Path(name).expanduser()).read_bytes()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CampaignError(
            tr("{name} cannot be read: {reason}", name=name, reason=reason),
            file=campaign.file, column=column, hint=hint, code=code,
        ) from error  # fmt: skip
