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
    from mailmerge.errors import MailmergeError, Problem
    from mailmerge.mime.message import Message
    from mailmerge.recipients.audience import Recipient

__version__ = "0.1.0"

__all__ = [
    "Campaign",
    "MailmergeError",
    "Message",
    "Problem",
    "Recipient",
    "Server",
]

_MODULES = {
    "Campaign": "mailmerge.campaign",
    "MailmergeError": "mailmerge.errors",
    "Message": "mailmerge.mime.message",
    "Problem": "mailmerge.errors",
    "Recipient": "mailmerge.recipients.audience",
    "Server": "mailmerge.credentials",
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
