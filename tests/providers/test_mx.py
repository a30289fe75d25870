"""The MX hosts of a domain decide the service, if all of them belong to one."""

from __future__ import annotations

import pytest

from mailmerge.providers.lookup import load_providers
from mailmerge.providers.mx import service_of_mx


@pytest.mark.parametrize(
    ("hosts", "service"),
    [
        (["aspmx.l.google.com", "alt1.aspmx.l.google.com."], "workspace"),
        (["gmail-smtp-in.l.google.com"], "gmail"),
        (["SMTP.Google.com"], "workspace"),
        (["firma-de.mail.protection.outlook.com"], "office365"),
        (["outlook-com.olc.protection.outlook.com"], "outlook"),
        (["firma-de.a-v1.mx.microsoft"], "office365"),
        (["126mx01.mxmail.netease.com"], "126"),
        (["163mx01.mxmail.netease.com"], "163"),
        (["mx00.kundenserver.de", "mx01.kundenserver.de"], "ionos"),
        (["smtpin.rzone.de"], "strato"),
        (["mx01.mail.icloud.com", "filter.example.org"], "icloud"),
        (["mx01.mail.icloud.com", "aspmx.l.google.com"], ""),
        (["notgoogle.com", "google.com.evil.org", "com", ""], ""),
        ([], ""),
    ],
)
def test_mx_host_belongs_to_its_service(hosts: list[str], service: str) -> None:
    assert service_of_mx(hosts) == service


def test_every_service_of_the_table_is_known() -> None:
    """Each name that the table can give is looked up by `discover`."""
    ends = ["mxhichina.com", "mail.ovh.net", "spool.mail.gandi.net", "mxs.mail.ru", "mx1.feishu.cn"]
    assert {service_of_mx([end]) for end in ends} <= set(load_providers())
