"""The `include:` of each provider of providers.toml, from the provider's own instructions.

A domain whose record includes one of them (at any depth) lets the provider send for it. Services
with a reverse path of their own domain need no entry in the sender's record.
"""

from __future__ import annotations

from typing import Final

_GOOGLE = ("_spf.google.com",)
_MICROSOFT = ("spf.protection.outlook.com",)
_ZOHO = ("zohomail.com", "zoho.com", "zoho.eu", "zohomail.eu", "one.zoho.com", "one.zoho.eu")
_ALIYUN = ("spf.qiye.aliyun.com", "spf.mxhichina.com")

_INCLUDES: Final[dict[str, tuple[str, ...]]] = {
    "gmail": _GOOGLE,
    "workspace": _GOOGLE,
    "workspace-relay": _GOOGLE,
    "office365": _MICROSOFT,
    "outlook": _MICROSOFT,
    "icloud": ("icloud.com",),
    "yahoo": ("_spf.mail.yahoo.com",),
    "ses": ("amazonses.com",),
    "sendgrid": ("sendgrid.net",),
    "mailgun": ("mailgun.org", "eu.mailgun.org"),
    "postmark": ("spf.mtasv.net",),
    "postmark-broadcast": ("spf.mtasv.net",),
    "brevo": ("spf.brevo.com", "spf.sendinblue.com"),
    "fastmail": ("spf.messagingengine.com",),
    "zoho": _ZOHO,
    "zoho-pro": _ZOHO,
    "yandex": ("_spf.yandex.net", "_spf.yandex.ru"),
    "exmail": ("spf.mail.qq.com",),
    "aliyun-dm": ("spf1.dm.aliyun.com",),
    "aliyun-qiye": _ALIYUN,
    "ionos": ("_spf-eu.ionos.com", "_spf-us.ionos.com", "_spf.kundenserver.de", "_spf.perfora.net"),
    "ovh": ("mx.ovh.com",),
    "gandi": ("_mailcust.gandi.net",),
    "mailbox.org": ("mailbox.org",),
    "infomaniak": ("spf.infomaniak.ch",),
    "mail.ru": ("_spf.mail.ru",),
    "mailersend": ("_spf.mailersend.net", "spf.mailersend.net"),
    "mailjet": ("spf.mailjet.com",),
    "smtp2go": ("spf.smtp2go.com",),
    "scaleway": ("_spf.scw-tem.cloud",),
}

_OWN_REVERSE_PATH: Final = frozenset(
    {
        "ses",
        "sendgrid",
        "postmark",
        "postmark-broadcast",
        "brevo",
        "resend",
        "mailersend",
        "mailjet",
        "smtp2go",
    }
)


def includes_of(provider: str) -> tuple[str, ...]:
    """The domains of which a record must include one; empty if none are known."""
    return _INCLUDES.get(provider, ())


def has_own_reverse_path(provider: str) -> bool:
    """Whether the provider sends with a reverse path of its own, unless it is told otherwise."""
    return provider in _OWN_REVERSE_PATH
