"""What was approved, in the state folder: `approvals/CODE.json`, for the user alone.

The record only serves to name a difference. A changed record changes no decision: a send compares
the code itself with the present state.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailmerge.errors import CampaignError, LedgerError, NotApproved
from mailmerge.jobs.approval import Approval, ApprovedRecipients, normal_code
from mailmerge.language import tr
from mailmerge.portable.syncing import sync_to_disk
from mailmerge.private_files import make_private_folder, open_private

_FOLDER: Final = "approvals"
_PARTS: Final = ("content", "files", "sender", "limits")


def write_approval(state_folder: Path, approval: Approval) -> Path:
    """Record an approval, and return its file.

    Raises:
        LedgerError: the file cannot be written.
    """
    folder = make_private_folder(make_private_folder(state_folder) / _FOLDER)
    path = folder / f"{approval.code}.json"
    document = {part: dict(getattr(approval, part)) for part in _PARTS}
    text = json.dumps(document | {"recipients": approval.recipients.entries.hex()}, indent=1)
    fresh = path.with_suffix(".new")
    try:
        with suppress(FileNotFoundError):
            fresh.unlink()
        with os.fdopen(open_private(fresh, "create"), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            sync_to_disk(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise LedgerError(
            tr("the approval cannot be written: {reason}", reason=error.strerror or str(error)),
            file=path.name, hint=tr("check the permissions of the folder"), code="unwritable",
        ) from error  # fmt: skip
    return path


def read_approval(state_folder: Path, wanted: str) -> Approval | None:
    """The approval with this code; None if there is no such record here, or it is damaged."""
    try:
        text = (state_folder / _FOLDER / f"{wanted}.json").read_text(encoding="utf-8")
        document = json.loads(text)
        entries = bytes.fromhex(document["recipients"])
        parts = [{str(k): str(v) for k, v in document[part].items()} for part in _PARTS]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    approval = Approval(ApprovedRecipients(entries), *parts)
    return approval if approval.code == wanted else None


def require_approval(now: Approval, approved: str, state_folder: Path) -> None:
    """Compare the present state with an approved code.

    Raises:
        CampaignError: the text is no code.
        NotApproved: the state is another one; the error says what differs, as far as it is known.
    """
    wanted = normal_code(approved)
    if not wanted:
        raise CampaignError(
            tr("{text} is no code of an approval", text=repr(approved[:40])),
            hint=tr("`mailmerge approve` prints it: three groups of four characters"), code="usage",
        )  # fmt: skip
    if now.code == wanted:
        return
    known = read_approval(state_folder, wanted)
    found = now.differences(known) if known is not None else ()
    what = "; ".join(map(str, found)) or tr("this folder has no record of the approval")
    error = NotApproved(
        tr("not what {approved} approved: {what}; nothing was sent", approved=wanted, what=what),
        hint=tr("undo the change, or have it approved: mailmerge approve"),
    )
    error.differences = [one.to_json() for one in found]
    raise error
