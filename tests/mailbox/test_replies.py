"""Received mails become facts in the ledger and rows of the suppression list, once."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mailmerge.ledger.ledger import Ledger
from mailmerge.mailbox.replies import collect_replies
from mailmerge.mailbox.sources import received
from mailmerge.settings import RepliesSection
from tests.mailbox.sending import (
    NOT_OURS,
    SentCampaign,
    as_received,
    mail,
    report,
    send_campaign,
)

FULL = {"status": "5.2.2", "said": "552 5.2.2 mailbox full"}


def bounce(sent: SentCampaign, number: int, **more: str) -> bytes:
    return report(sent.header(number), f"u{number}@example.org", **more)


def unsubscribe_mail(sent: SentCampaign, number: int) -> bytes:
    """What a mail program sends for the link of a recipient."""
    raw = sent.header(number).decode().replace("\n ", " ").replace("\n\t", " ")
    found = re.search(r"mailto:unsubscribe@example.org\?subject=unsubscribe%20([^>]+)>", raw)
    assert found is not None
    subject = f"unsubscribe {found[1].replace(' ', '')}"
    return mail(f"From: other@example.net\nTo: unsubscribe@example.org\nSubject: {subject}", "")


def answer(sent: SentCampaign, number: int, extra: str = "", subject: str = "Re: Hello") -> bytes:
    return mail(
        f"From: U <u{number}@example.org>\nTo: news@example.org\nSubject: {subject}\n"
        f"In-Reply-To: <{sent.message_id(number)}>\nMessage-ID: <x{number}@example.org>\n{extra}",
        "Thank you!\n",
    )


def complaint(sent: SentCampaign, number: int) -> bytes:
    head = f"""\
From: fbl@isp.example
To: news@example.org
Subject: FW: Hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="f"

--f
Content-Type: text/plain

This is an email abuse report.
--f
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Isp/1.0
Version: 1
Original-Rcpt-To: <u{number}@example.org>
--f
Content-Type: message/rfc822

