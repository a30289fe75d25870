"""A message that cannot be written, or cannot be sent -> every reason why, with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mailmerge.campaign import CAMPAIGN_FILE, Campaign
from mailmerge.errors import (
    AddressError,
    AssetError,
    InputError,
    MessageError,
    Problem,
)
from mailmerge.mime.message import Message
from mailmerge.mime.parts import PartStore
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content
from mailmerge.smtp import check_content
from mailmerge.smtp.errors import LocalProtocolError


def reasons(
    error: InputError, recipient: Recipient, content: Content, campaign: Campaign, parts: PartStore
) -> Iterator[Problem]:
    """What stands against composing this person's message; `error` is what was met first.

    A problem without a row is the same for everybody.
    """
    if isinstance(error, AssetError):
        yield from _images(content, campaign, parts)
        yield from _attachments(recipient, content, campaign, parts)
        return
    problem = error.problem
    if isinstance(error, AddressError) and content.reply_to == campaign.message.reply_to:
        # The same for everybody, and told with the settings.
        return
    column = "message.reply_to" if isinstance(error, AddressError) else problem.column
    file = problem.file or CAMPAIGN_FILE
    yield replace(problem, file=file, column=column, row=recipient.row)


def unsendable(message: Message, recipient: Recipient) -> Iterator[Problem]:
    """What the engine will have against these octets; it passes over what is sealed, as in the run.

    The composer should have refused them: this is so that no person finds out in the middle of it.
    """
    try:
        check_content(message.chunks)
    except LocalProtocolError as error:
        hint = "shorten the texts in the cells of this row"
        yield Problem("error", error.code, error.message, row=recipient.row, hint=hint)


def _images(content: Content, campaign: Campaign, parts: PartStore) -> Iterator[Problem]:
    for image in content.html.structure.images if content.html is not None else ():
        try:
            parts.part(image.path)
        except (AssetError, MessageError) as error:
            problem = error.problem
            file, said = campaign.message.html or "", f'the image "{image.path}"'
            yield replace(problem, message=f"{said}: {problem.message}", file=file, row=None)


def _attachments(
    recipient: Recipient, content: Content, campaign: Campaign, parts: PartStore
) -> Iterator[Problem]:
    for path in content.attachments:
        try:
            parts.part(path)
        except (AssetError, MessageError) as error:
            problem = error.problem
            said = f'the attachment "{path}": {problem.message}'
            row = None if path in campaign.message.attachments else recipient.row
            yield replace(
                problem, message=said, file=CAMPAIGN_FILE, row=row, column="message.attachments"
            )
