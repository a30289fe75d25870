"""The JSON document of a `send` that sent nothing."""

from __future__ import annotations

from typing import Any

from mailmerge.engine.plan import Plan
from mailmerge.engine.summary import Summary, by_name
from mailmerge.errors import NotApproved
from mailmerge.jobs.job import Job
from mailmerge.ledger.states import State, reported


def unsent_document(
    job: Job, plan: Plan | None = None, refused: NotApproved | None = None
) -> dict[str, Any]:
    """Return the document of a dry run with its plan, of a failed check, or of a refusal."""
    report = job.report
    total = plan.total if plan is not None else report.recipients if report is not None else 0
    summary = Summary(
        campaign=job.campaign.name,
        states=by_name(reported({State.PENDING: total})),
        sent=0,
        seconds=0.0,
        check_seconds=report.seconds if report is not None else 0.0,
    )
    document = summary.to_json()
    if plan is not None:
        document["to_send"] = plan.to_send
        if plan.copies:
            document["copies"] = plan.copies
        if plan.hours is not None:
            document["hours"] = plan.hours.to_json()
    if report is not None:
        document["problems"] = report.to_json()["problems"]
    if job.options.approved and (plan is not None or refused is not None):
        differences = list(refused.differences) if refused is not None else []
        document["approval"] = {"approved": refused is None, "differences": differences}
    return document
