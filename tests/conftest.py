"""Fixtures that every folder of tests may use: certificates and real servers.

The servers that are shared by a session keep what earlier tests sent to them: look for your own
messages by their addresses, or start a server of your own with `start_postfix` and its like.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from mailmerge import language, octets
from tests import servers
from tests.sealing import check_sealed

StartPostfix = Callable[[servers.Settings], servers.Postfix]
PASSWORD = "correct horse"

# Hundreds of interpreters would compile the package again. Bytecode stays in __pycache__ folders.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


# Nothing of what the collection makes is garbage, and looking for it takes longer than the rest.
gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Look for garbage again, but not among what the collection has made."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The processes for `-n auto`: more than processors, as most tests wait for other programs.

    The tests of one module stay together as long as possible, as they share servers.
    """
    config.option.dist = "worksteal"
    return (os.cpu_count() or 1) + 2


# A deadline would fail on a busy machine; the tests assert laws, not times.
settings.register_profile("default", deadline=None)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def state_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder for each test, so that no test counts against the user's own quotas."""
    home = tmp_path_factory.mktemp("state-home")
    monkeypatch.setenv("MAILMERGE_STATE_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def language_of_the_texts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """English texts, on a machine of any language, and after a test of another one."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")
    yield
    language.use(language.ENGLISH)


@pytest.fixture(autouse=True)
def sealed_bytes_are_checked() -> Iterator[None]:
    """Every value that a test seals is checked a second time, by a rule of the tests' own."""
    octets.set_audit(check_sealed)
    yield
    octets.set_audit(None)


@pytest.fixture(scope="session")
def certificates() -> Iterator[servers.Certificates]:
    """A certificate for localhost, 127.0.0.1 and ::1, and the authority that issued it."""
    with servers.server_folder("certificates") as folder:
        yield servers.make_certificates(folder)


@pytest.fixture(scope="session")
def postfix(certificates: servers.Certificates) -> Iterator[servers.Postfix]:
    """Postfix with everything: TLS, log-in by Cyrus SASL (`news`, PASSWORD), and strict.

    `late@example.org` is deferred, `nobody@example.org` refused.
    """
    settings = servers.Settings(
        certificates=certificates,
        sasl="cyrus",
        users={"news": PASSWORD},
        strict=True,
        recipients={
            "late@example.org": "450 4.7.1 Greylisted, come back later",
            "nobody@example.org": "550 5.1.1 No such person",
        },
    )
    with servers.postfix(settings) as server:
        yield server


@pytest.fixture
def start_postfix() -> Iterator[StartPostfix]:
    """Start a Postfix with settings of one's own; it ends with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda settings: stack.enter_context(servers.postfix(settings))


@pytest.fixture(scope="session")
def smtp_sink() -> Iterator[servers.Sink]:
    """Postfix's smtp-sink: PIPELINING, and it forgets every message."""
    with servers.smtp_sink() as sink:
        yield sink


@pytest.fixture(scope="session")
def exim(certificates: servers.Certificates) -> Iterator[servers.Exim]:
    """Exim, which drops a client that sends too early; it does not take the same two people."""
    recipients = {
        "late@example.org": "defer 4.7.1 Greylisted, come back later",
        "nobody@example.org": "deny 5.1.1 No such person",
    }
    with servers.exim(certificates=certificates, recipients=recipients) as server:
        yield server


@pytest.fixture(scope="session")
def opensmtpd() -> Iterator[servers.OpenSmtpd]:
    """OpenSMTPD: no PIPELINING, 452 after a hundred messages."""
    with servers.opensmtpd() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_lmtp() -> Iterator[servers.Lmtp]:
    """Dovecot's LMTP server for `ada` and `grace`; everybody else is unknown to it."""
    with servers.dovecot_lmtp({"ada": PASSWORD, "grace": PASSWORD}) as server:
        yield server


@pytest.fixture
def dovecot(certificates: servers.Certificates) -> Iterator[servers.Imap]:
    """A new Dovecot over TLS, with the mailboxes of `news` and `other`."""
    with servers.dovecot_imap({"news": "secret", "other": "secret"}, certificates) as server:
        yield server
