"""Is a mail written by a program: out of office, a receipt, an answer of a ticket system?

The fields are the sure sign: Auto-Submitted (RFC 3834, 5), and those that programs set before it.
Many programs set none. So the subject is compared with how such answers begin, in the languages of
the programs.
"""

from __future__ import annotations

import re
from typing import Final

from mailmerge.mailbox.incoming import Mail

_FIELDS: Final = (
    "x-autoreply", "x-autorespond", "x-auto-reply", "x-auto-response", "x-vacation", "x-autoresponder", "x-ms-exchange-inbox-rules-loop",
)  # fmt: skip
"""Fields that only automatic answers have, whatever is in them."""

_SUBJECT: Final = re.compile(
    r"^\s*(?:(?:re|aw|sv|antw|odp|rif|ré|回复|答复)\s*[:：]\s*)?(?:"
    r"auto(?:matic|mated)?[ -]?(?:re(?:ply|sponse|sponder)|answer|generated)|out[ -]of[ -](?:the[ -])?office|"
    r"vacation(?: (?:reply|message|notice)|[:!])|(?:i am|i'm|am) (?:away|on (?:vacation|leave|holiday)|out of)|on (?:vacation|annual leave|holiday)\b|away (?:from|until|till)|ooo\b|ooto\b|"
    r"absent|abwesen|automatische (?:antwort|abwesenheit)|autom\.? antwort|nicht im büro|urlaub\b|ich bin (?:im urlaub|abwesend|nicht)|"
    r"réponse automatique|absence|message d'absence|(?:je suis )?en (?:vacances|congés?)|hors du bureau|"
    r"respuesta autom|ausencia|fuera de (?:la )?oficina|de vacaciones|resposta autom|fora do escritório|ausência|"
    r"risposta automatica|fuori (?:ufficio|sede)|assenza|in ferie|automatisch antwoord|automatisch(?:e)? (?:antwoord|bericht)|afwezig|niet aanwezig|"
    r"automatiskt? svar|autosvar|frånvaro|automatisk svar|fravær|fraværende|poissa|automaattinen vastaus|lomalla|"
    r"automatyczna odpowied|poza biurem|nieobecno|jestem nieobecn|urlop\b|automatická odpov|mimo kancel|nepřítomn|automatikus válasz|házon kívül|nem vagyok|szabadság|răspuns automat|"
    r"αυτόματη απάντηση|εκτός γραφείου|автоматический ответ|автоответ|вне офиса|отпуск|меня нет|я в отпуске|нахожусь в отпуске|автоматична відповідь|"
    r"otomatik (?:yanıt|cevap)|ofis dışında|izinde|תשובה אוטומטית|מחוץ למשרד|رد تلقائي|خارج المكتب|رد آلي|"
    r"自动(?:回复|答复|应答)|外出|不在办公室|休假|自動(?:回覆|回復|応答|返信|答覆)|不在(?:通知|のお知らせ|です)?|休暇|お休み|不在届|"
    r"자동 ?(?:회신|응답|답장)|부재 ?중|trả lời tự động|balasan otomatis|ตอบกลับอัตโนมัติ|स्वचालित)",
    re.IGNORECASE,
)
_RECEIPT: Final = re.compile(
    r"^\s*(?:read|gelesen|lu|leído|letto|lida|已读|既読|开封|zugestellt|(?:not read|nicht gelesen|non lu))\s*[:：]", re.IGNORECASE
)


def is_automatic(mail: Mail) -> bool:
    """Whether a program wrote the mail. Bounces are automatic too: ask for them first."""
    fields = mail.fields
    submitted = fields.get("auto-submitted", "").strip().lower()
    if submitted and not submitted.startswith("no"):
        return True
    if any(name in fields for name in _FIELDS):
        return True
    precedence = fields.get("precedence", "").strip().lower()
    if precedence == "auto_reply" or fields.get("preference", "").strip().lower() == "auto_reply":
        return True
    if mail.type == "multipart/report" and "disposition-notification" in mail.content_type.lower():
        return True  # a receipt (RFC 8098) says that it was shown or deleted, by a program
    if _SUBJECT.search(mail.subject[:200]) or _RECEIPT.search(mail.subject[:60]):
        return True
    suppressed = fields.get("x-auto-response-suppress", "").strip().lower()
    return precedence in ("bulk", "junk") and suppressed not in ("", "none") and not fields.get("list-id")
