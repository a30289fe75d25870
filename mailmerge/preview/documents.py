"""The campaign and its list of recipients as JSON for the page: plain values, never markup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mailmerge.credentials import find_account
from mailmerge.errors import MailmergeError, Problem
from mailmerge.ledger.states import AFTER_KINDS, State
from mailmerge.preflight.findings import Group
from mailmerge.preview.delivery_states import DeliveryStates
from mailmerge.preview.problem_documents import problem_document
from mailmerge.preview.recipient_list import (
    PAGE_LENGTH,
    ListPage,
    RecipientRow,
    RowFilter,
    RowStatus,
)
from mailmerge.preview.sandbox_messages import SandboxEntry
from mailmerge.preview.session import PreviewSession
from mailmerge.preview.snapshot import CampaignSnapshot

Document = dict[str, Any]


def campaign_document(session: PreviewSession) -> Document:
    """Everything about the campaign as a whole: names, counts, the review set, all problems."""
    snapshot = session.snapshot
    rows, broken = snapshot.rows, snapshot.broken
    return {
        "name": snapshot.campaign.name if snapshot.campaign else session.folder.resolve().name,
        "server": _server_name(snapshot),
        "generation": snapshot.generation,
        "broken": None if broken is None else problem_document(broken, session.folder),
        "counts": {"all": len(rows)}
        | {status.value: count for status, count in rows.counts.items() if status.value}
        | {kind: count for kind, count in rows.after_counts.items() if kind in AFTER_KINDS},
        "grouped": bool(snapshot.campaign and snapshot.campaign.recipients.group_by),
        "sandbox": len(session.sandbox),
        "deliveries": session.deliveries.counts(rows),
        "ledgerError": session.deliveries.error,
        "review": _review_document(session),
        "problems": _problems_document(session),
    }


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A request for one page of the list.

    Attributes:
        search: words that every row of the result contains.
        among: the name of a filter.
        offset: the number of hits before the page.
        around: the key of a row; if given, the page is the one that contains it.
        row: a row number; if given, the answer is only the key of this row.
    """

    search: str = ""
    among: str = "all"
    offset: int = 0
    around: str = ""
    row: int | None = None


def list_document(session: PreviewSession, query: ListQuery) -> Document:
    """One page of the list, or the key of one row."""
    rows = session.snapshot.rows
    if query.row is not None:
        found = rows.at_row(query.row)
        return {"found": found.key if found else None}
    if query.among == "sandbox":
        return _sandbox_list_document(session, query)
    among = row_filter(session, query.among)
    page = rows.page(query.search, among=among, offset=query.offset, around=query.around)
    return _page_document(session, page, with_reasons=query.among == "review")


def _page_document(session: PreviewSession, page: ListPage, *, with_reasons: bool) -> Document:
    reviewed = session.checks.review_set if with_reasons else ()
    reasons = {one.key: one.reasons for one in reviewed}
    states = session.deliveries
    return {
        "recipients": [
            {**row_document(row, session, states), "reason": reasons.get(row.key)}
            for row in page.rows
        ],
        "offset": page.offset,
        "total": page.total,
        "length": PAGE_LENGTH,
    }


def row_document(row: RecipientRow, session: PreviewSession, states: DeliveryStates) -> Document:
    """One row as the list shows it; `state` is that of its delivery, or ""."""
    counts = session.checks.count_problems(row.number)
    known = states.find(row)
    return {
        "key": row.key,
        "row": row.number,
        "name": row.name,
        "address": row.address,
        "status": row.status.value,
        "note": row.note,
        **({"after": row.after} if row.after else {}),
        "state": known.state.value if known else "",
        "errors": counts["error"],
        "warnings": counts["warning"],
    }


def row_filter(session: PreviewSession, among: str) -> RowFilter:
    """The rows that a filter of the list selects; an unknown filter selects all rows."""
    checks = session.checks
    if among == "review":
        return [one.row for one in checks.review_set]
    if among == "problems":
        return checks.rows_with_problems
    if among in AFTER_KINDS:
        return [row.number for row in checks.snapshot.rows if row.after == among]
    if among in set(State):
        return session.deliveries.rows_in(among, session.snapshot.rows)
    return next((status for status in RowStatus if status.value and status.value == among), None)


def _server_name(snapshot: CampaignSnapshot) -> str:
    campaign = snapshot.campaign
    try:
        account = find_account(campaign.smtp, campaign.folder) if campaign else None
    except MailmergeError:
        return ""
    return account.server_name if account else ""


def _review_document(session: PreviewSession) -> Document:
    checks = session.checks
    return {
        "keys": [one.key for one in checks.review_set],
        "examined": checks.examined,
        "of": session.snapshot.rows.counts[RowStatus.RECIPIENT],
        "done": checks.review_done,
    }


def _problems_document(session: PreviewSession) -> Document:
    checks = session.checks
    report = checks.report
    return {
        "done": checks.done,
        "checked": checks.checked,
        "rows": len(checks.rows_with_problems),
        "errors": report.errors if report else 0,
        "warnings": report.warnings if report else 0,
        "groups": [_group_document(group, session) for group in report.groups] if report else [],
        "notes": [_note_document(note, session) for note in report.notes] if report else [],
    }


def _group_document(group: Group, session: PreviewSession) -> Document:
    numbers = [one.row for one in group.examples if one.row is not None]
    examples = [(number, session.snapshot.rows.at_row(number)) for number in numbers]
    return {
        **problem_document(group.first, session.folder),
        "count": group.count,
        "examples": [
            {"row": number, "key": row.key if row and row.number == number else None}
            for number, row in examples
        ],
    }


def _note_document(note: Problem, session: PreviewSession) -> Document:
    """A note in the form of a group; the page shows it below the problems."""
    document = problem_document(note, session.folder)
    return {**document, "severity": "note", "count": 1, "examples": []}


def _sandbox_list_document(session: PreviewSession, query: ListQuery) -> Document:
    entries, total = session.sandbox.page(query.offset, PAGE_LENGTH, query.search)
    return {
        "recipients": [sandbox_row_document(entry) for entry in entries],
        "offset": query.offset,
        "total": total,
        "length": PAGE_LENGTH,
    }


def sandbox_row_document(entry: SandboxEntry) -> Document:
    """One message of the sandbox in the form of `row_document`."""
    return {
        "key": entry.name,
        "row": None,
        "name": entry.subject,
        "address": entry.to,
        "status": "",
        "note": "",
        "state": "",
        "errors": 0,
        "warnings": 0,
    }
