"""The interface of a check: the arguments of a rule, and its result.

A check is a rule: one function that yields problems and raises nothing. There are five kinds, by
their input; the check calls them in this order:

    CampaignRule    campaign.toml and the account      once, before the first row is read
    RecipientRule   one row and its address            for each recipient
    StructureRule   the HTML, without its values       once for each structure of the HTML
    MessageRule     one recipient's finished message   for each message
    TotalsRule      what was counted and found         once, after the last row

One line in registry.py makes a rule part of the check. RecipientRules and MessageRules run for up
to a million rows, so work that is the same for many messages belongs in a StructureRule or in
StructureFacts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mailmerge.credentials import Account
from mailmerge.errors import Problem
from mailmerge.mime.message import Message
from mailmerge.preflight.positions import Needle, Place, Spot
from mailmerge.preflight.structures import StructureFacts
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content
from mailmerge.rendering.document import Document
from mailmerge.settings import Settings

Locate = Callable[[Spot], Place]
"""Finds an element in the templates."""

Position = Callable[[Needle], Place]
"""Finds a text of the page in the templates."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The facts that are known before the first row is read; every rule gets them.

    Attributes:
        campaign: the settings of the campaign.
        account: the server and its limits; None if no server is known.
        for_real: whether the messages would be sent to the recipients.
        now: the local time, with its zone.
    """

    campaign: Settings
    account: Account | None = None
    for_real: bool = False
    now: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @property
    def size_limit(self) -> int | None:
        """The largest message that the server accepts, in bytes; None if that is not known."""
        return self.account.allows.message_size if self.account is not None else None

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, or not known."""
        return self.account is None or self.account.is_loopback


@dataclass(frozen=True, slots=True)
class Page:
    """The HTML of one structure, parsed.

    Attributes:
        document: the parsed HTML.
        locate: finds the place of an element in the templates.
        paths: the files of the campaign folder, by their URL in the page.
        value: the text in the place of each recipient's value.
        find: finds the place of a text with its column; without it only the file is known.
    """

    document: Document
    locate: Locate
    paths: Mapping[str, str] = field(default_factory=dict)
    value: str = ""
    find: Position | None = None

    def position(self, needle: Needle) -> Place:
        """The place of a text of the page in the templates, as far as it is known."""
        return self.find(needle) if self.find is not None else Place(self.locate(Spot("html")).file)

    def has_value(self, text: str) -> bool:
        """Whether a value is part of the text, so that it differs between recipients."""
        return bool(self.value) and self.value in text


@dataclass(frozen=True, slots=True)
class MadeMessage:
    """One recipient's message, as far as it could be made.

    Attributes:
        recipient: the recipient of the message.
        content: the rendered content.
        message: the composed message; None if it could be rendered but not composed.
        html: the facts of the structure of the HTML; None if the campaign has no HTML template.
        text: the facts of the structure of the text; None if the campaign has no text template.
    """

    recipient: Recipient
    content: Content
    message: Message | None
    html: StructureFacts | None = None
    text: StructureFacts | None = None


class Found(Protocol):
    """The problems that the check has found so far."""

    def count(self, severity: str) -> int:
        """How many errors, or warnings."""
        ...

    def messages(self, code: str) -> list[str]:
        """The messages of one code, one of each kind."""
        ...


@dataclass(frozen=True, slots=True)
class Totals:
    """The facts that are known after the last row.

    Attributes:
        file: the spreadsheet's name in messages.
        columns: the names of its columns.
        variables: the names that the templates use; None if a template does not compile.
        recipients: how many recipients there are.
        suppressed: how many rows the suppression list skipped.
        left_out: how many rows the selection skipped.
        reserved: how many recipients have a domain that is reserved for examples (RFC 2606).
        found: the problems so far.
        copies: how many addresses get a copy, over all messages.
    """

    file: str
    columns: tuple[str, ...]
    variables: frozenset[str] | None
    recipients: int
    suppressed: int
    left_out: int
    reserved: int
    found: Found
    copies: int = 0


CampaignRule = Callable[[Setup], Iterable[Problem]]
RecipientRule = Callable[[Recipient, Setup], Iterable[Problem]]
StructureRule = Callable[[Page, Setup], Iterable[Problem]]
MessageRule = Callable[[MadeMessage, Setup], Iterable[Problem]]
TotalsRule = Callable[[Totals, Setup], Iterable[Problem]]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a check, in the order in which they run."""

    campaign: tuple[CampaignRule, ...] = ()
    recipient: tuple[RecipientRule, ...] = ()
    structure: tuple[StructureRule, ...] = ()
    message: tuple[MessageRule, ...] = ()
    totals: tuple[TotalsRule, ...] = ()
