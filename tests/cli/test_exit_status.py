"""The exit statuses that scripts rely on."""

from __future__ import annotations

import pytest

from mailmerge import errors
from mailmerge.cli.exit_status import exit_status
from mailmerge.errors import MailmergeError
from tests.test_errors import every_error

STATUSES = {
    errors.MailmergeError: 1,
    errors.CampaignError: 2,
    errors.InputError: 3,
    errors.SpreadsheetError: 3,
    errors.AddressError: 3,
    errors.TemplateError: 3,
    errors.AssetError: 3,
    errors.MessageError: 3,
    errors.CheckFailed: 3,
    errors.Declined: 2,
    errors.NotApproved: 2,
    errors.ServerError: 75,
    errors.LocalProtocolError: 1,
    errors.RemoteProtocolError: 75,
    errors.ServerUnreachable: 2,
    errors.ServerRefused: 75,
    errors.AuthenticationRefused: 4,
    errors.ConnectionLost: 75,
    errors.LedgerError: 75,
    errors.LedgerHeld: 75,
    errors.LedgerOlder: 2,
    errors.ClaimLost: 75,
    errors.RunStopped: 75,
    errors.Interrupted: 130,
    errors.NotAllReached: 5,
}


def test_every_class_of_the_tree_has_a_status() -> None:
    assert set(STATUSES) == set(every_error())


@pytest.mark.parametrize(("kind", "status"), STATUSES.items(), ids=str)
def test_each_class_keeps_its_status(kind: type[MailmergeError], status: int) -> None:
    error = errors.ClaimLost([1]) if kind is errors.ClaimLost else kind("x")
    assert exit_status(error) == status


def test_a_class_without_a_status_ends_as_its_parent_does() -> None:
    class _OfAnotherPackage(errors.NotAllReached):
        pass

    assert exit_status(_OfAnotherPackage("x")) == 5
