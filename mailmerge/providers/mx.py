"""The MX host of a domain -> the known service that has the domain. Pure.

The table is what public DNS shows; services publish the names for their customers' domains. A wrong
entry costs a wrong suggestion, which the user sees before anything uses it. A server that only
filters mail (Proofpoint, Mimecast, Barracuda) says nothing about the service behind it, so none of
these is listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

_SERVICES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gmail-smtp-in.l.google.com": "gmail",
        "google.com": "workspace",
        "googlemail.com": "workspace",
        "olc.protection.outlook.com": "outlook",
        "mail.protection.outlook.com": "office365",
        "mx.microsoft": "office365",
        "mail.icloud.com": "icloud",
        "yahoodns.net": "yahoo",
        "mxmail.netease.com": "163",
        "126mx00.mxmail.netease.com": "126",
        "126mx01.mxmail.netease.com": "126",
        "126mx02.mxmail.netease.com": "126",
        "126mx03.mxmail.netease.com": "126",
        "mxbiz1.qq.com": "exmail",
        "mxbiz2.qq.com": "exmail",
        "mx1.qq.com": "qq",
        "mx2.qq.com": "qq",
        "mx3.qq.com": "qq",
        "mxhichina.com": "aliyun-qiye",
        "qiye.aliyun.com": "aliyun-qiye",
        "messagingengine.com": "fastmail",
        "zoho.com": "zoho-pro",
        "yandex.net": "yandex",
        "yandex.ru": "yandex",
        "gmx.net": "gmx",
        "web.de": "web.de",
        "t-online.de": "t-online",
        "kundenserver.de": "ionos",
        "ionos.de": "ionos",
        "rzone.de": "strato",
        "posteo.de": "posteo",
        "mailbox.org": "mailbox.org",
        "mail.ovh.net": "ovh",
        "mail.gandi.net": "gandi",
        "infomaniak.ch": "infomaniak",
        "orange.fr": "orange",
        "free.fr": "free",
        "laposte.net": "laposte",
        "libero.it": "libero",
        "aruba.it": "aruba",
        "wp.pl": "wp",
        "onet.pl": "onet",
        "seznam.cz": "seznam",
        "protonmail.ch": "proton",
        "mail.ru": "mail.ru",
        "naver.com": "naver",
        "feishu.cn": "feishu",
    }
)
"""The end of an MX host -> the name of the service. The longest end that fits counts."""


def service_of_mx(hosts: Iterable[str]) -> str:
    """The name of the service that these MX hosts belong to; "" if it is not known.

    All known hosts must belong to one service: a domain whose mail goes to two is not decided.
    """
    found = {name for host in hosts if (name := _service_of(host.lower().rstrip(".")))}
    return found.pop() if len(found) == 1 else ""


def _service_of(host: str) -> str:
    labels = host.split(".")
    ends = (".".join(labels[at:]) for at in range(len(labels)))
    return next((_SERVICES[end] for end in ends if end in _SERVICES), "")
