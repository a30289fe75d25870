"""Content -> message, or every reason why it cannot be written or sent, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mailmerge.errors import AddressError, AssetError, InputError, MessageError, Problem
from mailmerge.language import tr
from mailmerge.library_messages import smtp_message
from mailmerge.messages import MessageFactory
from mailmerge.mime.headers import is_blank
from mailmerge.mime.message import Message
from mailmerge.mime.parts import PartStore
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content
from mailmerge.settings import CAMPAIGN_FILE, Settings
from mailmerge.smtp import check_content
from mailmerge.smtp.errors import LocalProtocolError


class ExplainingComposer:
    """Composes each recipient's message, or lists every reason why that is impossible.

    `parts` are the images and attachments that `messages` uses.
    """

    def __init__(self, campaign: Settings, messages: MessageFactory, parts: PartStore) -> None:
        self._campaign = campaign
        self._messages = messages
        self._parts = parts

    def compose(
        self, recipient: Recipient, content: Content
    ) -> tuple[Message | None, list[Problem]]:
        """One recipient's message, and every reason why it cannot be written or sent."""
        if is_blank(content.subject):
            # A rule reports the empty subject; with a stand-in, other problems are found as well.
            content = replace(content, subject="-")
        try:
            identity = self._messages.sample_identity(recipient)
            message = self._messages.compose(recipient, content, identity)
        except InputError as error:
            return None, list(self._reasons(error, recipient, content))
        problems = [*_unsendable(message, recipient), *self._other_cases(recipient, content)]
        return message, problems

    def _reasons(
        self, error: InputError, recipient: Recipient, content: Content
    ) -> Iterator[Problem]:
        """Every reason; `error` is the first. One without a row is the same for all recipients."""
        if isinstance(error, AssetError):
            yield from self._images(content)
            yield from self._attachments(recipient, content)
            return
        problem = error.problem
        of_reply_to = isinstance(error, AddressError)
        if of_reply_to and content.reply_to == self._campaign.message.reply_to:
            # It is the same for all recipients, and a rule on campaign.toml reports it.
            return
        column = "message.reply_to" if of_reply_to else problem.column
        file = problem.file or CAMPAIGN_FILE
        yield replace(problem, file=file, column=column, row=recipient.row)

    def _images(self, content: Content) -> Iterator[Problem]:
        file = self._campaign.message.html or ""
        for image in content.html.structure.images if content.html is not None else ():
            problem = self._unusable(image.path)
            if problem is not None:
                message = tr(
                    'the image "{path}": {message}', path=image.path, message=problem.message
                )
                yield replace(problem, message=message, file=file, row=None)

    def _attachments(self, recipient: Recipient, content: Content) -> Iterator[Problem]:
        for path in content.attachments:
            problem = self._unusable(path)
            if problem is not None:
                message = tr(
                    'the attachment "{path}": {message}', path=path, message=problem.message
                )
                fixed = {entry.file for entry in self._campaign.message.attached}
                row = None if path in fixed else recipient.row
                column = "message.attachments"
                if row is not None and problem.code == "asset-missing":
                    problem = replace(problem, hint=self._hint_of_a_row(path))
                yield replace(problem, message=message, file=CAMPAIGN_FILE, row=row, column=column)

    def _other_cases(self, recipient: Recipient, content: Content) -> Iterator[Problem]:
        """Warn of files whose names have other case on the disk: another system finds none."""
        found = self._parts.files.in_other_case
        if not found:
            return
        fixed = {entry.file for entry in self._campaign.message.attached}
        for path in content.attachments:
            if path in found:
                row = None if path in fixed else recipient.row
                yield _other_case(path, found[path], CAMPAIGN_FILE, row, "message.attachments")
        for image in content.html.structure.images if content.html is not None else ():
            if image.path in found:
                file = self._campaign.message.html or ""
                yield _other_case(image.path, found[image.path], file, None, "")

    def _hint_of_a_row(self, path: str) -> str:
        """The fix for a missing file of one recipient; another may have none on purpose."""
        near = self._parts.files.nearest(path)
        if near:
            return tr(
                'did you mean "{near}"? For a recipient without a file, let the entry become empty',
                near=near,
            )
        return tr(
            "copy it there, or correct the path; for a recipient without a file, let the entry "
            "become empty"
        )

    def _unusable(self, path: str) -> Problem | None:
        try:
            self._parts.part(path)
        except (AssetError, MessageError) as error:
            return error.problem
        return None


def _other_case(path: str, found: str, file: str, row: int | None, column: str) -> Problem:
    what = tr('"{path}" is the file "{found}", whose name has other case', path=path, found=found)
    hint = tr("write the name as the file has it, or rename the file")
    return Problem("warning", "asset-case", what, file, row, column, hint)


def _unsendable(message: Message, recipient: Recipient) -> Iterator[Problem]:
    """Report content that the SMTP client would refuse, although the composer accepted it.

    The check finds it here, so that no run stops halfway. Sealed content is skipped, as in the run.
    """
    try:
        check_content(message.chunks)
    except LocalProtocolError as error:
        hint = tr("shorten the texts in the cells of this row")
        yield Problem(
            "error", error.code, smtp_message(error.message), row=recipient.row, hint=hint
        )
