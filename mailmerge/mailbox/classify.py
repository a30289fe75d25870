"""The bytes of one received mail -> a `Fact`: what it says about one of our messages. Pure.

The order of the questions matters, because a mail can look like several kinds:

1. A report says what it is (multipart/report, RFC 6522): a complaint (RFC 5965), or the state of a
   delivery (RFC 3464). Its type counts more than its words.
2. An unsubscribe mail has a token of ours. Nothing else has one, except the quoted message; so the
   token must stand in the subject or be written to the address for unsubscribing.
3. A bounce in prose comes from a program for mail: its sender is empty or a mailer-daemon, or its
   subject is that of a bounce. One sign alone is not enough: users forward bounces, and ask why.
4. What a program wrote is an automatic reply (RFC 3834).
5. What refers to another message is an answer.

A mail that refers to no message at all is of the kind OTHER: newsletters, spam, other letters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from email.utils import mktime_tz, parsedate_tz
from functools import cached_property
from typing import Final

from mailmerge.mailbox.addresses import address_of, addresses_in, is_role, named_by_verp, unique
from mailmerge.mailbox.automatic import is_automatic
from mailmerge.mailbox.bounces import (
    RETURNED,
    STATUS,
    Report,
    explanation_of,
    has_code,
    is_after_data,
    read_prose,
    read_report,
    reply_class,
    returned_recipients,
)
from mailmerge.mailbox.facts import Fact, Kind
from mailmerge.mailbox.incoming import Fields, Mail, Part, read_mail
from mailmerge.mailbox.phrases import pattern
from mailmerge.mailbox.reasons import Reason, reason_of

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{20,}")
_BEFORE_TOKEN: Final = re.compile(
    r"^.{0,20}?unsubscribe(?:(?:\s|%20|[:+])+|_)?", re.IGNORECASE | re.DOTALL
)
"""A token may begin with an underscore, so only one directly after the word separates."""
_LONGEST_SUBJECT: Final = 1500
_SHORT: Final = 100
_OUR_ID: Final = re.compile(r"(?<![0-9A-Za-z])([0-9a-fA-F]{32})@([A-Za-z0-9.-]{1,253})")
_ID: Final = re.compile(r"<([^<>\s@]{1,250}@[^<>\s]{1,250})>")
_RETURNED_ID: Final = re.compile(
    r"^[> \t|]*(?:X-[A-Za-z-]*)?(?:Original-|Resent-)?Message-ID[ \t]*:[ \t]*(?:\n[ \t]+)?"
    r"<?([^<>\s]{3,500})",
    re.MULTILINE | re.IGNORECASE,
)
_ORIGINAL_ID_FIELDS: Final = (
    "in-reply-to", "references", "x-microsoft-original-message-id", "original-message-id",
    "x-ms-exchange-parent-message-id", "x-original-message-id",
)  # fmt: skip
_MOST_IDS: Final = 40
_ASKS: Final = r"^\s*(?:(?:re|aw|sv|fwd?|antw|回复|答复)\s*[:：]\s*)*(?:please\s+)?"
_COMPLAINTS: Final = frozenset(
    {"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "complaint", ""}
)
"""Values of Feedback-Type that are a complaint of a reader (RFC 5965, 7.3); `not-spam` and the
reports of RFC 6591 (`auth-failure`) are none."""

_REPLY_SUBJECT: Final = re.compile(
    r"^\s*(?:re|aw|sv|vs|antw|odp|rif|ynt|ref|res|回复|答复|回覆|回信|답장)(?:\[\d+\])?\s*[:：]",
    re.IGNORECASE,
)
_EXPIRED: Final = re.compile(r"envelope expired", re.IGNORECASE)
"""OpenSMTPD calls it a delay, and has given up."""

_LATEST: Final = 4_102_444_800.0  # the year 2100
_LINE: Final = re.compile(r"\s+")
_LONGEST_TEXT: Final = 300


def classify(raw: bytes, *, words: bool = False) -> Fact:
    """Return what a mail says about one of our messages.

    Args:
        raw: the bytes of the mail, with any line ends.
        words: whether a subject such as "unsubscribe" alone, without a token, unsubscribes.
    """
    mail = read_mail(raw)
    common = _Common(mail)
    return (
        _complaint(common)
        or _of_report(common)
        or _unsubscribe(common, words=words)
        or _of_notification(common)
        or _of_prose(common)
        or _of_author(common)
    )


class _Common:
    """What the questions share about one mail."""

    def __init__(self, mail: Mail) -> None:
        self.mail = mail
        fields = mail.fields
        self.sender = address_of(fields.get("from", ""))
        self.to = tuple(
            unique(
                address.lower()
                for name in (
                    "to",
                    "delivered-to",
                    "x-original-to",
                    "envelope-to",
                    "x-envelope-to",
                    "cc",
                )
                for value in fields.all(name)[:5]
                for address in addresses_in(value)[:10]
            )
        )
        self.at = _time_of(fields)

    @cached_property
    def explanation(self) -> str:
        """The text of a bounce above the message that came back."""
        return explanation_of(self.mail)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Message-IDs of the message that the mail is about."""
        mail = self.mail
        found = [one for name in _ORIGINAL_ID_FIELDS for one in _ids_of(mail.fields.get(name, ""))]
        texts = [mail.body]
        if mail.encoded:
            texts += [part.text for part in mail.parts]
        for text in texts:
            found += (one[1].strip("<>") for one in _limited(_RETURNED_ID.finditer(text)))
            found += (f"{one[1].lower()}@{one[2]}" for one in _limited(_OUR_ID.finditer(text)))
        own = mail.fields.get("message-id", "").strip("<> ").lower()
        return tuple(one for one in unique(found) if one.lower() != own)[: 2 * _MOST_IDS]

    def fact(self, kind: Kind, **more: object) -> Fact:
        """Make a fact of this mail."""
        return Fact(kind, ids=self.ids, to=self.to, at=self.at, **more)  # type: ignore[arg-type]


