"""Each kind of received mail is known, and other mails are none of them."""

from __future__ import annotations

import json

import pytest

from mailmerge.mailbox.classify import classify
from mailmerge.mailbox.facts import Kind
from mailmerge.mailbox.reasons import Reason
from tests.mailbox.sending import mail, report

OUR_ID = "00112233445566778899aabbccddeeff@example.org"
RETURNED = f"From: news@example.org\nTo: ann@example.org\nSubject: Hello\nMessage-ID: <{OUR_ID}>\n"
TOKEN = "A" * 60 + "." + "B" * 43


def feedback(kind: str) -> bytes:
    return (
        "From: fbl@isp.example\nSubject: complaint\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=f\n\n"
        "--f\n\nA report.\n--f\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: {kind}\nUser-Agent: x\nVersion: 1\nOriginal-Rcpt-To: <ann@example.org>\n"
        f"--f\nContent-Type: message/rfc822\n\n{RETURNED}\nHello\n--f--\n"
    ).encode()


def notification(kind: str, **about: object) -> bytes:
    document = {
        "notificationType": kind,
        "mail": {
            "messageId": "0100-ses",
            "destination": ["ann@example.org"],
            "commonHeaders": {"messageId": f"<{OUR_ID}>"},
        },
        kind.lower(): about,
    }  # fmt: skip
    text = json.dumps(document) + "\n\n--\nIf you wish to stop\n"
    return mail("From: no-reply@sns.amazonaws.com\nx-amz-sns-message-id: 1\nSubject: AWS", text)


def test_report_is_a_bounce_with_everything_in_it() -> None:
    fact = classify(report(RETURNED.encode(), "ann@example.org"))
    assert (fact.kind, fact.cause, fact.hard) == (Kind.BOUNCED, Reason.NO_SUCH_ADDRESS, True)
    assert (fact.status, fact.addresses) == ("5.1.1", ("ann@example.org",))
    assert OUR_ID in fact.ids
    assert fact.at is not None


def test_delivery_report_says_delivered() -> None:
    raw = report(
        RETURNED.encode(), "ann@example.org", status="2.0.0", action="delivered", said="250 ok"
    )
    assert classify(raw).kind is Kind.DELIVERED


@pytest.mark.parametrize("kind", ["abuse", "fraud", "opt-out"])
def test_feedback_is_a_complaint(kind: str) -> None:
    fact = classify(feedback(kind))
    assert (fact.kind, fact.addresses, fact.text) == (Kind.COMPLAINED, ("ann@example.org",), kind)
    assert fact.ids == (OUR_ID,)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_other_feedback_is_no_complaint(kind: str) -> None:
    assert classify(feedback(kind)).kind is Kind.OTHER


@pytest.mark.parametrize(
    "header",
    [
        f"Subject: unsubscribe {TOKEN}",
        f"Subject: unsubscribe\n {TOKEN}",
        f"Subject: unsubscribe {TOKEN[:50]}\n {TOKEN[50:]}",
        f"Subject: unsubscribe%20{TOKEN}",
        f"Subject: =?utf-8?q?unsubscribe_{TOKEN[:30]}?=\n =?utf-8?q?{TOKEN[30:]}?=",
        f"Subject: =?utf-8?q?unsubscribe_{TOKEN}?=",
        f"Subject: unsubscribe {TOKEN}\nAuto-Submitted: auto-replied",
    ],
)
def test_token_in_the_subject_unsubscribes(header: str) -> None:
    fact = classify(mail(f"From: ann@example.org\nTo: u@example.org\n{header}", ""))
    assert (fact.kind, fact.token) == (Kind.UNSUBSCRIBED, TOKEN)


@pytest.mark.parametrize("first", "_-A")
@pytest.mark.parametrize("between", [" ", ": ", "%20", "_", "\n "])
def test_token_may_begin_with_any_sign_of_its_own(first: str, between: str) -> None:
    token = first + TOKEN
    found = classify(mail(f"To: out@example.org\nSubject: unsubscribe{between}{token}", ""))
    assert (found.kind, found.token) == (Kind.UNSUBSCRIBED, token)


def test_token_in_a_quoted_message_does_not_unsubscribe() -> None:
    quoted = f"I like it.\n> unsubscribe {TOKEN}\n"
    fact = classify(
        mail(f"From: ann@example.org\nSubject: Re: Hello\nIn-Reply-To: <{OUR_ID}>", quoted)
    )
    assert (fact.kind, fact.token) == (Kind.ANSWERED, "")


@pytest.mark.parametrize(
    "subject", ["unsubscribe", "Re: STOP", "退订", "Please remove me!", "Abmelden"]
)
def test_words_unsubscribe_only_on_request(subject: str) -> None:
    raw = mail(f"From: ann@example.org\nTo: news@example.org\nSubject: {subject}", "")
    assert classify(raw, words=True).kind is Kind.UNSUBSCRIBED
    assert classify(raw).kind is not Kind.UNSUBSCRIBED


def test_sentence_with_the_word_does_not_unsubscribe() -> None:
    raw = mail("From: ann@example.org\nSubject: Re: how do I unsubscribe a friend?", "Tell me.")
    assert classify(raw, words=True).kind is Kind.ANSWERED


def test_answers_and_automatic_replies_are_told_apart() -> None:
    head = f"From: Ann <ann@example.org>\nTo: news@example.org\nIn-Reply-To: <{OUR_ID}>\nSubject: "
    answer = classify(mail(head + "Re: Hello"))
    away = classify(mail(head + "Automatic reply: Hello"))
    assert (answer.kind, away.kind) == (Kind.ANSWERED, Kind.AUTO_REPLIED)
    assert answer.ids == away.ids == (OUR_ID,)
    assert answer.addresses == ("ann@example.org",)


