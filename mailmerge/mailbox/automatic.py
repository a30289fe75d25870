"""Is a mail written by a program: out of office, a receipt, an answer of a ticket system?

The fields are the sure sign: Auto-Submitted (RFC 3834, 5), and those that programs set before it.
Many programs set none. So the subject is compared with how such answers begin, in the languages of
the programs.
"""

from __future__ import annotations

import re
from typing import Final

from mailmerge.mailbox.incoming import Mail
from mailmerge.mailbox.phrases import pattern

_FIELDS: Final = (
    "x-autoreply", "x-autorespond", "x-auto-reply", "x-auto-response", "x-vacation",
    "x-autoresponder", "x-ms-exchange-inbox-rules-loop",
)  # fmt: skip
"""Fields that only automatic answers have, with any content."""

_SUBJECT: Final = 200
_REPLY: Final = r"^\s*(?:(?:re|aw|sv|antw|odp|rif|ré|回复|答复)\s*[:：]\s*)?"
_RECEIPT: Final = re.compile(
    r"^\s*(?:read|gelesen|lu|leído|letto|lida|已读|既読|開封|zugestellt|"
    r"not read|nicht gelesen|non lu)\s*[:：]",
    re.IGNORECASE,
)


def is_automatic(mail: Mail) -> bool:
    """Whether a program wrote the mail. Bounces are automatic too: ask for them first."""
    fields = mail.fields
    submitted = fields.get("auto-submitted", "").strip().lower()
    if submitted and not submitted.startswith("no"):
        return True
    if any(name in fields for name in _FIELDS):
        return True
    precedence = fields.get("precedence", "").strip().lower()
    if precedence == "auto_reply" or fields.get("preference", "").strip().lower() == "auto_reply":
        return True
    if mail.type == "multipart/report" and "disposition-notification" in mail.content_type.lower():
        return True  # a receipt (RFC 8098) says that it was shown or deleted, by a program
    if pattern("automatic_subjects", _REPLY).search(mail.subject[:_SUBJECT]) or _RECEIPT.search(
        mail.subject[:_SUBJECT]
    ):
        return True
    suppressed = fields.get("x-auto-response-suppress", "").strip().lower()
    return (
        precedence in ("bulk", "junk")
        and suppressed not in ("", "none")
        and not fields.get("list-id")
    )
