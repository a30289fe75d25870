"""What a starter, or the documentation of a provider, has left behind: it would really be sent.

Example domains (RFC 2606) and texts such as "Your Name" are right in a starter, and in a sandbox
run. In a real send to real recipients they are a mistake: an error as sender and server, and a
warning elsewhere. A campaign whose recipients are examples, too, is still the starter itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mailmerge.errors import Problem, Severity
from mailmerge.language import tr
from mailmerge.preflight.addresses import is_reserved
from mailmerge.preflight.rules import Setup, Totals
from mailmerge.preflight.sender import sender_of
from mailmerge.preflight.shown_text import shown_texts
from mailmerge.preflight.template_texts import TemplateText, template_texts
from mailmerge.settings import CAMPAIGN_FILE

_DUMMY_DOMAIN = re.compile(
    r"(?:^|[.@])(?:(?:your|my|the|some|ihr|ihre|meine?|deine?|votre|mon|tu|su|il-?tuo)[-_]?"
    r"(?:e?mail[-_]?)?(?:domain|company|server|provider|host|web-?site|site|organi[sz]ation|firma"
    r"|verein|anbieter|domaine|entreprise|dominio|empresa|shop|store|app)s?"
    r"\.[a-z]{2,}|domain\.tld|[\w-]+\.tld|(?:provider|server|host)\.(?:tld|example))$",
    re.IGNORECASE,
)
_DUMMY_NAME = re.compile(
    r"\byour (?:(?:full|first|last|own) )?name\b"
    r"|\b(?:your|the) (?:company|organi[sz]ation|team|club|brand|business)(?: name)?\b"
    r"|\bcompany name\b|\bfirst ?name last ?name\b"
    r"|\bIhr Name\b|\bIhre Firma\b|\bvotre nom\b|\btu nombre\b"
    r"|\bMax Mustermann\b|\bErika Mustermann\b|\bMuster(?:firma|verein|gesellschaft)\b"
    r"|\bJohn Doe\b|\bJane Doe\b"
    r"|^Example\b|\bExample (?:Garden|Studio|Accounts|News|Company|Inc|Ltd|Corp)\b",
    re.IGNORECASE,
)
_DUMMY_TEXT = re.compile(
    r"\blorem ipsum\b|\bExampleton\b|\bExample (?:Garden|Studio|Accounts|Company|Street|Road)\b"
    r"|\b(?:Musterstadt|Musterstra(?:ß|ss)e|Musterfirma|Mustermann)\b"
    r"|\bAnytown\b|\b123 Main St(?:reet)?\b"
    r"|\[?\byour (?:company|address|phone|city|street) (?:name|address|number|here)\b\]?"
    r"|\[your [^\]]{2,30}\]"
    r"|\b(?:TODO|FIXME|XXX|TBD)\b(?=\s*:|\s*$)",
    re.IGNORECASE,
)
_URL_HOST = re.compile(r"(?:https?|ftps?)://(?:[^/\s\"'<>@]*@)?([A-Za-z0-9.-]+)", re.IGNORECASE)
_ADDRESS_DOMAIN = re.compile(r"[\w.+-]@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")


def is_dummy(domain: str) -> bool:
    """Whether a domain is reserved for examples, or stands for one's own in a documentation."""
    domain = domain.strip(".").lower()
    return is_reserved(domain) or _DUMMY_DOMAIN.search(domain) is not None


def check_leftovers(totals: Totals, setup: Setup) -> Iterator[Problem]:
    """Sender, server, header fields, links and texts are no examples."""
    if setup.is_local or totals.reserved >= totals.recipients:
        return
    yield from _sender(setup)
    yield from _server(setup)
    yield from _reverse_path(setup)
    for template in template_texts(setup.campaign):
        if template.key != "message.from":
            yield from _in_template(template)


def _sender(setup: Setup) -> Iterator[Problem]:
    sender = sender_of(setup)
    if sender is None:
        return
    if is_reserved(sender.domain) and setup.for_real:
        return  # check_real_sender reports it
    hint = tr("write your own name and address")
    if is_dummy(sender.domain):
        message = tr('"{address}" is an example: no answer would reach you', address=sender.address)
        yield _problem(setup, "message.from", message, hint)
    elif _DUMMY_NAME.search(sender.display_name):
        message = tr(
            'the sender\'s name "{display_name}" is an example', display_name=sender.display_name
        )
        found = _problem(setup, "message.from", message, hint)
        yield replace(found, severity="warning")


def _server(setup: Setup) -> Iterator[Problem]:
    account = setup.account
    if account is not None and not account.server.socket and is_dummy(account.server.host):
        message = tr(
            'the server "{host}" is an example and does not exist', host=account.server.host
        )
        hint = tr('write the host of your provider; "mailmerge providers" lists many')
        yield _problem(setup, "smtp.host", message, hint)


def _reverse_path(setup: Setup) -> Iterator[Problem]:
    address = setup.campaign.message.reverse_path
    domain = address.strip("<> ").rpartition("@")[2]
    if domain and is_dummy(domain):
        message = tr('"{address}" is an example: no bounce would reach you', address=address)
        yield _problem(setup, "message.reverse_path", message, tr("write your own address"))


def _problem(setup: Setup, key: str, message: str, hint: str) -> Problem:
    """An error of a real send; `check`, which sends nothing, warns of it."""
    severity: Severity = "error" if setup.for_real else "warning"
    return Problem(severity, "leftover", message, CAMPAIGN_FILE, column=key, hint=hint)


def _in_template(template: TemplateText) -> Iterator[Problem]:
    """The first example domain, and the first example text."""
    domain = _first_domain(template)
    if domain is not None:
        name, offset = domain
        message = tr('"{name}" is an example domain', name=name)
        yield _warning(template, offset, message, tr("write the address that you mean"))
    text = _first_text(template)
    if text is not None:
        words, offset = text
        message = tr('"{words}" is a text of an example', words=words)
        yield _warning(template, offset, message, tr("write your own text"))


def _warning(template: TemplateText, offset: int, message: str, hint: str) -> Problem:
    return Problem(
        "warning", "leftover", message, template.file, column=template.key, hint=hint,
        line=template.line(offset),
    )  # fmt: skip


def _first_domain(template: TemplateText) -> tuple[str, int] | None:
    for pattern in (_URL_HOST, _ADDRESS_DOMAIN):
        for found in pattern.finditer(template.text):
            if is_dummy(found[1]):
                return found[1], found.start(1)
    return None


def _first_text(template: TemplateText) -> tuple[str, int] | None:
    pattern = (
        _DUMMY_NAME if template.key in {"message.to_name", "message.reply_to"} else _DUMMY_TEXT
    )
    if template.kind != "html":
        found = pattern.search(template.text)
        return (found[0], found.start()) if found else None
    for shown in shown_texts(template.text):
        found = pattern.search(shown.text)
        if found is not None:
            return found[0], shown.offset(found.start())
    return None
