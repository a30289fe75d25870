"""Who else gets a recipient's message: Cc, Bcc, and further addresses of its cell.

    cc = "{{ manager }}"    bcc = ["archive@example.org", "{{ adviser }}"]    several = "together"

Each template gives any number of mailboxes, separated by commas, semicolons or line breaks, and
none if it becomes empty. All of them belong to one transaction with the recipient (messages.py).

What can go wrong:

* *An address gets the message twice.* Each mailbox counts once: the recipient before Cc, Cc before
  Bcc.
* *An address on the suppression list gets a copy.* It is left out, and the message goes to the
  others. The list is read when the first message is rendered.
* *A test message reaches a manager.* Whoever changes the address of a message (engine/redirect.py)
  removes the copies from its content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from mailmerge.errors import AddressError
from mailmerge.recipients.address import Mailbox, loose_identity
from mailmerge.recipients.mailbox_list import parse_list
from mailmerge.recipients.recipient import Recipient
from mailmerge.recipients.suppression import read_suppressions
from mailmerge.rendering.environment import make_environment, run
from mailmerge.rendering.settings import DEFAULT_LIMITS, RenderLimits, Templates
from mailmerge.rendering.template_errors import ErrorLocation, explain
from mailmerge.rendering.templates import TemplateSet, load_line
from mailmerge.rendering.variables import Variables
from mailmerge.settings import Settings
from mailmerge.wording import prefixed


@dataclass(frozen=True, slots=True)
class Copies:
    """The mailboxes that get a message with its recipient; no mailbox is in it twice.

    Attributes:
        to: further mailboxes of To; they count as recipients of the message.
        cc: the mailboxes of Cc.
        bcc: the mailboxes that no header field names.
        dropped: mailboxes that are left out because they are on the suppression list.
    """

    to: tuple[Mailbox, ...] = ()
    cc: tuple[Mailbox, ...] = ()
    bcc: tuple[Mailbox, ...] = ()
    dropped: tuple[Mailbox, ...] = ()

    @property
    def mailboxes(self) -> tuple[Mailbox, ...]:
        """All mailboxes that get the message, besides its recipient."""
        return (*self.to, *self.cc, *self.bcc)


NO_COPIES = Copies()


class SuppressedCopies:
    """Decides which mailboxes get no copy: those on the suppression list of a campaign."""

    def __init__(self, identities: Callable[[], frozenset[str]], *, loose: bool = False) -> None:
        """Read the list at the first question; `loose` as in `loose_identity`."""
        self._read = identities
        self._same = loose_identity if loose else str

    @classmethod
    def of(cls, settings: Settings) -> SuppressedCopies:
        """The list of a campaign."""
        return cls(lambda: read_suppressions(settings), loose=settings.recipients.dedupe == "loose")

    @cached_property
    def _identities(self) -> frozenset[str]:
        return frozenset(map(self._same, self._read()))

    def __contains__(self, mailbox: Mailbox) -> bool:
        return self._same(mailbox.identity) in self._identities


def _nothing_suppressed() -> SuppressedCopies:
    """The decision of a campaign in code, which has no list."""
    return SuppressedCopies(frozenset)


@dataclass(frozen=True, slots=True)
class CopySources:
    """Who else gets the messages of a campaign; false if there are no copies.

    Attributes:
        cc: templates of the mailboxes of Cc.
        bcc: templates of the mailboxes that no header field names.
        together: the column whose cell may hold several mailboxes of To; "" for none.
        suppressed: the mailboxes that get no copy.
    """

    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    together: str = ""
    suppressed: SuppressedCopies = field(default_factory=_nothing_suppressed)

    @classmethod
    def of(cls, settings: Settings) -> CopySources:
        """Those of a campaign."""
        message = settings.message
        column = settings.recipients.together_column
        return cls(message.cc, message.bcc, column, SuppressedCopies.of(settings))

    def __bool__(self) -> bool:
        return bool(self.cc or self.bcc or self.together)


class CopyTemplates:
    """The templates of the copies of one campaign, compiled. Thread-safe.

    Attributes:
        variables: the names that the templates use.
    """

    def __init__(
        self, templates: Templates, copies: CopySources, limits: RenderLimits = DEFAULT_LIMITS
    ) -> None:
        """Compile the templates.

        Raises:
            TemplateError: one of them does not compile.
        """
        environment = make_environment(templates.files, "header", limits)
        self._file = templates.file
        self._together = copies.together
        self._suppressed = copies.suppressed

        def compiled(name: str, sources: Iterable[str]) -> list[tuple[str, TemplateSet]]:
            place = ErrorLocation(templates.file, f"message.{name}")
            return [(f"message.{name}", load_line(environment, one, place)) for one in sources]

        self._cc = compiled("cc", copies.cc)
        self._bcc = compiled("bcc", copies.bcc)
        self.variables: frozenset[str] = frozenset[str]().union(
            *(one.variables for _, one in (*self._cc, *self._bcc))
        )

    def render(self, recipient: Recipient, variables: Variables) -> Copies:
        """The copies of one recipient's message.

        Raises:
            TemplateError: a template fails on this row.
            AddressError: a text is no list of mailboxes; with the key and the row.
        """
        known = {recipient.mailbox.identity}
        dropped: list[Mailbox] = []

        def new(mailboxes: Iterable[Mailbox]) -> tuple[Mailbox, ...]:
            kept: list[Mailbox] = []
            for mailbox in mailboxes:
                if mailbox.identity in known:
                    continue
                known.add(mailbox.identity)
                (dropped if mailbox in self._suppressed else kept).append(mailbox)
            return tuple(kept)

        return Copies(
            to=new(self._further(recipient)),
            cc=new(self._mailboxes(self._cc, variables)),
            bcc=new(self._mailboxes(self._bcc, variables)),
            dropped=tuple(dropped),
        )

    def _further(self, recipient: Recipient) -> Iterable[Mailbox]:
        """The mailboxes of the address cell, if all of them get one message."""
        if not self._together:
            return ()
        return self._parsed(recipient.cells.get(self._together, ""), self._together, recipient.row)

    def _mailboxes(
        self, templates: list[tuple[str, TemplateSet]], variables: Variables
    ) -> Iterator[Mailbox]:
        for name, template in templates:
            try:
                text = "".join(run(template.main, variables))
            except Exception as error:
                raise explain(error, variables.location(self._file, name)) from error
            yield from self._parsed(text, name, variables.row)

    def _parsed(self, text: str, name: str, row: int) -> tuple[Mailbox, ...]:
        try:
            return parse_list(text)
        except AddressError as error:
            message = prefixed(name, error.problem.message)
            error.problem = replace(error.problem, message=message, file=self._file, row=row)
            raise


def copy_templates(
    templates: Templates, copies: CopySources | None, limits: RenderLimits = DEFAULT_LIMITS
) -> CopyTemplates | None:
    """The templates of the copies; None for a campaign without any."""
    return CopyTemplates(templates, copies, limits) if copies else None
