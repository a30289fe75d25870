"""Campaign: the messages of a mailing, from a folder or from code.

A public class. Its `settings` are those of a campaign.toml, also for a campaign in code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.messages import MessageFactory, message_factory
from mailmerge.mime.message import Message
from mailmerge.recipients.audience import Recipient, Selection
from mailmerge.recipients.collection import Recipients
from mailmerge.settings import (
    CampaignSection,
    DeliverySection,
    MessageSection,
    RecipientsSection,
    Settings,
    SmtpSection,
    explained,
    load_settings,
)

_ARGUMENTS = {"from": "sender"}
_LONGEST_PATH = 200


@dataclass(frozen=True, init=False)
class Campaign:
    """The messages of a mailing: sender, subject, bodies and attachments.

        Campaign.load("spring")

        Campaign(
            name="spring-2026",
            sender="Example News <news@example.org>",
            subject="Hello {{ name }}",
            html=Path("body.html"),
            text="Dear {{ name }}, ...",
            attachments=["terms.pdf"],
        )

    A campaign does not change. Several threads may use it at once.

    Args:
        name: the name of the mailing, part of every Message-ID: another name is another mailing.
        sender: the mailbox of From, such as `Example News <news@example.org>`.
        subject: a template.
        html: the HTML body: a str is the text of a template, a Path is the file of one.
        text: the plain text body, in the same way; None to make it from the HTML.
        attachments: paths, each a template, or mappings such as
            {"file": "a.pdf", "as": "Invoice {{ nr }}.pdf"}.
        to_name: a template for the display name of To.
        reply_to: a template for the mailboxes of Reply-To.
        reverse_path: the address that bounces go to; by default that of `sender`.
        cc: templates of the mailboxes that get a copy, named in Cc; each gives any number of them.
        bcc: the same for mailboxes that the message does not name.
        cc_sees_unsubscribe: whether copies may have the link that unsubscribes the recipient.
        headers: further header fields: templates by the name of the field.
        hours: the hours in which recipients are sent, such as "09:00-17:00"; "" for all hours.
        days: the days, such as "mon-fri"; "" for every day.
        time_zone: a template for the time zone of a recipient, such as "Europe/Berlin"; "" for that
            of this machine.
        inline_css: whether style sheets are inlined into `style` attributes.
        css_to_attributes: whether inlined styles also become attributes such as `width`.
        folder: the base of all relative paths, also of those inside templates; files outside of it
            cannot be used. The current folder by default.

    Raises:
        CampaignError: an argument has a wrong type or value.

    Attributes:
        settings: the same as in a campaign.toml; docs/campaign.md describes every key.
    """

    settings: Settings

    def __init__(
        self,
        *,
        name: str,
        sender: str,
        subject: str,
        html: str | Path | None = None,
        text: str | Path | None = None,
        attachments: Sequence[str | Path | Mapping[str, str | Path]] = (),
        to_name: str = "",
        reply_to: str = "",
        reverse_path: str = "",
        headers: Mapping[str, str] | None = None,
        hours: str = "",
        days: str = "",
        time_zone: str = "",
        inline_css: bool = True,
        css_to_attributes: bool = True,
        folder: str | Path | None = None,
        cc: str | Sequence[str] = (),
        bcc: str | Sequence[str] = (),
        cc_sees_unsubscribe: bool = False,
    ) -> None:
        base = Path() if folder is None else Path(folder)
        sources: dict[str, str] = {}
        section = {
            "from": sender, "subject": subject, "to_name": to_name, "reply_to": reply_to,
            "reverse_path": reverse_path, "inline_css": inline_css,
            "css_to_attributes": css_to_attributes, "headers": dict(headers or {}),
            "html": _template("html", html, base, sources),
            "text": _template("text", text, base, sources),
            "attachments": tuple(_attachment(entry, base) for entry in attachments),
            "cc": (cc,) if isinstance(cc, str) else tuple(cc),
            "bcc": (bcc,) if isinstance(bcc, str) else tuple(bcc),
            "cc_sees_unsubscribe": cc_sees_unsubscribe,
        }  # fmt: skip
        if html is None and text is None:
            raise CampaignError(tr("a campaign needs html, text, or both"), code="wrong-value")
        settings = Settings(
            base,
            _validated(CampaignSection, {"name": name}),
            RecipientsSection(),
            _validated(MessageSection, section),
            SmtpSection(),
            _validated(DeliverySection, {"hours": hours, "days": days, "time_zone": time_zone}),
            file="",
            sources=sources,
        )
        object.__setattr__(self, "settings", settings)

    @classmethod
    def load(cls, where: str | Path = "") -> Campaign:
        """The campaign in the folder `where`, or in the campaign.toml `where`.

        Raises:
            CampaignError: there is none, or one of its keys is wrong; the message names key and
            fix.
        """
        return cls.of(load_settings(Path(where)))

    @classmethod
    def of(cls, settings: Settings) -> Campaign:
        """The campaign with these settings."""
        campaign = cls.__new__(cls)
        object.__setattr__(campaign, "settings", settings)
        return campaign

    @property
    def name(self) -> str:
        """The name of the mailing."""
        return self.settings.name

    @property
    def folder(self) -> Path:
        """The folder that all paths are relative to."""
        return self.settings.folder

    @cached_property
    def messages(self) -> MessageFactory:
        """The factory of all messages; the first access compiles the templates.

        Raises:
            TemplateError: a template is missing or does not compile.
            CampaignError: an address of the sender is wrong.
        """
        return message_factory(self.settings)

    def message(self, recipient: Recipient) -> Message:
        """The message of one recipient, as it would be sent.

        Its Message-ID and its Date are samples: a ledger fixes the real ones at the first attempt.

        Raises:
            InputError: the message cannot be made; the error names file, row and cause.
            CampaignError: an address of the sender is wrong.
        """
        return self.messages.sample(recipient)

    def recipients(self, *, where: str = "", only: str = "", percent: float = 100.0) -> Recipients:
        """The recipients that [recipients] of campaign.toml names.

        Args:
            where: a condition in addition to that of campaign.toml; "" for all rows.
            only: the address of the only recipient to select; "" for all.
            percent: the part of the recipients to select, the same in each call.

        Raises:
            CampaignError: `where` or `only` is invalid.
            SpreadsheetError: the spreadsheet or the suppression list cannot be read.
        """
        return Recipients.of(self.settings, Selection(where, only, percent=percent))


def _template(
    argument: str, body: str | Path | None, folder: Path, sources: dict[str, str]
) -> str | None:
    """The name of a body's template; the text of one in code goes into `sources`."""
    if isinstance(body, str):
        if "\n" not in body and len(body) < _LONGEST_PATH and (folder / body).is_file():
            raise CampaignError(
                tr(
                    "{argument}: {body!r} is a file, but a string means the text of a template",
                    argument=argument,
                    body=body,
                ),
                hint=tr("pass Path({body!r})", body=body),
                code="template-is-a-path",
            )
        sources[argument] = body
        return argument
    return None if body is None else _inside(argument, body, folder)


def _attachment(
    entry: str | Path | Mapping[str, str | Path], folder: Path
) -> str | dict[str, str | Path]:
    if not isinstance(entry, Mapping):
        return _inside("attachments", entry, folder)
    return {
        name: _inside("attachments", value, folder) if name == "file" else value
        for name, value in entry.items()
    }


def _inside(argument: str, path: str | Path, folder: Path) -> str:
    """A path relative to the folder, with slashes; a string is one already."""
    if isinstance(path, str):
        return path
    try:
        return (folder / path).absolute().relative_to(folder.absolute()).as_posix()
    except ValueError as error:
        raise CampaignError(
            tr(
                "{argument}: {path} is outside of the folder {absolute}",
                argument=argument,
                path=path,
                absolute=folder.absolute(),
            ),
            hint=tr("pass the folder of its files as folder"),
            code="outside-folder",
        ) from error


_SectionT = TypeVar("_SectionT", CampaignSection, MessageSection, DeliverySection)


def _validated(section: type[_SectionT], given: dict[str, object]) -> _SectionT:
    try:
        return section.model_validate(given)
    except ValidationError as error:
        raise explained(error, given, "", _ARGUMENTS) from error