def _limited(found: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    return (one for one, _ in zip(found, range(_MOST_IDS), strict=False))


def _ids_of(value: str) -> list[str]:
    return [one[1] for one in _limited(_ID.finditer(value))]


def _time_of(fields: Fields) -> float | None:
    """The time of the last Received field, which our own server wrote, or else of Date."""
    received = fields.get("received", "")
    for value in (received.rpartition(";")[2] if ";" in received else "", fields.get("date", "")):
        try:
            parsed = parsedate_tz(value[:200].strip())
            at = float(mktime_tz(parsed)) if parsed else 0.0
        except (ValueError, OverflowError, TypeError, IndexError):
            continue
        if 0 < at < _LATEST:
            return at
    return None


def _one_line(text: str) -> str:
    return _LINE.sub(" ", text[: 4 * _LONGEST_TEXT]).strip()[:_LONGEST_TEXT]


def _complaint(common: _Common) -> Fact | None:
    """A report of RFC 5965, or a mail of an older feedback loop."""
    mail = common.mail
    reports = mail.of_type("message/feedback-report")
    if not reports:
        if not _is_old_complaint(mail):
            return None
        return common.fact(
            Kind.COMPLAINED, addresses=tuple(returned_recipients(mail)), text="abuse"
        )
    fields = reports[0].fields
    kind = fields.get("feedback-type", "").strip().lower()
    if kind not in _COMPLAINTS:
        return common.fact(Kind.OTHER, text=_one_line(kind))
    named = [
        address
        for name in ("original-rcpt-to", "removal-recipient", "redacted-address")
        for value in fields.all(name)[:20]
        for address in addresses_in(value)
    ]
    addresses = unique([*named, *returned_recipients(mail)])
    return common.fact(
        Kind.COMPLAINED, addresses=tuple(addresses[:20]), text=_one_line(kind or "abuse")
    )


def _is_old_complaint(mail: Mail) -> bool:
    """Hotmail's reports (JMRP) have no feedback part."""
    return "x-hmxmroriginalrecipient" in mail.fields or (
        address_of(mail.fields.get("from", "")).lower() == "staff@hotmail.com"
        and bool(mail.of_type("message/rfc822"))
    )


def _of_report(common: _Common) -> Fact | None:
    """A delivery report (RFC 3464): a bounce, or the news that the message arrived."""
    mail = common.mail
    if _is_forwarded(common):
        return None
    report = read_report(mail)
    if report is None:
        return None
    if report.succeeded:
        text = _one_line(report.text)
        return common.fact(
            Kind.DELIVERED,
            addresses=report.recipients,
            envid=report.envid,
            status=report.status,
            text=text,
        )
    return _bounce(common, report)


def _is_forwarded(common: _Common) -> bool:
    """Whether a user has sent the report on: the report must be the mail itself or in its text."""
    mail = common.mail
    if mail.type == "multipart/report":
        return False
    return not (
        _from_program(common)
        or pattern("bounce_subjects").search(mail.subject)
        or mail.of_type("message/delivery-status")
    )


def _bounce(common: _Common, report: Report) -> Fact:
    mail = common.mail
    text, status = report.text, report.status
    if not text or not report.recipients or status[2:] in ("", "0.0"):
        prose = read_prose(common.explanation, mail.fields, _own(common))
        text = text or prose.text
        if not report.recipients:
            report = Report(
                prose.recipients, report.action, status, text, report.envid, report.formal
            )
        if not status or status[2:] == "0.0":
            better = prose.status
            status = better if better and (not status or better[0] == status[0]) else status
    status = status or reply_class(text)
    inner = _inner_status(text)
    if inner and status[2:] in ("", "0.0", "1.0", "4.0", "4.7"):
        status = inner
    late = not status.endswith(".1.1") and (
        is_after_data(text) or is_after_data(common.explanation)
    )
    cause = reason_of(status, text, after_data=late)
    if cause is Reason.UNKNOWN:
        cause = reason_of("", common.explanation, after_data=late)
    delayed = report.delayed or (
        not report.formal and bool(pattern("warnings").search(common.explanation))
    )
    delayed = delayed and not _EXPIRED.search(text)
    if delayed and cause is not Reason.MAILBOX_FULL:
        cause = Reason.EXPIRED
    recipients = report.recipients or tuple(returned_recipients(mail))
    return common.fact(
        Kind.BOUNCED,
        addresses=recipients,
        envid=report.envid,
        status=status,
        cause=cause,
        delayed=delayed,
        text=_one_line(text),
    )


def _inner_status(text: str) -> str:
    for found in STATUS.finditer(text):
        if found[1] in "45" and (found[2], found[3]) != ("0", "0"):
            return f"{found[1]}.{int(found[2])}.{int(found[3])}"
    return ""


def _own(common: _Common) -> frozenset[str]:
    return frozenset((*common.to, common.sender.lower()))


def _is_daemon(common: _Common) -> bool:
    """Whether the author is a program for mail."""
    return bool(pattern("daemons").search(common.mail.fields.get("from", "")[:_LONGEST_SUBJECT]))


def _has_empty_sender(common: _Common) -> bool:
    path = common.mail.fields.get("return-path", "?").strip().lower()
    return path in ("<>", "") or path.startswith("<mailer-daemon")


def _from_program(common: _Common) -> bool:
    """Whether the sender is empty or a program for mail."""
    return _has_empty_sender(common) or _is_daemon(common)


def _is_bounce(common: _Common) -> bool:
    """Whether a mail without a report is a bounce.

    A program for mail writes little else. Automatic replies have an empty sender too, and users
    answer with words such as "the delivery failed": for those, several signs must agree.
    """
    mail = common.mail
    if "x-failed-recipients" in mail.fields:
        return True
    subject = bool(pattern("bounce_subjects").search(mail.subject[:300]))
    if not (subject or _from_program(common) or is_role(common.sender)):
        return False
    words = bool(pattern("bounce_texts").search(common.explanation[:8000]))
    if _is_daemon(common):
        return words or subject
    if is_automatic(mail):
        return False
    returns = has_code(common.explanation) or bool(mail.of_type(*RETURNED))
    if _has_empty_sender(common):
        return words and (subject or returns)
    answers = _REPLY_SUBJECT.match(mail.subject) or "in-reply-to" in mail.fields
    return words and returns and (subject or is_role(common.sender)) and not answers


def _of_prose(common: _Common) -> Fact | None:
    """A bounce in prose, or None."""
    if not _is_bounce(common):
        return None
    mail = common.mail
    report = read_prose(common.explanation, mail.fields, _own(common))
    if not report.recipients:
        report = Report(tuple(returned_recipients(mail)), "", report.status, report.text)
    if not (report.recipients or common.ids or any(map(named_by_verp, common.to))):
        return None
    return _bounce(common, report)


def _of_notification(common: _Common) -> Fact | None:
    """A notification of Amazon SES that Amazon SNS has put into a mail: JSON, then a footer."""
    if "x-amz-sns-message-id" not in common.mail.fields:
        return None
    try:
        text = common.mail.text.lstrip().partition("\n--")[0]
        document = json.loads(text.replace("\n ", ""))  # long lines were folded
        if "Message" in document:
            document = json.loads(document["Message"])
        sent = document["mail"]
        kind = str(document["notificationType"])
        about = document[kind.lower()]
        listed = about.get(_SNS_RECIPIENTS.get(kind, "recipients")) or sent["destination"]
        first = listed[0] if isinstance(listed[0], dict) else {}
        addresses = [one["emailAddress"] if isinstance(one, dict) else one for one in listed]
        named = sent.get("commonHeaders", {}).get("messageId", "")
        ids = tuple(str(one).strip("<>") for one in (named, sent["messageId"]) if one)
        status, said = str(first.get("status", "")), str(first.get("diagnosticCode", ""))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return None
    found = Fact(Kind.OTHER, tuple(map(str, addresses[:20])), ids, to=common.to, at=common.at)
    if kind == "Bounce":
        cause = reason_of(status, said)
        return replace(found, kind=Kind.BOUNCED, status=status, cause=cause, text=_one_line(said))
    known = {"Complaint": Kind.COMPLAINED, "Delivery": Kind.DELIVERED}
    return replace(found, kind=known.get(kind, Kind.OTHER), text=_one_line(kind.lower()))


_SNS_RECIPIENTS: Final = {"Bounce": "bouncedRecipients", "Complaint": "complainedRecipients"}


def _unsubscribe(common: _Common, *, words: bool) -> Fact | None:
    mail = common.mail
    found = _token_of(mail.subject) or _token_of_body(mail.text)
    author = (common.sender,) if common.sender else ()
    if found:
        return common.fact(Kind.UNSUBSCRIBED, addresses=author, token=found)
    if words and _says_unsubscribe(common):
        return common.fact(
            Kind.UNSUBSCRIBED, addresses=author, text=_one_line(mail.subject or "unsubscribe")
        )
    return None


def _token_of(subject: str) -> str:
    """The token in a subject; a mail program may have folded it into several lines."""
    rest = _BEFORE_TOKEN.sub("", subject[:_LONGEST_SUBJECT])
    joined = "".join(rest.split())
    found = _TOKEN.fullmatch(joined) or _TOKEN.search(rest)
    return found[0] if found else ""


def _token_of_body(text: str) -> str:
    """Some mail programs write the subject of a mailto link into the body, which is then short."""
    first = text.lstrip()[:_LONGEST_SUBJECT].partition("\n\n")[0]
    return _token_of(first) if first.lower().startswith("unsubscribe") else ""


def _says_unsubscribe(common: _Common) -> bool:
    mail, asks = common.mail, pattern("unsubscribe_subjects", _ASKS, r"\b[\s.!]*$")
    if asks.match(mail.subject[:_SHORT]):
        return True
    first = next((line for line in mail.text[:2000].splitlines() if line.strip()), "")
    return bool(asks.match(first[:_SHORT]))


def _of_author(common: _Common) -> Fact:
    """An automatic reply, an answer, or something else."""
    mail = common.mail
    author: tuple[str, ...] = (
        (common.sender,) if common.sender and not is_role(common.sender) else ()
    )
    text = _one_line(mail.subject)
    if mail.type == "multipart/report" and "disposition-notification" in mail.content_type.lower():
        author = tuple(_of_receipt(mail)) or author
    if is_automatic(mail):
        return common.fact(Kind.AUTO_REPLIED, addresses=author, text=text)
    answers = bool(
        _ids_of(mail.fields.get("in-reply-to", "")) or _ids_of(mail.fields.get("references", ""))
    )
    if answers or _REPLY_SUBJECT.match(mail.subject):
        return common.fact(Kind.ANSWERED, addresses=author, text=text)
    return common.fact(Kind.OTHER, text=text)


def _of_receipt(mail: Mail) -> list[str]:
    reports: list[Part] = mail.of_type("message/disposition-notification")
    return addresses_in(reports[0].fields.get("final-recipient", ""))[:1] if reports else []
