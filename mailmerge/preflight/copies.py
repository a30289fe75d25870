"""Rules on Cc, Bcc and further addresses of a cell: who sees what, and who can get it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.preflight.addresses import judge_domain
from mailmerge.preflight.rules import MadeMessage, Setup
from mailmerge.settings import CAMPAIGN_FILE
from mailmerge.wording import prefixed

_MOST_RECIPIENTS = 100
"""Recipients that every server takes in one transaction (RFC 5321, 4.5.3.1.8)."""

_UNSUBSCRIBES = "list-unsubscribe"


def check_copies_see_unsubscribe(setup: Setup) -> Iterator[Problem]:
    """Only the recipient gets the link that unsubscribes the recipient.

    A copy has the same bytes, and so the same link: one click in it would unsubscribe the
    recipient. A mail program may even offer the click by itself (RFC 8058).
    """
    section, recipients = setup.campaign.message, setup.campaign.recipients
    has_copies = bool(section.cc or section.bcc or recipients.several == "together")
    own = any(name.lower().startswith(_UNSUBSCRIBES) for name in section.headers)
    if not has_copies or section.cc_sees_unsubscribe or not (section.unsubscribe or own):
        return
    if section.cc or section.bcc:
        column = "message.cc" if section.cc else "message.bcc"
    else:
        column = "recipients.several"
    message = tr("a copy of the message could unsubscribe its recipient, whose link it contains")
    hint = tr(
        "remove the unsubscribe link, or set cc_sees_unsubscribe = true under [message] if all "
        "who get a copy may use it"
    )
    yield Problem(
        "error", "copy-sees-unsubscribe", message, CAMPAIGN_FILE, column=column, hint=hint
    )


def check_copies(made: MadeMessage, setup: Setup) -> Iterator[Problem]:
    """Every copy can arrive; one that is left out because of the suppression list is named."""
    copies, row = made.content.copies, made.recipient.row
    for mailbox in copies.mailboxes:
        found = judge_domain(mailbox.domain)
        if found is not None and (found.code != "reserved-domain" or setup.for_real):
            message = prefixed(f'"{mailbox.address}"', found.message)
            yield replace(found, message=message, file=CAMPAIGN_FILE, row=row, column="message.cc")
        if mailbox.needs_smtputf8:
            message = tr('only servers with SMTPUTF8 accept "{address}"', address=mailbox.address)
            hint = tr('"mailmerge connect" shows whether your server does (RFC 6531)')
            yield Problem(
                "warning", "needs-smtputf8", message, CAMPAIGN_FILE, row, "message.cc", hint
            )
    for mailbox in copies.dropped:
        message = tr(
            '"{address}" gets no copy: it is on the suppression list', address=mailbox.address
        )
        hint = tr("the message goes to the others")
        yield Problem("warning", "copy-suppressed", message, CAMPAIGN_FILE, row, "message.cc", hint)
    if len(copies.mailboxes) >= _MOST_RECIPIENTS:
        message = tr(
            "the message goes to {count:,} addresses; servers need not accept more than 100",
            count=len(copies.mailboxes) + 1,
        )
        hint = tr("send to fewer at once, or use a mailing list")
        yield Problem("warning", "many-copies", message, CAMPAIGN_FILE, row, "message.cc", hint)