"""
    return head.encode() + sent.header(number) + b"\nHello\n--f--\n"


def test_hard_bounce_is_recorded_and_suppressed(sent: SentCampaign) -> None:
    found = collect_replies(sent.settings, as_received(bounce(sent, 1)))
    assert found.document() == {
        "read": 1,
        "matched": 1,
        "bounced": 1,
        "complained": 0,
        "unsubscribed": 0,
        "answered": 0,
        "auto_replied": 0,
        "delivered": 0,
        "not_ours": 0,
        "suppressed": 1,
    }
    after = sent.deliveries()["u1@example.org"].after
    assert after is not None
    assert (after.kind, after.hard) == ("bounced", True)
    assert after.reason.startswith("5.1.1 the address does not exist: 550 5.1.1")
    assert sent.suppressed == {"u1@example.org": "bounced: 5.1.1 no-such-address"}


def test_second_run_reads_and_changes_nothing(sent: SentCampaign) -> None:
    mails = as_received(bounce(sent, 1), answer(sent, 0), mail("From: a@b.example\nSubject: x"))
    collect_replies(sent.settings, mails)
    before = sent.deliveries()
    again = collect_replies(sent.settings, mails)
    assert again.document() == dict.fromkeys(again.document(), 0) | {"read": 3}
    assert sent.deliveries() == before


def test_mails_are_judged_again_on_request(sent: SentCampaign) -> None:
    mails = as_received(bounce(sent, 1))
    collect_replies(sent.settings, mails)
    found = collect_replies(sent.settings, mails, again=True).document()
    assert (found["matched"], found["bounced"], found["suppressed"]) == (1, 1, 0)
    reader = Ledger.read(sent.settings)
    assert reader is not None
    after = reader.standing().after
    assert after is not None
    assert after["bounced"] == 1


def test_each_kind_is_counted_and_kept(sent: SentCampaign) -> None:
    mails = as_received(
        complaint(sent, 0),
        unsubscribe_mail(sent, 1),
        answer(sent, 2),
        answer(sent, 3, "Auto-Submitted: auto-replied\n", "Away"),
    )
    found = collect_replies(sent.settings, mails).document()
    assert found["matched"] == 4
    kinds = {one.row - 2: one.after.kind for one in sent.deliveries().values() if one.after}
    assert kinds == {0: "complained", 1: "unsubscribed", 2: "answered", 3: "auto_replied"}
    assert sent.suppressed == {
        "u0@example.org": "complained",
        "u1@example.org": "unsubscribed",
    }


@pytest.mark.parametrize("kind", ["bounced", "complained", "unsubscribed"])
def test_each_suppression_can_be_switched_off(sent: SentCampaign, kind: str) -> None:
    others = tuple({"bounced", "complained", "unsubscribed", "soft"} - {kind})
    settings = replace(sent.settings, replies=RepliesSection(suppress=others))  # type: ignore[arg-type]
    mails = as_received(complaint(sent, 0), unsubscribe_mail(sent, 1), bounce(sent, 2))
    found = collect_replies(settings, mails).document()
    assert (found["matched"], found["suppressed"]) == (3, 2)


def test_five_soft_bounces_within_a_month_suppress(sent: SentCampaign) -> None:
    now = time.time()
    for count in range(1, 6):
        one = bounce(sent, 1, more=f"X-Count: {count}", **FULL)
        found = collect_replies(sent.settings, as_received(one), now=now).document()
        assert found["suppressed"] == (count == 5)
    assert sent.suppressed == {"u1@example.org": "bounced: 5.2.2 mailbox-full"}


def test_delay_is_no_bounce(sent: SentCampaign) -> None:
    late = bounce(sent, 1, action="delayed", status="4.4.1", said="connect: timed out")
    found = collect_replies(sent.settings, as_received(late)).document()
    assert (found["matched"], found["bounced"]) == (1, 0)
    assert sent.deliveries()["u1@example.org"].after is None


def test_forged_bounce_marks_no_recipient(sent: SentCampaign) -> None:
    header = f"From: news@example.org\nTo: u1@example.org\nMessage-ID: <{NOT_OURS}>\n"
    forged = report(header.encode(), "u1@example.org")
    found = collect_replies(sent.settings, as_received(forged)).document()
    assert (found["matched"], found["not_ours"], found["suppressed"]) == (0, 1, 0)
    assert all(one.after is None for one in sent.deliveries().values())


def test_forged_token_unsubscribes_no_recipient(sent: SentCampaign) -> None:
    good = unsubscribe_mail(sent, 1).decode()
    token = re.search(r"unsubscribe (\S+)", good)[1]  # type: ignore[index]
    bad = good.replace(token, token[:-3] + ("abc" if token[-3:] != "abc" else "abd"))
    found = collect_replies(sent.settings, as_received(bad.encode())).document()
    assert (found["not_ours"], found["suppressed"]) == (1, 0)


def test_word_unsubscribes_only_on_request(sent: SentCampaign) -> None:
    word = mail("From: u1@example.org\nTo: news@example.org\nSubject: Unsubscribe")
    assert collect_replies(sent.settings, as_received(word)).document()["unsubscribed"] == 0
    found = collect_replies(sent.settings, as_received(word), words=True, again=True).document()
    assert (found["unsubscribed"], found["suppressed"]) == (1, 1)


def test_our_own_messages_in_the_mailbox_are_no_answers(sent: SentCampaign) -> None:
    own = answer(sent, 1).replace(b"U <u1@example.org>", b"Example News <news@example.org>")
    found = collect_replies(sent.settings, as_received(sent.messages["u1@example.org"], own))
    assert found.document()["not_ours"] == 2


def test_token_counts_without_a_ledger(sent: SentCampaign) -> None:
    raw = unsubscribe_mail(sent, 1)
    for path in sent.settings.state_folder.iterdir():
        path.unlink()
    found = collect_replies(sent.settings, [received(raw)]).document()
    assert (found["matched"], found["unsubscribed"], found["suppressed"]) == (1, 1, 1)


def test_prose_bounce_is_matched_by_address_and_time(sent: SentCampaign) -> None:
    prose = mail(
        "Return-Path: <>\nFrom: Mail Delivery System <mailer-daemon@mx.example.net>\n"
        "To: news@example.org\nSubject: failure notice",
        "Hi. This is the qmail-send program at mx.example.net.\n"
        "I'm afraid I wasn't able to deliver your message.\n\n"
        "<u2@example.org>:\n192.0.2.3 does not like recipient.\n"
        "Remote host said: 550 5.1.1 no such user here\n",
    )
    found = collect_replies(sent.settings, as_received(prose)).document()
    assert (found["bounced"], found["suppressed"]) == (1, 1)
    late = collect_replies(
        sent.settings,
        as_received(prose.replace(b"Date: ", b"X-Date: ")),
        now=time.time() + 40 * 86_400,
    )
    assert late.document()["not_ours"] == 1


def test_bounce_without_anything_of_its_message_is_matched_by_verp(tmp_path: Path) -> None:
    """The reverse path of the message names the recipient, and nothing else in the bounce does."""
    more = '[delivery]\nkeep_copy = "mbox"\n'
    sent = send_campaign(
        tmp_path / "spring",
        more,
        message='reverse_path = "bounces@example.org"\nverp = "+"\n',
    )
    mbox = (sent.settings.state_folder / "sent.mbox").read_text()
    assert "From bounces+u1=example.org@example.org " in mbox
    bare = mail(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.net\n"
        "To: bounces+u1=example.org@example.org\nSubject: Undeliverable",
        "The user is not known.\n",
    )
    assert collect_replies(sent.settings, as_received(bare)).document()["bounced"] == 1
    after = sent.deliveries()["u1@example.org"].after
    assert after is not None
    assert after.kind == "bounced"
