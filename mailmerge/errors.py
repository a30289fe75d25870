"""The whole error tree, and the problem: an error that is listed instead of raised.

MailmergeError                     what a person sees: one line that says what to do next
├── CampaignError                  campaign.toml is wrong, or a command was called wrongly
├── InputError                     found by the check, before anything is sent
│   ├── SpreadsheetError           the file, one of its rows or one of its columns
│   ├── AddressError               a cell that is not one mailbox
│   ├── TemplateError              a template that does not compile or does not render
│   ├── AssetError                 an image, a style sheet or an attachment
│   └── MessageError               a header field or a message that cannot be written
├── CheckFailed                    the check found errors: nothing was sent
├── Declined                       the person said no: nothing was sent
├── ServerError                    the mail server
│   ├── LocalProtocolError         our side asked for what the protocol forbids
│   ├── RemoteProtocolError        the server sent what the protocol forbids
│   ├── ServerUnreachable          no connection: name, port, network, TLS
│   ├── ServerRefused              the server answered, and refuses this session
│   ├── AuthenticationRefused      the log-in was refused
│   └── ConnectionLost             an open connection ended, or a reply did not come in time
├── LedgerError                    the record of the campaign cannot be read or written
│   ├── LedgerHeld                 another process is sending this campaign
│   └── ClaimLost                  a delivery belongs to another worker now, or to none
├── RunStopped                     stopped before the end; `send` again goes on
│   └── Interrupted                stopped by the person
└── NotAllReached                  finished; some people were not reached
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Literal, Self

Severity = Literal["error", "warning"]


class ExitStatus(IntEnum):
    """What the program tells the shell; 75 is EX_TEMPFAIL of sysexits.h, 130 is 128 + SIGINT."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    CHECK_FAILED = 3
    LOGIN_REFUSED = 4
    NOT_ALL_REACHED = 5
    STOPPED = 75
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a campaign, and where a person finds it.

    `file` is relative to the campaign folder; `row` is the spreadsheet's own row number (the header
    is row 1 of a sheet, a CSV record has the number of its first line); `line` counts a template's
    lines from 1. `code` is stable and made for programs, `message` and `hint` are for people.
    """

    severity: Severity
    code: str
    message: str
    file: str = ""
    row: int | None = None
    column: str = ""
    hint: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        """Where it is, as a person would say it: `recipients.csv, row 7, column email`."""
        parts = [
            self.file,
            f"line {self.line}" if self.line is not None else "",
            f"row {self.row}" if self.row is not None else "",
            f"column {self.column}" if self.column else "",
        ]
        return ", ".join(part for part in parts if part)

    def __str__(self) -> str:
        sentence = f"{self.place}: {self.message}" if self.place else self.message
        return f"{sentence} ({self.hint})" if self.hint else sentence


class MailmergeError(Exception):
    """Anything a person is told about: `str()` of it is one line with place, cause and mend.

    `code` names the kind of problem for programs and may be set for each error; `exit_status` is
    what the command ends with.
    """

    exit_status: ClassVar[ExitStatus] = ExitStatus.UNEXPECTED
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
    ) -> None:
        super().__init__(message)
        self.problem = Problem(
            "error", code or self.default_code, message, file, row, column, hint, line
        )

    @classmethod
    def from_problem(cls, problem: Problem) -> Self:
        """The problem as an error of this class, with the same text, place and code."""
        return cls(
            problem.message,
            hint=problem.hint,
            code=problem.code,
            file=problem.file,
            row=problem.row,
            column=problem.column,
            line=problem.line,
        )

    def __str__(self) -> str:
        return str(self.problem)


class CampaignError(MailmergeError):
    """campaign.toml is wrong, or a command was called wrongly."""

    exit_status = ExitStatus.USAGE
    default_code = "campaign"


class InputError(MailmergeError):
    """Something the check finds before anything is sent."""

    exit_status = ExitStatus.CHECK_FAILED
    default_code = "input"


class SpreadsheetError(InputError):
    """The file of recipients cannot be read, or one of its rows or columns is wrong."""

    default_code = "spreadsheet"


class AddressError(InputError):
    """A cell that is not exactly one mailbox (RFC 5321, 4.1.2)."""

    default_code = "address"


class TemplateError(InputError):
    """A template that does not compile, or does not render for one person."""

    default_code = "template"


class AssetError(InputError):
    """An image, a style sheet or an attachment that is missing, unreadable or out of bounds."""

    default_code = "asset"


class MessageError(InputError):
    """A header field or a message that cannot be written as RFC 5322 wants it."""

    default_code = "message"


class CheckFailed(MailmergeError):
    """The check found errors; nothing was sent."""

    exit_status = ExitStatus.CHECK_FAILED
    default_code = "check-failed"


class Declined(MailmergeError):
    """The person said no, or could not be asked; nothing was sent."""

    exit_status = ExitStatus.USAGE
    default_code = "declined"


class ServerError(MailmergeError):
    """Something went wrong between this program and the mail server.

    These are made of the errors of `mailmerge.smtp.errors`, which have no hints
    (`providers.hints.as_user_error`).
    """

    exit_status = ExitStatus.STOPPED
    default_code = "smtp"


class LocalProtocolError(ServerError):
    """Our side asked for something that the protocol forbids; nothing was written."""

    exit_status = ExitStatus.UNEXPECTED
    default_code = "local-protocol"


class RemoteProtocolError(ServerError):
    """The server sent something that the protocol forbids; the connection is poisoned."""

    default_code = "remote-protocol"


class ServerUnreachable(ServerError):
    """No connection was made: name, port, network or TLS. Most often campaign.toml is wrong."""

    exit_status = ExitStatus.USAGE
    default_code = "unreachable"


class ServerRefused(ServerError):
    """The server answered and refuses this session, now or always."""

    default_code = "refused"


class AuthenticationRefused(ServerError):
    """The log-in was refused; trying again would only lock the account (RFC 4954, 6)."""

    exit_status = ExitStatus.LOGIN_REFUSED
    default_code = "login-refused"


class ConnectionLost(ServerError):
    """An open connection ended, or a reply did not come in time."""

    default_code = "connection-lost"


class LedgerError(MailmergeError):
    """The record of the campaign cannot be read or written; nothing is sent without it."""

    exit_status = ExitStatus.STOPPED
    default_code = "ledger"


class LedgerHeld(LedgerError):
    """Another process is sending this campaign."""

    default_code = "ledger-held"


class ClaimLost(LedgerError):
    """These deliveries may not be sent: their claims have expired, or belong to another worker.

    `ids` are the ledger's numbers of the deliveries.
    """

    default_code = "claim-lost"

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__(
            f"the claims of {len(ids)} deliveries were lost before they were sent",
            hint="send again: whatever was not sent is still in the ledger",
        )
        self.ids = tuple(ids)


class RunStopped(MailmergeError):
    """The run stopped before the end; `send` again goes on where it stopped."""

    exit_status = ExitStatus.STOPPED
    default_code = "stopped"


class Interrupted(RunStopped):
    """The person stopped the run; `send` again goes on where it stopped."""

    exit_status = ExitStatus.INTERRUPTED
    default_code = "interrupted"


class NotAllReached(MailmergeError):
    """The run finished, and some people were not reached."""

    exit_status = ExitStatus.NOT_ALL_REACHED
    default_code = "not-all-reached"
