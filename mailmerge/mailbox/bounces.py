"""A bounce -> the failed recipients, the status and what the server said.

Half of all bounces are reports (RFC 3464): a part `message/delivery-status` names each recipient,
its status and the answer of the server. The other half is prose that each program words for itself:
qmail, Exim, Domino, older Exchange, and most large services. In prose two things are certain: what
is quoted below (the message that came back) is not the explanation, and an address in the
explanation that is not our own is the one that failed.

The steps, from the surest to the vaguest:

1. the groups of fields of a report, with RFC 3464 names, wherever they stand;
2. the field X-Failed-Recipients (Exim, Google);
3. addresses in the explanation, above the message that came back;
4. the field To of the message that came back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote

from mailmerge.mailbox.addresses import address_of, addresses_in, is_role, unique
from mailmerge.mailbox.incoming import Fields, Mail, Part, read_mail
from mailmerge.mailbox.phrases import texts

STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_CODE: Final = re.compile(r"(?<![\d.:/@-])([45]\d\d)(?=[ -]|$)")
_REPORTS: Final = ("message/delivery-status", "message/global-delivery-status")
RETURNED: Final = (
    "message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers",
)  # fmt: skip
"""The types of a part that has the message which came back, or its header."""

_FAILED: Final = frozenset({"failed", "failure", "undeliverable", "delayed", "expired"})
_SUCCEEDED: Final = frozenset({"delivered", "relayed", "expanded", "deliverable"})
_RULE: Final = "-=_*|# "
_NAME: Final = (
    r"(?:Return-Path|Received|Message-I[dD]|Date|From|Subject|To|MIME-Version|DKIM-Signature|Reply-To|Sender"
    r"|Delivered-To|X-[A-Za-z-]+|ARC-[A-Za-z-]+|Authentication-Results|Content-[A-Za-z-]+|User-Agent)"
)
_HEADER_LINES: Final = re.compile(
    rf"^(?:[>|][ >|]*)?{_NAME}:[^\n]*\n(?:[>|]*[ \t][^\n]*\n){{0,30}}"
    rf"(?:[>|][ >|]*)?{_NAME}:[^\n]*\n(?:[>|]*[ \t][^\n]*\n){{0,30}}(?:[>|][ >|]*)?{_NAME}:",
    re.MULTILINE,
)
"""Three header fields one after another, which begin lines."""

_MOST_EXPLANATION: Final = 12_000
_MOST_SAID: Final = 1200
_MOST_RECIPIENTS: Final = 20
_NO_RECIPIENT: Final = re.compile(
    r"503[ -].{0,40}(?:recipient|rcpt|command)|no valid recip|need rcpt|554.{0,20}no recip",
    re.IGNORECASE,
)
_FIELD_GROUP: Final = re.compile(
    r"^(?:Final|Original)-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE
)
_XTEXT: Final = re.compile(r"\+([0-9A-F]{2})")
_SAID: Final = re.compile(
    r"(?<![\d.:/@-])[45]\d\d[ #-]|(?<![\d.])[45]\.\d{1,3}\.\d|said:|reason|diagnos", re.IGNORECASE
)
_SHORT_LINE: Final = 400
_LINES_BELOW: Final = 2
_AFTER_DATA: Final = re.compile(
    r"end of data|>>> DATA\b|\(state 1[78]\)|(?:following|after) data|to data command",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What a bounce or a delivery report says about its recipients.

    Attributes:
        recipients: the addresses, the likeliest first.
        action: `failed`, `delayed`, `delivered` and so on (RFC 3464, 2.3.3); "" in prose.
        status: the enhanced status code, or one made of the reply code; "" if there is none.
        text: what the server said.
        envid: the envelope identifier, or "".
        formal: it has the fields of RFC 3464.
    """

    recipients: tuple[str, ...] = ()
    action: str = ""
    status: str = ""
    text: str = ""
    envid: str = ""
    formal: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether it reports a delivery (RFC 3461, NOTIFY=SUCCESS)."""
        return self.action in _SUCCEEDED or (not self.action and self.status.startswith("2"))

    @property
    def delayed(self) -> bool:
        """Whether the server is still trying."""
        return self.action == "delayed"


def read_report(mail: Mail) -> Report | None:
    """Return the report of RFC 3464 in a mail, or None. Failed recipients come before others."""
    groups = [group for block in _blocks(mail) for group in block.split("\n\n")]
    if not groups:
        return None
    envid, found = "", list[Report]()
    for text in groups:
        fields = Fields(text.strip("\n"))
        envid = envid or _xtext(fields.get("original-envelope-id", ""))
        recipients = _recipients(fields)
        action = fields.get("action", "").partition(" ")[0].lower().rstrip(";")
        if not recipients and not action:
            continue
        status = _status(fields.get("status", ""))
        said = _after_type(fields.get("diagnostic-code", ""))
        found.append(Report(tuple(recipients), action, status, said, formal=True))
    if not found:
        return None
    failed = [one for one in found if one.action in _FAILED or one.status[:1] in ("4", "5")]
    first = (failed or found)[0]
    all_of_them = unique(address for one in failed or found for address in one.recipients)
    return replace(first, recipients=tuple(all_of_them), envid=envid)


def _blocks(mail: Mail) -> Iterator[str]:
    reports = mail.of_type(*_REPORTS) or _wrapped(mail)
    if reports:
        yield from (part.text for part in reports)
        return
    for part in mail.of_type("text/plain"):
        found = _FIELD_GROUP.search(part.text)
        if found:
            start = part.text.rfind("\n\n", 0, found.start())
            yield part.text[max(start, 0) : found.start() + 4000]
            return


def _wrapped(mail: Mail) -> list[Part]:
    """The reports of a report that a gateway has put into a mail of its own."""
    for part in mail.of_type("message/rfc822"):
        if part.fields.get("content-type", "").lower().startswith("multipart/report"):
            return read_mail(part.text.encode("latin-1", "replace")).of_type(*_REPORTS)
    return []


def _recipients(fields: Fields) -> list[str]:
    values = [
        fields.get(name, "")
        for name in ("final-recipient", "original-recipient", "x-actual-recipient")
    ]
    return unique(
        address
        for value in values
        if value
        for address in addresses_in(_xtext(_after_type(value)))[:1]
    )


def _after_type(value: str) -> str:
    """Return a value without its type: `rfc822; a@b`, `smtp; 550 ...` (RFC 3464, 2.1.2)."""
    kind, separator, rest = value.partition(";")
    return rest.strip() if separator and re.fullmatch(r"[\w .-]{1,40}", kind) else value


def _xtext(value: str) -> str:
    return (
        _XTEXT.sub(lambda found: chr(int(found[1], 16)), value.strip())
        if "+" in value
        else value.strip()
    )


def _status(value: str) -> str:
    found = STATUS.search(value)
    return f"{found[1]}.{int(found[2])}.{int(found[3])}" if found else ""


def explanation_of(mail: Mail) -> str:
    """Return the text of a bounce above the message that came back."""
    text = mail.text[: 4 * _MOST_EXPLANATION]
    end = len(text)
    for start in (_quoted_at(text), _header_at(text)):
        if start > 0 and text[:start].strip():
            end = min(end, start)
    return text[: min(end, _MOST_EXPLANATION)]


def _quoted_at(text: str) -> int:
    """Return where a line announces the message that came back, or -1."""
    at, alone, below = 0, texts("announces"), texts("announces_below_a_rule")
    for line in text.split("\n"):
        words = line.strip(_RULE).lower()
        if words.startswith(alone) or (words.startswith(below) and line[:1] in _RULE[:-1]):
            return at
        at += len(line) + 1
    return -1


def _header_at(text: str) -> int:
    found = _HEADER_LINES.search(text, 1)
    return found.start() if found else -1


def read_prose(explanation: str, fields: Fields, own: frozenset[str]) -> Report:
    """Return what the prose of a bounce says; `own` are the addresses that it was sent to."""
    failed = addresses_in(fields.get("x-failed-recipients", ""))
    recipients = unique([*failed, *_named(explanation, own)])
    said = _said(explanation)
    status = _status_of_text(said) or _status_of_text(explanation)
    return Report(tuple(recipients[:_MOST_RECIPIENTS]), "", status, said)


def _named(explanation: str, own: frozenset[str]) -> list[str]:
    text = unquote(explanation) if "%40" in explanation else explanation
    found = [one for one in addresses_in(text) if not is_role(one)]
    return [one for one in found if one.lower() not in own] or found


def _status_of_text(text: str) -> str:
    for found in STATUS.finditer(text):
        if found[1] in "45":
            return f"{found[1]}.{int(found[2])}.{int(found[3])}"
    return ""


def reply_class(text: str) -> str:
    """Return the class of the first reply code in a text as a status, "5.0.0" or "4.0.0"; or ""."""
    found = _CODE.search(text)
    return f"{found[1][0]}.0.0" if found else ""


def has_code(text: str) -> bool:
    """Whether a text has a reply code or a status code of an error."""
    return bool(_CODE.search(text) or STATUS.search(text))


def _said(explanation: str) -> str:
    """Return the lines with a code or the words for one; without any, all of the explanation."""
    lines, wanted, kept = explanation.split("\n"), 0, list[str]()
    for line in lines:
        if _SAID.search(line[:_SHORT_LINE]):
            wanted = _LINES_BELOW + 1
        if wanted and line.strip():
            kept.append(line.strip())
            wanted -= 1
        else:
            wanted = 0
    return (" ".join(kept) or explanation)[:_MOST_SAID]


def is_after_data(text: str) -> bool:
    """Whether the server refused after the text of the message, so that it had taken the address.

    With pipelining, the command DATA is on its way before RCPT is refused; then a second reply says
    that there is no recipient.
    """
    return bool(_AFTER_DATA.search(text)) and not _NO_RECIPIENT.search(text)


def returned_recipients(mail: Mail) -> list[str]:
    """Return the addresses in To of the message that came back."""
    for part in mail.of_type(*RETURNED):
        found = part.fields
        for name in ("x-failed-recipients", "to", "x-original-to", "delivered-to"):
            if address := address_of(found.get(name, "")):
                return [address]
    found_to = re.search(
        r"^[> \t]*To:[ \t]*([^\n]{3,300})", mail.body, re.MULTILINE | re.IGNORECASE
    )
    return addresses_in(found_to[1])[:1] if found_to else []
