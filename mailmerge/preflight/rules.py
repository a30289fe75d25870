"""The interface of a check: what a rule is given, and what it gives back.

A check is a rule: one function that yields problems and raises nothing. There are five kinds, by
what they look at; the check calls them in this order:

    CampaignRule    campaign.toml and the account      once, before the first row is read
    RecipientRule   one row and its address            for each recipient
    StructureRule   the HTML, without its values       once for each structure of the HTML
    MessageRule     one recipient's finished message   for each message
    TotalsRule      what was counted and found         once, after the last row

A rule becomes part of the check by one line in registry.py. RecipientRules and MessageRules run for
up to a million rows, so what is the same for many messages belongs into a StructureRule or into
StructureFacts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from mailmerge.credentials import Account
from mailmerge.errors import Problem
from mailmerge.mime.message import Message
from mailmerge.preflight.structures import StructureFacts
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content
from mailmerge.settings import Settings

if TYPE_CHECKING:
    from lxml.html import HtmlElement

Locate = Callable[[str], tuple[str, int | None]]
"""Finds a text in the templates: the file, and the line where it is known."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is known before the first row is read; every rule gets it.

    `account` is None where no server is known. `for_real` says that messages would really leave
    for the recipients. `now` is the local time, with its zone.
    """

    campaign: Settings
    account: Account | None = None
    for_real: bool = False
    now: datetime = field(default_factory=lambda: datetime.now().astimezone())

    @property
    def size_limit(self) -> int | None:
        """The largest message that the server takes, in bytes; None where it is not known."""
        return self.account.allows.message_size if self.account is not None else None

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine, or not known."""
        return self.account is None or self.account.is_loopback


@dataclass(frozen=True, slots=True)
class Page:
    """The HTML of one structure, parsed; `value` is in the place of a recipient's values.

    `paths` are the files of the campaign folder by the URL that the page shows them with.
    """

    document: HtmlElement
    locate: Locate
    paths: Mapping[str, str] = field(default_factory=dict)
    value: str = ""

    def has_value(self, text: str) -> bool:
        """Whether a value is part of the text, so that it differs between recipients."""
        return bool(self.value) and self.value in text


@dataclass(frozen=True, slots=True)
class MadeMessage:
    """One recipient's message; `message` is None where it could be rendered but not composed.

    `html` and `text` are what is known of the structures of its bodies; None where the campaign has
    no template for that body.
    """

    recipient: Recipient
    content: Content
    message: Message | None
    html: StructureFacts | None = None
    text: StructureFacts | None = None


class Found(Protocol):
    """What the check has found so far."""

    def count(self, severity: str) -> int:
        """How many errors, or warnings."""
        ...

    def messages(self, code: str) -> list[str]:
        """The messages of one code, one of each kind."""
        ...


@dataclass(frozen=True, slots=True)
class Totals:
    """What is known after the last row.

    `file` is the spreadsheet's name for messages. `variables` are the names that the templates use,
    None where a template does not compile. `reserved` counts recipients whose domain is reserved
    for examples (RFC 2606).
    """

    file: str
    columns: tuple[str, ...]
    variables: frozenset[str] | None
    recipients: int
    suppressed: int
    left_out: int
    reserved: int
    found: Found


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
