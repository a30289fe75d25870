"""Rules on the addresses of [message] in campaign.toml, and on the name of the sender."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from mailmerge.errors import AddressError, Problem
from mailmerge.language import tr
from mailmerge.preflight.addresses import judge_domain
from mailmerge.preflight.rules import Setup, Totals
from mailmerge.recipients.address import Mailbox, parse_mailbox
from mailmerge.recipients.mailbox_list import parse_mailboxes
from mailmerge.settings import CAMPAIGN_FILE
from mailmerge.wording import prefixed

_FROM = "message.from"
_TEMPLATE = re.compile(r"\{[{%#]")
_COUNT = re.compile(r"\(\d+\)")
_REPLY = re.compile(r"\s*(re|fwd?|aw|wg)\s*:", re.IGNORECASE)

_error = partial(Problem, "error", file=CAMPAIGN_FILE)


def sender_of(setup: Setup) -> Mailbox | None:
    """The mailbox of `from`; None if it is not an address, which check_from reports."""
    try:
        return parse_mailbox(setup.campaign.message.from_, names=True)
    except AddressError:
        return None


def check_from(setup: Setup) -> Iterator[Problem]:
    """`from` is one mailbox."""
    text = setup.campaign.message.from_
    try:
        parse_mailbox(text, names=True)
    except AddressError as error:
        message = prefixed(repr(text), error.problem.message)
        hint = tr('write "Name <name@example.org>"')
        if _is_list(text):
            # RFC 5322, 3.6.2, allows several authors, but DMARC (RFC 7489, 6.6.1) knows one domain,
            # and large mailbox providers refuse such messages.
            message = tr("{text} is more than one sender", text=repr(text))
            hint = tr("write one sender here, and the others in reply_to")
        yield _error("from-address", message, column=_FROM, hint=hint)


def _is_list(text: str) -> bool:
    try:
        return len(parse_mailboxes(text)) > 1
    except AddressError as error:
        return error.problem.code == "address-group"


def check_reverse_path(setup: Setup) -> Iterator[Problem]:
    """`reverse_path` is one address."""
    text = setup.campaign.message.reverse_path
    wrong = _wrong_address(text, parse_mailbox)
    if wrong is not None:
        message, column = prefixed(repr(text), wrong.message), "message.reverse_path"
        yield _error("reverse-path-address", message, column=column, hint=wrong.hint)


def check_reply_to(setup: Setup) -> Iterator[Problem]:
    """`reply_to` is one or more mailboxes, unless it differs between recipients."""
    text = setup.campaign.message.reply_to
    wrong = _wrong_address(text, parse_mailboxes)
    if wrong is not None:
        message, column = prefixed(repr(text), wrong.message), "message.reply_to"
        yield _error("reply-to-address", message, column=column, hint=wrong.hint)


def _wrong_address(text: str, parse: Callable[[str], object]) -> Problem | None:
    if text and not _TEMPLATE.search(text):
        try:
            parse(text)
        except AddressError as error:
            return error.problem
    return None


def check_sender_name(setup: Setup) -> Iterator[Problem]:
    """The display name follows Gmail's rules: it is a name only, and not deceptive."""
    sender = sender_of(setup)
    name = sender.display_name if sender is not None else ""
    message = ""
    if any(unicodedata.category(character) in {"So", "Sk"} for character in name):
        message = tr("symbols in a sender's name count as deceptive")
    elif sender and "@" in name and sender.address.lower() not in name.lower():
        message = tr("a sender's name that holds another address counts as deceptive")
    elif _COUNT.search(name) or _REPLY.match(name):
        message = tr("a sender's name that looks like a conversation counts as deceptive")
    if message:
        message = prefixed(repr(name), message)
        hint = tr("use your name or that of your organisation")
        yield Problem("warning", "from-name", message, CAMPAIGN_FILE, column=_FROM, hint=hint)


def check_sender_domain(setup: Setup) -> Iterator[Problem]:
    """The domain of the sender does not look like a typing error."""
    sender = sender_of(setup)
    found = judge_domain(sender.domain) if sender is not None else None
    if sender is not None and found is not None and found.code != "reserved-domain":
        yield _at_from(replace(found, hint=tr("correct it if so")), sender)


def check_real_sender(totals: Totals, setup: Setup) -> Iterator[Problem]:
    """The sender of a real send can get mail: its domain is not reserved (RFC 2606).

    Reported only if some recipient can get mail; otherwise nothing would be sent anyway.
    """
    if not setup.for_real or totals.reserved >= totals.recipients:
        return
    sender = sender_of(setup)
    found = judge_domain(sender.domain) if sender is not None else None
    if sender is not None and found is not None and found.code == "reserved-domain":
        yield _at_from(found, sender)


def _at_from(found: Problem, sender: Mailbox) -> Problem:
    message = prefixed(f'"{sender.address}"', found.message)
    return replace(found, message=message, file=CAMPAIGN_FILE, column=_FROM)
