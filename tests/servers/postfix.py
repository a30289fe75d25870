"""A real Postfix of its own: its settings, queue, log, and each message it took, byte by byte.

It takes each message into its `hold` queue (synced to disk before the 250, never delivered), so the
queue file is both the proof that Postfix took the message and the record of what it was.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.servers import programs
from tests.servers.certificates import Certificates
from tests.servers.dovecot import dovecot_sasl
from tests.servers.queue_file import Accepted, read_queue_file


@dataclass(frozen=True, slots=True)
class Settings:
    """What a test wants of Postfix.

    `recipients` and `senders` map an address to the answer of access(5), such as
    `{"late@example.org": "450 4.7.1 greylisted"}`; `extra` are further main.cf lines.
    `users` maps log-in names to passwords. Without `keep` the messages are discarded after
    acceptance (for throughput) and `accepted()` is empty.
    """

    certificates: Certificates | None = None
    sasl: Literal["", "cyrus", "dovecot"] = ""
    users: Mapping[str, str] = field(default_factory=dict)
    login_required: bool = False
    login_without_tls: bool = False
    strict: bool = False
    recipients: Mapping[str, str] = field(default_factory=dict)
    senders: Mapping[str, str] = field(default_factory=dict)
    message_size_limit: int = 10_240_000
    smtputf8: bool = True
    keep: bool = True
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running Postfix: `port` speaks clear text (and STARTTLS), `tls_port` implicit TLS."""

    host: str
    port: int
    tls_port: int
    folder: Path

    @property
    def log(self) -> str:
        """What Postfix has logged so far; the log is written a moment after the replies."""
        return programs.text_of(self.folder / "maillog")

    @property
    def configuration(self) -> Path:
        """The folder to give to `postcat -c`, `postqueue -c` and the like."""
        return self.folder / "etc"

    def accepted(self) -> list[Accepted]:
        """Every message that Postfix has taken responsibility for, by its queue file.

        A queue file becomes executable when it is complete and synced, just before the 250.
        """
        files = (self.folder / "queue" / "hold").iterdir()
        complete = [path for path in files if path.stat().st_mode & stat.S_IXUSR]
        return [read_queue_file(path) for path in sorted(complete, key=_age)]

    def connections(self) -> int:
        """How many clients have connected since the start, without the test of readiness."""
        return len(re.findall(r"postfix/smtpd\[\d+\]: connect from", self.log)) - 1

    def wait_until_idle(self) -> None:
        """Wait until the log, which is written a moment late, has the end of every connection."""
        programs.wait_until(self._idle, "the end of all connections", log=lambda: self.log)

    def _idle(self) -> bool:
        log = self.log
        return len(re.findall(r"\]: connect from", log)) == log.count("]: disconnect from") > 0

    def connection_of(self, queue_id: str) -> str:
        """Which connection brought a message: process and running number, from the log."""
        seen: dict[str, int] = {}
        for process, event in re.findall(r"smtpd\[(\d+)\]: (connect from|\w+: client=)", self.log):
            if event == "connect from":
                seen[process] = seen.get(process, 0) + 1
            elif event.startswith(f"{queue_id}:"):
                return f"{process}.{seen.get(process, 0)}"
        raise LookupError(queue_id)


def _age(path: Path) -> tuple[int, str]:
    return path.stat().st_mtime_ns, path.name


@contextlib.contextmanager
def postfix(settings: Settings | None = None) -> Iterator[Postfix]:
    """Start a Postfix of its own, wait until it greets, and stop it at the end."""
    settings = settings or Settings()
    program = programs.require("postfix")
    programs.require_root("postfix")
    with programs.server_folder("postfix") as folder, _sasl_server(settings, folder):
        server = Postfix(programs.LOOPBACK, programs.free_port(), programs.free_port(), folder)
        _write_settings(server, settings)
        command: list[str | Path] = [program, "-c", server.configuration]
        programs.run([*command, "start"])
        try:
            programs.wait_until(
                lambda: programs.greets(server.port), "postfix", log=lambda: server.log
            )
            yield server
        finally:
            programs.run([*command, "stop"])


def _write_settings(server: Postfix, settings: Settings) -> None:
    for name in ("etc", "queue", "data"):
        (server.folder / name).mkdir(exist_ok=True)
    shutil.chown(server.folder / "data", "postfix")
    etc = server.configuration
    (etc / "main.cf").write_text(_main_cf(server, settings), encoding="utf-8")
    (etc / "master.cf").write_text(_master_cf(server, settings), encoding="ascii")
    _write_map(etc / "recipients", settings.recipients)
    _write_map(etc / "senders", settings.senders)
    if settings.sasl == "cyrus":
        _write_cyrus(etc, settings)


def _write_map(path: Path, answers: Mapping[str, str]) -> None:
    lines = [f"{key}\t{answer}\n" for key, answer in answers.items()]
    path.write_text("".join(lines), encoding="utf-8")