def test_vacation_with_an_empty_sender_is_no_bounce() -> None:
    raw = mail(
        "Return-Path: <>\nFrom: ann@example.org\nSubject: Out of office: Hello\n"
        "Auto-Submitted: auto-replied",
        "My old mailbox is full and the address does not exist any more.",
    )
    assert classify(raw).kind is Kind.AUTO_REPLIED


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("From: Shop <shop@shop.example>\nSubject: Our delivery failed you? Get 10 %", "Sale!\n"),
        ("From: ann@example.org\nSubject: Hello", "User unknown in 550 5.1.1 bob@example.org?\n"),
        ("From: bounce@news.example\nList-Id: <n.news.example>\nSubject: News", "Of the week\n"),
        ("From: postmaster@example.org\nSubject: Maintenance", "The server will be down.\n"),
        ("From: noreply@parcels.example\nSubject: Delivery status", "Your parcel is here.\n"),
        ("From: Delivery Hero <x@hero.example>\nSubject: Offer", "Who says it does not exist?\n"),
    ],
)  # fmt: skip
def test_other_mails_are_no_bounces(header: str, body: str) -> None:
    assert classify(mail(header, body)).kind is Kind.OTHER


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("From: bounce-test@example.org\nSubject: Re: Delivery failed", "It does not exist.\n"),
        ("From: ann@example.org\nSubject: Re: Hello", "My mailbox is full: 550 5.2.2 failed.\n"),
        ("From: postmaster@example.org\nSubject: Re: Hello", "Thanks, says the postmaster.\n"),
    ],
)
def test_answers_that_speak_of_bounces_are_answers(header: str, body: str) -> None:
    fact = classify(mail(f"{header}\nIn-Reply-To: <{OUR_ID}>", body))
    assert (fact.kind, fact.cause) == (Kind.ANSWERED, None)


def test_chinese_bounces_name_recipient_and_reason() -> None:
    netease = mail(
        "Return-Path: <>\nFrom: Postmaster@163.com\nTo: news@example.org\nSubject: 系统退信",
        "抱歉，您的邮件被退回来了……\n原邮件信息：\n收件人：ann@163.com\n退信原因：\n"
        "收件人邮件地址（ann@163.com）不存在，邮件无法送达。\n550 User not found: ann@163.com\n",
    )
    fact = classify(netease)
    assert (fact.kind, fact.hard, fact.addresses) == (Kind.BOUNCED, True, ("ann@163.com",))
    tencent = mail(
        "Return-Path: <>\nFrom: PostMaster@qq.com\nSubject: 来自qq.com的退信\n"
        "Content-Type: text/html; charset=utf-8",
        "<p>收件人（12345@qq.com）的邮箱</p><p>552 邮箱空间不足</p>",
    )
    fact = classify(tencent)
    assert (fact.cause, fact.addresses) == (Reason.MAILBOX_FULL, ("12345@qq.com",))


def test_forwarded_bounce_is_an_answer_or_nothing() -> None:
    raw = mail(
        f"From: Ann <ann@example.org>\nSubject: What is this?\nReferences: <{OUR_ID}>",
        "Hi,\n\nFinal-Recipient: rfc822; bob@example.org\nAction: failed\nStatus: 5.1.1\n",
    )
    assert classify(raw).kind is Kind.ANSWERED


def test_delay_is_marked() -> None:
    raw = report(
        RETURNED.encode(), "ann@example.org", action="delayed", status="4.4.1", said="later"
    )
    fact = classify(raw)
    assert (fact.kind, fact.delayed, fact.cause) == (Kind.BOUNCED, True, Reason.EXPIRED)
    prose = mail(
        "Return-Path: <>\nFrom: mailer-daemon@mx.example\nSubject: Warning: message delayed",
        "A message that you sent has not yet been delivered to:\n\n  ann@example.org\n\n"
        "No action is required on your part. Delivery attempts will continue for some time.\n",
    )
    assert classify(prose).delayed


def test_id_is_found_wherever_it_is() -> None:
    head = "Return-Path: <>\nFrom: mailer-daemon@mx.example\nSubject: Undelivered mail"
    plain = f"Could not be delivered to ann@example.org: user unknown.\n\nid {OUR_ID.upper()} x\n"
    assert OUR_ID.lower() in [one.lower() for one in classify(mail(head, plain)).ids]
    quoted = mail(
        f"{head}\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable",
        f"Could not be delivered to ann@example.org.\n{OUR_ID[:20]}=\n{OUR_ID[20:]}>\n",
    )
    assert OUR_ID in classify(quoted).ids


def test_own_id_of_a_mail_is_not_that_of_another() -> None:
    assert classify(mail(f"From: a@b.example\nMessage-ID: <{OUR_ID}>\nSubject: Re: x")).ids == ()


def test_notifications_of_amazon_are_read() -> None:
    bounce = notification(
        "Bounce",
        bouncedRecipients=[
            {
                "emailAddress": "ann@example.org",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
        ],
    )  # fmt: skip
    fact = classify(bounce)
    assert (fact.kind, fact.hard, fact.addresses) == (Kind.BOUNCED, True, ("ann@example.org",))
    assert set(fact.ids) == {OUR_ID, "0100-ses"}
    complaint = notification(
        "Complaint", complainedRecipients=[{"emailAddress": "ann@example.org"}]
    )
    assert classify(complaint).kind is Kind.COMPLAINED
    assert classify(notification("Delivery", recipients=["ann@example.org"])).kind is Kind.DELIVERED
    broken = mail(
        "From: no-reply@sns.amazonaws.com\nx-amz-sns-message-id: 1\nSubject: AWS", "[" * 9000
    )
    assert classify(broken).kind is Kind.OTHER
