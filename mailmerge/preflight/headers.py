"""Rules on the standard header fields of bulk mail, from their keys or from [message.headers].

* List-Id (RFC 2919) names the mailing; its domain must be one that the sender controls.
* Auto-Submitted (RFC 3834, 5) says that no human started the message: an invoice or a notice that a
  program sends. A newsletter that an editor wrote is not that, so nothing sets the field by itself.
  `auto-replied` answers a message; a mailing answers none.
* Precedence is older than both and not standardised, but RFC 3834, 2, names it: automatic replies
  are not sent to a message with `bulk`, `list` or `junk`.
* Feedback-ID (Gmail): up to three names, and last that of the sender, 5 to 15 characters. Gmail
  counts complaints by name, so a name that differs between recipients counts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.preflight.addresses import organizational_domain
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.sender import sender_of
from mailmerge.settings import CAMPAIGN_FILE

_LIST_ID: Final = re.compile(r"(?:[^<>]*<)?([^<>\s]+\.[^<>\s.]+)>?")
_PRECEDENCES: Final = frozenset({"bulk", "list", "junk"})
_SUBMITTED: Final = frozenset({"no", "auto-generated"})
_SENDER_ID: Final = range(5, 16)
_TEMPLATE: Final = re.compile(r"\{\{((?:(?!\{\{).)*?)\}\}|\{%((?:(?!\{%).)*?)%\}", re.DOTALL)
_CAMPAIGN: Final = re.compile(r"\s*campaign\b")


def check_list_id(setup: Setup) -> Iterator[Problem]:
    """List-Id is `Words <name.example.org>`, in the domain of From (RFC 2919, 3)."""
    value, sender = _field(setup, "list-id"), sender_of(setup)
    if not value or _TEMPLATE.search(value) or sender is None:
        return
    found = _LIST_ID.fullmatch(value.strip())
    if found is None:
        message = tr("List-Id is {value}, which is no name of a list", value=repr(value[:80]))
        hint = tr("write Words <news.{domain}> (RFC 2919)", domain=sender.domain)
    elif organizational_domain(found[1].lower()) != organizational_domain(sender.domain):
        message = tr(
            "List-Id is in {other}, and From in {domain}",
            other=organizational_domain(found[1].lower()),
            domain=sender.domain,
        )
        hint = tr("name the list in your own domain (RFC 2919)")
    else:
        return
    yield _warning("list-id", message, setup, "list-id", hint)


def check_automatic(setup: Setup) -> Iterator[Problem]:
    """Auto-Submitted and Precedence have a value that receivers know (RFC 3834)."""
    submitted = _field(setup, "auto-submitted").partition(";")[0].strip().lower()
    if submitted and submitted not in _SUBMITTED and not _TEMPLATE.search(submitted):
        message = tr("Auto-Submitted is {value}, but no message is answered", value=repr(submitted))
        hint = tr('write auto_submitted = "auto-generated", or leave it out (RFC 3834)')
        yield _warning("auto-submitted", message, setup, "auto-submitted", hint)
    precedence = _field(setup, "precedence").strip().lower()
    if precedence and precedence not in _PRECEDENCES and not _TEMPLATE.search(precedence):
        message = tr("receivers do not know Precedence: {value}", value=precedence)
        hint = tr('write precedence = "bulk"')
        yield _warning("precedence", message, setup, "precedence", hint)


def check_feedback_id(setup: Setup) -> Iterator[Problem]:
    """Feedback-ID has names that Gmail reads, the same for all recipients."""
    value = _field(setup, "feedback-id")
    found, names = _TEMPLATE.findall(value), value.split(":")
    if not all(_CAMPAIGN.match(expression) for expression, _ in found):
        message = tr("Feedback-ID differs between recipients, so Gmail counts nothing by it")
        hint = tr("use names of the campaign and the sender only")
        yield _warning("feedback-id", message, setup, "feedback-id", hint)
    elif value and not found and not (len(names) <= 4 and len(names[-1]) in _SENDER_ID):
        message = tr("Gmail does not read Feedback-ID: {value}", value=value[:80])
        hint = tr("write campaign:customer:kind:sender, the last with 5 to 15 characters")
        yield _warning("feedback-id", message, setup, "feedback-id", hint)


def _field(setup: Setup, name: str) -> str:
    fields = setup.campaign.message.own_fields
    return next((value for given, value in fields if given.lower() == name), "")


def _warning(code: str, message: str, setup: Setup, name: str, hint: str) -> Problem:
    own = {given.lower(): given for given in setup.campaign.message.headers}
    column = f"message.headers.{own[name]}" if name in own else f"message.{name.replace('-', '_')}"
    return Problem("warning", code, message, CAMPAIGN_FILE, column=column, hint=hint)
