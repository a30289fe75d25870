"""Automatic replies are known by their fields, or by their subjects in many languages."""

from __future__ import annotations

import pytest

from mailmerge.mailbox.automatic import is_automatic
from mailmerge.mailbox.incoming import read_mail


def judged(header: str) -> bool:
    return is_automatic(read_mail(f"From: a@example.org\n{header}\n\nHello\n".encode()))


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated; x=y",
        "X-Autoreply: yes",
        "Precedence: auto_reply",
        "Subject: Automatic reply: Hello",
        "Subject: Out of Office: Hello",
        "Subject: Abwesenheitsnotiz: Urlaub",
        "Subject: Réponse automatique : bonjour",
        "Subject: Respuesta automática: hola",
        "Subject: Risposta automatica: ciao",
        "Subject: Automatisch antwoord: hallo",
        "Subject: Autosvar: hej",
        "Subject: Автоматический ответ: привет",
        "Subject: 自动回复: 春天",
        "Subject: 自動回覆: 春天",
        "Subject: 不在のお知らせ",
        "Subject: =?utf-8?b?6Ieq5Yqo5Zue5aSN?=: x",
        "Subject: 자동 회신: 봄",
        "Subject: Gelesen: Hello",
    ],
)
def test_automatic_replies_are_known(header: str) -> None:
    assert judged(header)


@pytest.mark.parametrize(
    "header",
    [
        "Subject: Re: Hello",
        "Auto-Submitted: no\nSubject: Re: Hello",
        "Subject: Re: your vacation offer",
        "Subject: Our office",
        "Subject: AW: Urlaubsangebot",
        "Precedence: list\nSubject: News",
    ],
)
def test_answers_of_humans_are_not_automatic(header: str) -> None:
    assert not judged(header)
