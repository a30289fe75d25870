"""One correct, personal e-mail for every recipient of a spreadsheet, sent once, with a record.

docs/python.md describes the names below with examples. They are the public interface; the modules
may change. A name is imported when it is first used, so that `import mailmerge` takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailmerge.campaign import Campaign
    from mailmerge.credentials import Server
    from mailmerge.engine.events import Deferred, InDoubt, Rejected, Sent, Slowed, Waiting
    from mailmerge.engine.plan import Plan
    from mailmerge.engine.summary import Summary
    from mailmerge.errors import MailmergeError, Problem
    from mailmerge.jobs.job import Job
    from mailmerge.jobs.targets import TestTo
    from mailmerge.ledger.ledger import Ledger
    from mailmerge.ledger.states import Delivery
    from mailmerge.mailbox.replies import read_replies
    from mailmerge.mime.message import Message
    from mailmerge.preflight.check import check
    from mailmerge.preflight.report import CheckReport
    from mailmerge.recipients.collection import Recipients, read_recipients
    from mailmerge.recipients.recipient import Recipient, Skipped
    from mailmerge.sandbox import Sandbox

__version__ = "0.1.0"

__all__ = [
    "Campaign",
    "CheckReport",
    "Deferred",
    "Delivery",
    "InDoubt",
    "Job",
    "Ledger",
    "MailmergeError",
    "Message",
    "Plan",
    "Problem",
    "Recipient",
    "Recipients",
    "Rejected",
    "Sandbox",
    "Sent",
    "Server",
    "Skipped",
    "Slowed",
    "Summary",
    "TestTo",
    "Waiting",
    "check",
    "read_recipients",
    "read_replies",
]

_MODULES = {
    "Campaign": "mailmerge.campaign",
    "CheckReport": "mailmerge.preflight.report",
    "Deferred": "mailmerge.engine.events",
    "Delivery": "mailmerge.ledger.states",
    "InDoubt": "mailmerge.engine.events",
    "Job": "mailmerge.jobs.job",
    "Ledger": "mailmerge.ledger.ledger",
    "MailmergeError": "mailmerge.errors",
    "Message": "mailmerge.mime.message",
    "Plan": "mailmerge.engine.plan",
    "Problem": "mailmerge.errors",
    "Recipient": "mailmerge.recipients.recipient",
    "Recipients": "mailmerge.recipients.collection",
    "Rejected": "mailmerge.engine.events",
    "Sandbox": "mailmerge.sandbox",
    "Sent": "mailmerge.engine.events",
    "Server": "mailmerge.credentials",
    "Skipped": "mailmerge.recipients.recipient",
    "Slowed": "mailmerge.engine.events",
    "Summary": "mailmerge.engine.summary",
    "TestTo": "mailmerge.jobs.targets",
    "Waiting": "mailmerge.engine.events",
    "check": "mailmerge.preflight.check",
    "read_recipients": "mailmerge.recipients.collection",
    "read_replies": "mailmerge.mailbox.replies",
}


if not TYPE_CHECKING:  # so that type checkers refuse names that are none of these

    def __getattr__(name: str) -> object:
        """The public name, imported from its module (PEP 562)."""
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(module), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