def _write_cyrus(etc: Path, settings: Settings) -> None:
    """Passwords in a sasldb of their own; smtpd runs as postfix and must read it."""
    saslpasswd = programs.require("saslpasswd2")
    database = etc / "sasldb2"
    (etc / "sasl").mkdir()
    (etc / "sasl" / "smtpd.conf").write_text(
        f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\n"
        "mech_list: PLAIN LOGIN CRAM-MD5\nlog_level: 7\n",
        encoding="ascii",
    )
    for user, password in settings.users.items():
        programs.run(
            [saslpasswd, "-p", "-c", "-f", database, "-u", "localhost", user],
            standard_input=password,
        )
    if database.exists():
        database.chmod(0o644)


@contextlib.contextmanager
def _sasl_server(settings: Settings, folder: Path) -> Iterator[None]:
    if settings.sasl != "dovecot":
        yield
        return
    private = folder / "queue" / "private"
    private.mkdir(parents=True)
    shutil.chown(private, "postfix")
    with dovecot_sasl(private / "auth", settings.users, owner="postfix"):
        yield


def _main_cf(server: Postfix, settings: Settings) -> str:
    values = {
        **_base(server, settings),
        **_restrictions(server, settings),
        **(_tls(settings.certificates) if settings.certificates else {}),
        **(_auth(server, settings) if settings.sasl else {}),
        **(_STRICT if settings.strict else {}),
        **settings.extra,
    }
    return "".join(f"{key} = {value}\n" for key, value in values.items())


_STRICT = {
    "smtpd_forbid_unauth_pipelining": "yes",
    "smtpd_forbid_bare_newline": "reject",
    "smtpd_forbid_bare_newline_exclusions": "",
}


def _base(server: Postfix, settings: Settings) -> dict[str, str]:
    return {
        "compatibility_level": "3.6",
        "queue_directory": f"{server.folder}/queue",
        "data_directory": f"{server.folder}/data",
        "maillog_file": f"{server.folder}/maillog",
        "maillog_file_prefixes": str(server.folder),
        "myhostname": "localhost",
        "mydestination": "",
        "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "loopback-only",
        "inet_protocols": "ipv4",
        "alias_maps": "",
        "alias_database": "",
        "default_transport": "discard",
        "relay_transport": "discard",
        "local_transport": "discard",
        "smtputf8_enable": "yes" if settings.smtputf8 else "no",
        "message_size_limit": str(settings.message_size_limit),
        "mailbox_size_limit": "0",
        "smtpd_client_connection_count_limit": "0",
        **_UNTOUCHED_CONTENT,
    }


_UNTOUCHED_CONTENT = {
    "local_header_rewrite_clients": "",
    "message_drop_headers": "",
    "always_add_missing_headers": "no",
    "enable_original_recipient": "no",
    "smtpd_error_sleep_time": "0",
}


def _restrictions(server: Postfix, settings: Settings) -> dict[str, str]:
    etc = server.configuration
    login = ["permit_sasl_authenticated, reject"] if settings.login_required else []
    hold = ["check_client_access static:HOLD"] if settings.keep else []
    return {
        "smtpd_sender_restrictions": f"check_sender_access texthash:{etc}/senders",
        "smtpd_recipient_restrictions": ", ".join(
            [
                *hold,
                f"check_recipient_access texthash:{etc}/recipients",
                *login,
                "permit_mynetworks",
            ]
        ),
        "smtpd_relay_restrictions": "permit_mynetworks, reject",
    }


def _tls(certificates: Certificates) -> dict[str, str]:
    return {
        "smtpd_tls_security_level": "may",
        "smtpd_tls_chain_files": str(certificates.chain_file),
        "smtpd_tls_loglevel": "1",
    }


def _auth(server: Postfix, settings: Settings) -> dict[str, str]:
    return {
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": settings.sasl,
        "smtpd_sasl_path": "private/auth" if settings.sasl == "dovecot" else "smtpd",
        "smtpd_sasl_local_domain": "localhost",
        "smtpd_sasl_security_options": "noanonymous",
        "smtpd_tls_auth_only": "no" if settings.login_without_tls else "yes",
        "cyrus_sasl_config_path": f"{server.configuration}/sasl",
    }


def _master_cf(server: Postfix, settings: Settings) -> str:
    address = f"{server.host}:{server.port}"
    lines = [f"{address} inet n - n - 100 smtpd"]
    if settings.certificates:
        wrapped = f"{server.host}:{server.tls_port}"
        lines.append(f"{wrapped} inet n - n - 100 smtpd -o smtpd_tls_wrappermode=yes")
    return "\n".join([*lines, _SERVICES])


_SERVICES = """\
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
verify    unix  - - n -   1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -   - proxymap
proxywrite unix - - n -   1 proxymap
smtp      unix  - - n -   - smtp
relay     unix  - - n -   - smtp
showq     unix  n - n -   - showq
error     unix  - - n -   - error
retry     unix  - - n -   - error
discard   unix  - - n -   - discard
anvil     unix  - - n -   1 anvil
scache    unix  - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
"""
