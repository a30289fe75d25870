"""The sender of a campaign and the format of its messages, as a frozen value.

A `Composer` takes this value and no campaign, so that a message can be made in code. `sender_of`
makes it from a campaign.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mailmerge.errors import AddressError, CampaignError
from mailmerge.mime.references import content_base_field
from mailmerge.mime.verp import verp
from mailmerge.recipients.address import Mailbox, parse_mailbox
from mailmerge.rendering.settings import ImageReferences, templates_of
from mailmerge.settings import Settings
from mailmerge.wording import prefixed


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of a campaign, and the format of its messages.

    Attributes:
        mailbox: the mailbox of From.
        campaign: the name of the campaign; boundaries are made from it.
        return_to: the address that bounces go to; "" for the address of From.
        verp: what separates the recipient in the reverse path (verp.py); "" for one address.
        eightbit: whether texts outside ASCII are sent unencoded (RFC 6152).
        images: how HTML refers to images, the same value as in `Templates`.
        file: the file that holds these settings, for errors; empty for settings in code.
    """

    mailbox: Mailbox
    campaign: str = ""
    return_to: str = ""
    eightbit: bool = False
    images: ImageReferences = field(default_factory=ImageReferences)
    file: str = ""
    verp: str = ""

    @property
    def reverse_path(self) -> str:
        """The address of MAIL FROM (RFC 5321, 4.1.1.2), without angle brackets."""
        return self.return_to or self.mailbox.forward_path

    def reverse_path_for(self, forward_path: str) -> str:
        """The address of MAIL FROM for the message to this address."""
        if not self.verp:
            return self.reverse_path
        return verp(self.reverse_path, self.verp, forward_path)


def sender_of(campaign: Settings) -> Sender:
    """The sender of a campaign.

    Raises:
        CampaignError: `from` or `reverse_path` under [message] is not an address, or `content_base`
            cannot be written.
    """
    message = campaign.message
    file = campaign.file
    images = templates_of(campaign).images
    if images.by_location and images.base:
        content_base_field(images.base, file)
    mailbox = _mailbox("message.from" if file else "sender", message.from_, file, names=True)
    return_to = mailbox
    if message.reverse_path:
        key = "message.reverse_path" if file else "reverse_path"
        return_to = _mailbox(key, message.reverse_path, file)
    return Sender(
        mailbox,
        campaign.name,
        return_to.forward_path,
        # What S/MIME signs must not be encoded again on the way (RFC 8551, 3.1.3).
        message.encoding == "8bit" and message.smime is None,
        images,
        file,
        message.verp,
    )


def _mailbox(key: str, value: str, file: str, *, names: bool = False) -> Mailbox:
    try:
        return parse_mailbox(value, names=names)
    except AddressError as error:
        problem = error.problem
        raise CampaignError(
            prefixed(key, problem.message),
            hint=problem.hint,
            code=problem.code,
            file=file,
        ) from error
