"""The reports of RFC 3464 and the prose of many programs name recipient, status and cause."""

from __future__ import annotations

import pytest

from mailmerge.mailbox.bounces import (
    explanation_of,
    is_after_data,
    read_prose,
    read_report,
    returned_recipients,
)
from mailmerge.mailbox.incoming import Mail, read_mail

HEAD = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: news@example.org\nSubject: failure\n"
RETURNED = (
    "From: news@example.org\nTo: ann@example.org\nSubject: Hello\nMessage-ID: <1@example.org>\n"
)


def report_mail(groups: str, media_type: str = "message/delivery-status") -> Mail:
    return read_mail(
        f"{HEAD}Content-Type: multipart/report; boundary=b\n\n--b\n\nSorry.\n--b\n"
        f"Content-Type: {media_type}\n\n{groups}\n--b--\n".encode()
    )


def prose_mail(text: str) -> Mail:
    return read_mail(f"{HEAD}\n{text}".encode())


def test_report_has_recipient_status_and_cause() -> None:
    report = read_report(
        report_mail(
            "Reporting-MTA: dns; mx\nOriginal-Envelope-Id: abc+2Bdef\n\n"
            "Final-Recipient: rfc822; ann@example.org\n"
            "Original-Recipient: rfc822;Ann+2Bx@example.org\n"
            "Action: failed\nStatus: 5.1.1 (bad)\nDiagnostic-Code: smtp; 550 no\n such user\n"
        )
    )
    assert report is not None
    assert report.recipients == ("ann@example.org", "Ann+x@example.org")
    assert (report.action, report.status, report.text) == ("failed", "5.1.1", "550 no such user")
    assert report.envid == "abc+def"
    assert not report.succeeded


def test_failed_recipient_comes_before_a_delivered_one() -> None:
    report = read_report(
        report_mail(
            "Reporting-MTA: dns; mx\n\n"
            "Final-Recipient: rfc822; ok@example.org\nAction: relayed\nStatus: 2.0.0\n\n"
            "Final-Recipient: rfc822; bad@example.org\nAction: failed\nStatus: 5.2.2\n"
        )
    )
    assert report is not None
    assert (report.recipients, report.status) == (("bad@example.org",), "5.2.2")


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_success_is_no_bounce(action: str) -> None:
    report = read_report(
        report_mail(
            f"X: y\n\nFinal-Recipient: rfc822; a@b.example\nAction: {action}\nStatus: 2.0.0\n"
        )
    )
    assert report is not None
    assert report.succeeded


def test_fields_of_a_report_in_plain_text_are_read() -> None:
    report = read_report(
        prose_mail(
            "It failed.\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.0.0\n"
        )
    )
    assert report is not None
    assert report.recipients == ("a@b.example",)


def test_report_inside_a_forwarded_mail_of_a_gateway_is_read() -> None:
    inner = report_mail(
        "X: y\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n"
    )
    wrapped = read_mail(
        f"{HEAD}Content-Type: multipart/mixed; boundary=o\n\n--o\n\nSee below.\n--o\n"
        f"Content-Type: message/rfc822\n\nFrom: x@y.example\n"
        f"Content-Type: {inner.content_type}\n\n{inner.body}\n--o--\n".encode()
    )
    found = read_report(wrapped)
    assert found is not None
    assert found.recipients == ("a@b.example",)


PROSE = {
    "qmail": "Hi. This is the qmail-send program at mx.example.\n\n<ann@example.org>:\n"
    "Sorry, no mailbox here by that name. (#5.1.1)\n\n"
    "--- Below this line is a copy of the message.\n\n",
    "exim": "This message was created automatically by mail delivery software.\n\n"
    "  ann@example.org\n    host mx [192.0.2.1]: 550 5.1.1 No such user\n\n"
    "------ This is a copy of the message ------\n\n",
    "old exchange": "Your message\n\n  To:      ann@example.org\n  Subject: Hello\n\n"
    "did not reach the following recipient(s):\n\nann@example.org\n  550 5.1.1 unknown\n\n",
    "domino": "Failure Reasons\n\nUser ann (ann@example.org) not listed in Domino Directory 5.1.1"
    "\n\n------- Returned Message --------\n",
    "sendmail": "   ----- Transcript of session follows -----\n"
    "<<< 550 5.1.1 <ann@example.org>... User unknown\n\n   ----- Unsent message follows -----\n",
    "163": "很抱歉您的邮件被退回来了……\n收件人邮件地址：ann@example.org\n"
    "退信原因：550 5.1.1 用户不存在\n\n"
    "----- Original Message -----\n",
}


@pytest.mark.parametrize("name", PROSE)
def test_prose_names_the_recipient_and_the_status(name: str) -> None:
    mail = prose_mail(PROSE[name] + RETURNED.replace("ann@", "other@") + "\nText of 550 5.9.9\n")
    report = read_prose(explanation_of(mail), mail.fields, frozenset({"news@example.org"}))
    assert report.recipients == ("ann@example.org",)
    assert report.status == "5.1.1"
    assert "5.9.9" not in report.text


def test_failed_recipients_of_a_field_come_first() -> None:
    mail = read_mail(
        f"X-Failed-Recipients: b@example.org\n{HEAD}\nNot delivered to x@y.example\n".encode()
    )
    report = read_prose(explanation_of(mail), mail.fields, frozenset())
    assert report.recipients == ("b@example.org", "x@y.example")


def test_recipient_of_the_returned_message_is_found() -> None:
    assert returned_recipients(prose_mail("Failed.\n\n" + RETURNED)) == ["ann@example.org"]


def test_pipelined_data_is_not_a_refusal_after_the_text() -> None:
    assert is_after_data("said: 550 no (in reply to end of DATA command)")
    assert not is_after_data(">>> DATA\n<<< 550 5.1.1 unknown\n<<< 503 5.0.0 Need RCPT (recipient)")
