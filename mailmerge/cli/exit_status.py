"""Errors -> the exit status of the command; docs/commands.md guarantees the numbers to scripts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from mailmerge import errors
from mailmerge.errors import MailmergeError


class ExitStatus(IntEnum):
    """The exit statuses; 75 is EX_TEMPFAIL of sysexits.h, 130 is 128 + SIGINT."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    CHECK_FAILED = 3
    LOGIN_REFUSED = 4
    NOT_ALL_REACHED = 5
    STOPPED = 75
    INTERRUPTED = 130


_EXIT_STATUS: Mapping[type[MailmergeError], ExitStatus] = MappingProxyType(
    {
        errors.MailmergeError: ExitStatus.UNEXPECTED,
        errors.CampaignError: ExitStatus.USAGE,
        errors.InputError: ExitStatus.CHECK_FAILED,
        errors.SpreadsheetError: ExitStatus.CHECK_FAILED,
        errors.AddressError: ExitStatus.CHECK_FAILED,
        errors.TemplateError: ExitStatus.CHECK_FAILED,
        errors.AssetError: ExitStatus.CHECK_FAILED,
        errors.MessageError: ExitStatus.CHECK_FAILED,
        errors.CheckFailed: ExitStatus.CHECK_FAILED,
        errors.Declined: ExitStatus.USAGE,
        errors.NotApproved: ExitStatus.USAGE,
        errors.ServerError: ExitStatus.STOPPED,
        errors.LocalProtocolError: ExitStatus.UNEXPECTED,
        errors.RemoteProtocolError: ExitStatus.STOPPED,
        errors.ServerUnreachable: ExitStatus.USAGE,
        errors.ServerRefused: ExitStatus.STOPPED,
        errors.AuthenticationRefused: ExitStatus.LOGIN_REFUSED,
        errors.ConnectionLost: ExitStatus.STOPPED,
        errors.LedgerError: ExitStatus.STOPPED,
        errors.LedgerHeld: ExitStatus.STOPPED,
        errors.LedgerOlder: ExitStatus.USAGE,
        errors.ClaimLost: ExitStatus.STOPPED,
        errors.RunStopped: ExitStatus.STOPPED,
        errors.Interrupted: ExitStatus.INTERRUPTED,
        errors.NotAllReached: ExitStatus.NOT_ALL_REACHED,
    }
)
"""Every class of the error tree; a test fails for a new class without an entry."""


def exit_status(error: MailmergeError) -> ExitStatus:
    """The exit status for an error; a class without an entry has that of its parent."""
    return next(_EXIT_STATUS[kind] for kind in type(error).__mro__ if kind in _EXIT_STATUS)
