"""[message.dkim] of campaign.toml -> the keys, and the signer of a campaign's messages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mailmerge.errors import CampaignError
from mailmerge.language import listed, tr
from mailmerge.recipients.address import parse_mailbox
from mailmerge.secret_commands import whole_output
from mailmerge.settings import DkimSection, Settings
from mailmerge.signing.dkim import DkimKey, DkimSigner
from mailmerge.signing.keys import read_key

_COMMAND_SECONDS = 60
"""How long key_command may run."""


def signer_of(campaign: Settings, sender: str) -> DkimSigner | None:
    """The signer of a campaign; None if it has no [message.dkim].

    `sender` is the domain of From as A-labels, which signs unless `domain` is given.

    Raises:
        CampaignError: a key is missing or cannot be used, or two have the same DNS record.
    """
    keys = dkim_keys(campaign, sender)
    return DkimSigner(keys) if keys else None


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
        keys.append(_key(section, domain, campaign))
    return keys


def signed_by(campaign: Settings) -> str:
    """The signatures in words: `DKIM, selector s1 of example.org`; "" without one."""
    sections = campaign.message.dkim
    if not sections:
        return ""
    sender = parse_mailbox(campaign.message.from_, names=True).domain
    found = [
        tr("selector {selector} of {domain}", selector=one.selector, domain=one.domain or sender)
        for one in sections
    ]
    return tr("DKIM, {keys}", keys=listed(found))


def _key(section: DkimSection, domain: str, campaign: Settings) -> DkimKey:
    if section.key_command:
        column = "message.dkim.key_command"
        pem = whole_output(section.key_command, column, _COMMAND_SECONDS).encode()
    else:
        column = "message.dkim.key_file"
        pem = _read_file(campaign.folder, section.key_file, campaign.file)
    try:
        return DkimKey(domain, section.selector, read_key(pem, column))
    except CampaignError as error:
        error.problem = replace(error.problem, file=campaign.file)
        raise


def _read_file(folder: Path, name: str, file: str) -> bytes:
    try:
        return (folder / Path(name).expanduser()).read_bytes()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CampaignError(
            tr("{name} cannot be read: {reason}", name=name, reason=reason),
            file=file,
            column="message.dkim.key_file",
            hint=tr("make a key with `mailmerge dkim-key`"),
            code="dkim-key",
        ) from error
