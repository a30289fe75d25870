"""The error tree, and `Problem`: an error that is listed instead of raised.

MailmergeError                     one line for the user: the place, the cause and the fix
├── CampaignError                  campaign.toml or the use of a command is wrong
├── InputError                     found by the check, before anything is sent
│   ├── SpreadsheetError           the file, one of its rows or one of its columns
│   ├── AddressError               a cell that is not one mailbox
│   ├── TemplateError              a template that does not compile or does not render
│   ├── AssetError                 an image, a style sheet or an attachment
│   └── MessageError               a header field or a message that cannot be written
├── CheckFailed                    the check found errors: nothing was sent
├── Declined                       the user did not confirm: nothing was sent
│   └── NotApproved                what would be sent is not what was approved
├── ServerError                    between this program and the mail server
│   ├── LocalProtocolError         mailmerge asked for something that the protocol forbids
│   ├── RemoteProtocolError        the server sent something that the protocol forbids
│   ├── ServerUnreachable          no connection: name, port, network, TLS
│   ├── ServerRefused              the server answered, and refuses this session
│   ├── AuthenticationRefused      the server refused the log-in
│   └── ConnectionLost             an open connection ended, or a reply did not come in time
├── LedgerError                    the record of the campaign cannot be read or written
│   ├── LedgerHeld                 another process is sending this campaign
│   ├── LedgerOlder                a newer record than this one has been used
│   └── ClaimLost                  a delivery now belongs to another worker, or to none
├── RunStopped                     stopped before the end; the next `send` resumes
│   └── Interrupted                stopped by the user
└── NotAllReached                  finished; some recipients were not reached

docs/errors.md lists every code with its meaning and its fix.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from mailmerge.language import listed, tr, trn

Severity = Literal["error", "warning"]

_SHOWN_CHARACTERS = 100
_SHOWN_BEFORE = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One error or warning about a campaign, and its place.

    Attributes:
        severity: "error" or "warning".
        code: the kind of problem, for programs; codes are stable (docs/errors.md lists them).
        message: the cause, for users.
        file: relative to the campaign folder.
        row: the row number of the spreadsheet. The header of a sheet is row 1; a CSV record has the
            number of its first line.
        column: a column of the spreadsheet, or a key of campaign.toml.
        hint: the fix, for users.
        line: the line of a template or of campaign.toml, from 1.
        character: the place in that line, from 1.
        excerpt: the text of that line, to be shown with a mark below the character.
        recipient: the recipient of the row, such as `Ann, ann@example.org`.
        sheet: the spreadsheet of the row, if `file` is another file.
    """

    severity: Severity
    code: str
    message: str
    file: str = ""
    row: int | None = None
    column: str = ""
    hint: str = ""
    line: int | None = None
    character: int | None = None
    excerpt: str = ""
    recipient: str = ""
    sheet: str = ""

    @property
    def place(self) -> str:
        """The place: `recipients.csv, row 7, column email`, `campaign.toml, key message.from`."""
        parts = (
            self.file,
            self._line_in_words(),
            self._row_in_words(),
            self._column_in_words(),
        )
        return listed(filter(None, parts))

    def _row_in_words(self) -> str:
        if self.row is None:
            return ""
        if self.sheet and self.sheet != self.file:
            place = tr("row {row} of {sheet}", row=self.row, sheet=self.sheet)
        else:
            place = tr("row {row}", row=self.row)
        if not self.recipient:
            return place
        return tr("{place} ({recipient})", place=place, recipient=self.recipient)

    def _line_in_words(self) -> str:
        if self.line is None:
            return ""
        if not self.character:
            return tr("line {line}", line=self.line)
        return tr("line {line}, column {character}", line=self.line, character=self.character)

    def _column_in_words(self) -> str:
        if not self.column:
            return ""
        if self.file.endswith(".toml"):
            return tr("key {key}", key=self.column)
        return tr("column {column}", column=self.column)

    @property
    def marked_line(self) -> tuple[str, str] | None:
        """The line of the problem and a line with a caret below its place; None without a line.

        Both are at most 100 characters long and have no tabs.
        """
        if not self.excerpt.strip() or self.character is None:
            return None
        line = self.excerpt.replace("\t", " ").rstrip()
        at = min(self.character - 1, len(line))
        start = max(at - _SHOWN_BEFORE, 0) if len(line) > _SHOWN_CHARACTERS else 0
        shown = line[start : start + _SHOWN_CHARACTERS]
        indent = len(shown) - len(shown.lstrip())
        before = shown[indent : at - start]
        return shown[indent:], "".join("\u3000" if _is_wide(one) else " " for one in before) + "^"

    def __str__(self) -> str:
        """Place, cause and fix in one line, even if a part of them has line breaks."""
        text = self.message
        if place := self.place:
            text = tr("{place}: {message}", place=place, message=text)
        if self.hint:
            text = tr("{message} ({hint})", message=text, hint=self.hint)
        return " ".join(filter(None, map(str.strip, text.splitlines())))


