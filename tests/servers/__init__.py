"""Real servers for the tests: started in temporary folders, on free ports of loopback."""

from __future__ import annotations

from tests.servers.certificates import Certificates, make_certificates
from tests.servers.dovecot import (
    Imap,
    Lmtp,
    Submission,
    dovecot_imap,
    dovecot_lmtp,
    dovecot_submission,
)
from tests.servers.exim import Exim, exim
from tests.servers.opensmtpd import OpenSmtpd, opensmtpd
from tests.servers.postfix import Postfix, Settings, postfix
from tests.servers.programs import LOOPBACK, free_port, require, server_folder, wait_until
from tests.servers.pymap import PYMAP_USER, pymap
from tests.servers.queue_file import Accepted
from tests.servers.sink import Sink, smtp_sink, smtp_source

__all__ = [
    "LOOPBACK",
    "PYMAP_USER",
    "Accepted",
    "Certificates",
    "Exim",
    "Imap",
    "Lmtp",
    "OpenSmtpd",
    "Postfix",
    "Settings",
    "Sink",
    "Submission",
    "dovecot_imap",
    "dovecot_lmtp",
    "dovecot_submission",
    "exim",
    "free_port",
    "make_certificates",
    "opensmtpd",
    "postfix",
    "pymap",
    "require",
    "server_folder",
    "smtp_sink",
    "smtp_source",
    "wait_until",
]
