"""The record of an approval: only for this user, whole, and never trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import CampaignError, LedgerError, NotApproved
from mailmerge.jobs.approval import Approval, ApprovedRecipients
from mailmerge.jobs.approval_files import read_approval, require_approval, write_approval
from tests.platforms import assert_private

APPROVAL = Approval(
    ApprovedRecipients(bytes(range(32))),
    {"message.subject": "1"},
    {"body.txt": "2"},
    {"server": "mail.example.org:465"},
    {"connections": "1"},
)


def test_a_record_is_read_back(tmp_path: Path) -> None:
    path = write_approval(tmp_path, APPROVAL)
    assert write_approval(tmp_path, APPROVAL) == path
    assert read_approval(tmp_path, APPROVAL.code) == APPROVAL
    assert_private(path)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"recipients": "zz"}', "null"])
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    write_approval(tmp_path, APPROVAL).write_text(text)
    assert read_approval(tmp_path, APPROVAL.code) is None


def test_a_changed_record_decides_nothing(tmp_path: Path) -> None:
    path = write_approval(tmp_path, APPROVAL)
    path.write_text(path.read_text().replace('"connections": "1"', '"connections": "9"'))
    assert read_approval(tmp_path, APPROVAL.code) is None
    with pytest.raises(NotApproved, match="no record"):
        require_approval(Approval(ApprovedRecipients(b""), {}, {}, {}, {}), APPROVAL.code, tmp_path)


def test_a_mistyped_code_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="'yes' is no code"):
        require_approval(APPROVAL, "yes", tmp_path)


def test_the_same_state_needs_no_record(tmp_path: Path) -> None:
    require_approval(APPROVAL, APPROVAL.code.lower(), tmp_path)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "approvals").write_text("")
    with pytest.raises(LedgerError):
        write_approval(tmp_path, APPROVAL)