def _is_wide(character: str) -> bool:
    """Whether a terminal shows the character two columns wide."""
    return unicodedata.east_asian_width(character) in "WF"


class MailmergeError(Exception):
    """An error that is reported to the user; `str()` of it is one line: place, cause and fix.

    The parameters are the fields of `problem`. Without `code` it has the code of its class.

    Attributes:
        problem: the same as a value.
    """

    default_code: ClassVar[str] = "unexpected"

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        file: str = "",
        row: int | None = None,
        column: str = "",
        line: int | None = None,
        character: int | None = None,
        excerpt: str = "",
    ) -> None:
        super().__init__(message)
        self.problem = Problem(
            "error", code or self.default_code, message, file, row, column, hint, line, character,
            excerpt,
        )  # fmt: skip

    @classmethod
    def from_problem(cls, problem: Problem) -> Self:
        """Make an error of this class with the text, place and code of a problem."""
        return cls(
            problem.message,
            hint=problem.hint,
            code=problem.code,
            file=problem.file,
            row=problem.row,
            column=problem.column,
            line=problem.line,
            character=problem.character,
            excerpt=problem.excerpt,
        )

    def __str__(self) -> str:
        return str(self.problem)


class CampaignError(MailmergeError):
    """campaign.toml or the use of a command is wrong."""

    default_code = "campaign"


class InputError(MailmergeError):
    """A problem that the check finds before anything is sent."""

    default_code = "input"


class SpreadsheetError(InputError):
    """The file of recipients cannot be read, or one of its rows or columns is wrong."""

    default_code = "spreadsheet"


class AddressError(InputError):
    """A cell that is not exactly one mailbox (RFC 5321, 4.1.2)."""

    default_code = "address"


class TemplateError(InputError):
    """A template that does not compile, or does not render for one recipient."""

    default_code = "template"


class AssetError(InputError):
    """An image, a style sheet or an attachment that is missing, unreadable or out of bounds."""

    default_code = "asset"


class MessageError(InputError):
    """A header field or a message that cannot be written as RFC 5322 requires."""

    default_code = "message"


class CheckFailed(MailmergeError):
    """The check found errors; nothing was sent."""

    default_code = "check-failed"


class Declined(MailmergeError):
    """The user did not confirm, or could not be asked; nothing was sent."""

    default_code = "declined"


class NotApproved(Declined):
    """The messages are not those that were approved; nothing was sent.

    Attributes:
        differences: what differs, as the document of `send --json` has it; empty if that is not
            known.
    """

    default_code = "not-approved"
    differences: Sequence[Mapping[str, Any]] = ()


class ServerError(MailmergeError):
    """An error between this program and the mail server.

    `providers.hints.as_user_error` makes it from an error of `mailmerge.smtp.errors` and adds the
    hint.
    """

    default_code = "smtp"


class LocalProtocolError(ServerError):
    """mailmerge asked for something that the protocol forbids; nothing was written."""

    default_code = "local-protocol"


class RemoteProtocolError(ServerError):
    """The server sent something that the protocol forbids; the connection cannot be used again."""

    default_code = "remote-protocol"


class ServerUnreachable(ServerError):
    """No connection was made: name, port, network or TLS. Most often campaign.toml is wrong."""

    default_code = "unreachable"


class ServerRefused(ServerError):
    """The server answered and refuses this session, for now or for good."""

    default_code = "refused"


class AuthenticationRefused(ServerError):
    """The log-in was refused; trying again would only lock the account (RFC 4954, 6)."""

    default_code = "login-refused"


class ConnectionLost(ServerError):
    """An open connection ended, or a reply did not come in time."""

    default_code = "connection-lost"


class LedgerError(MailmergeError):
    """The record of the campaign cannot be read or written, so nothing is sent."""

    default_code = "ledger"


class LedgerHeld(LedgerError):
    """Another process is sending this campaign."""

    default_code = "ledger-held"


class LedgerOlder(LedgerError):
    """Recipients were sent that this ledger does not know of: it is an older one, or a new one."""

    default_code = "ledger-older"


class ClaimLost(LedgerError):
    """These deliveries may not be sent: their claims have expired, or belong to another worker.

    `ids` are the ledger's numbers of the deliveries.
    """

    default_code = "claim-lost"

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(
            trn(
                "the claim of {count} delivery was lost before it was sent",
                "the claims of {count} deliveries were lost before they were sent",
                len(ids),
            ),
            hint=tr("send again: recipients that were not sent are still in the ledger"),
        )
        self.ids = tuple(ids)


class RunStopped(MailmergeError):
    """The run stopped before the end; the next `send` resumes it."""

    default_code = "stopped"


class Interrupted(RunStopped):
    """The user stopped the run; the next `send` resumes it."""

    default_code = "interrupted"


class NotAllReached(MailmergeError):
    """The run finished, and some recipients were not reached."""

    default_code = "not-all-reached"
