"""A real Dovecot of its own: its log-in service for Postfix, its LMTP or its submission server."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.servers import programs
from tests.servers.certificates import Certificates

_COMMON = """\
base_dir = FOLDER/run
state_dir = FOLDER/state
log_path = FOLDER/log
info_log_path = FOLDER/log
ssl = no
default_internal_user = dovecot
default_login_user = dovenull
disable_plaintext_auth = no
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
"""


_USERS = """\
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u FOLDER/users
}
userdb {
  driver = passwd-file
  args = username_format=%u FOLDER/users
  override_fields = uid=nobody gid=nogroup home=FOLDER/mail/%n
}"""
"""Users and their passwords stand in a file; each has a folder."""


@dataclass(frozen=True, slots=True)
class Lmtp:
    """A running Dovecot LMTP server, on a TCP port and on a Unix socket."""

    host: str
    port: int
    socket: Path
    folder: Path

    def delivered(self, user: str) -> list[bytes]:
        """What lies in the user's Maildir, oldest first."""
        box = self.folder / "mail" / user / "new"
        files = (
            sorted(box.iterdir(), key=lambda path: path.stat().st_mtime_ns) if box.exists() else []
        )
        return [path.read_bytes() for path in files]


@contextlib.contextmanager
def dovecot_sasl(socket: Path, users: Mapping[str, str], *, owner: str) -> Iterator[None]:
    """Answer SASL questions on the Unix socket `socket`, for the system user `owner`."""
    settings = f"""\
protocols =
auth_mechanisms = plain login cram-md5
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u FOLDER/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=FOLDER
}}
service auth {{
  unix_listener {socket} {{
    mode = 0660
    user = {owner}
    group = {owner}
  }}
}}
"""
    with _dovecot(settings, users) as folder:
        log = folder / "log"
        programs.wait_until(socket.exists, "dovecot's auth", log=lambda: programs.text_of(log))
        yield


@contextlib.contextmanager
def dovecot_lmtp(users: Mapping[str, str], *, quota: str = "") -> Iterator[Lmtp]:
    """Take mail by LMTP for `users` (local part to password), at any domain; others are refused.

    `quota` is a storage limit such as `10k`, for 4yz or 5yz replies after the end of data.
    """
    programs.require("lmtp")
    port = programs.free_port()
    limit = _QUOTA.replace("LIMIT", quota) if quota else ""
    settings = f"""\
protocols = lmtp
auth_username_format = %Ln
mail_location = maildir:FOLDER/mail/%n
{_USERS}
first_valid_uid = 1
postmaster_address = postmaster@localhost
service lmtp {{
  inet_listener lmtp {{
    address = {programs.LOOPBACK}
    port = {port}
  }}
  unix_listener FOLDER/lmtp {{
    mode = 0666
  }}
}}
{limit}
"""
    with _dovecot(settings, users) as folder:
        log = folder / "log"
        programs.wait_until(
            lambda: programs.greets(port), "dovecot's lmtp", log=lambda: programs.text_of(log)
        )
        yield Lmtp(programs.LOOPBACK, port, folder / "lmtp", folder)


@dataclass(frozen=True, slots=True)
class Submission:
    """A running Dovecot submission server: `port` has STARTTLS, `tls_port` implicit TLS."""

    host: str
    port: int
    tls_port: int
    folder: Path

    @property
    def log(self) -> str:
        """What Dovecot has logged so far."""
        return programs.text_of(self.folder / "log")


@contextlib.contextmanager
def dovecot_submission(
    introspection_url: str, relay_port: int, certificates: Certificates
) -> Iterator[Submission]:
    """Take mail after a log-in by XOAUTH2 or OAUTHBEARER, and relay it to a port of loopback.

    Each token is checked by asking its authorization server (RFC 7662).
    """
    programs.require("submission-login")
    port, tls_port = programs.free_port(), programs.free_port()
    settings = _SUBMISSION
    for name, value in (
        ("TLS_PORT", str(tls_port)),
        ("RELAY", str(relay_port)),
        ("PORT", str(port)),
        ("CHAIN", str(certificates.chain_file)),
    ):
        settings = settings.replace(name, value)
    tokens = _INTROSPECTION.replace("URL", introspection_url)
    with _dovecot(settings, {}, {"oauth2": tokens}) as folder:
        log = folder / "log"
        programs.wait_until(
            lambda: programs.greets(port), "dovecot", log=lambda: programs.text_of(log)
        )
        yield Submission(programs.LOOPBACK, port, tls_port, folder)


_SUBMISSION = """\
protocols = submission
ssl = required
ssl_cert = <CHAIN
ssl_key = <CHAIN
hostname = localhost
auth_mechanisms = xoauth2 oauthbearer
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = FOLDER/oauth2
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=FOLDER/mail
}
mail_location = maildir:FOLDER/mail/%n
first_valid_uid = 1
submission_relay_host = 127.0.0.1
submission_relay_port = RELAY
service submission-login {
  inet_listener submission {
    address = 127.0.0.1
    port = PORT
  }
  inet_listener submissions {
    address = 127.0.0.1
    port = TLS_PORT
    ssl = yes
  }
}
"""

_INTROSPECTION = """\
introspection_mode = post
introspection_url = URL
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
"""


@dataclass(frozen=True, slots=True)
class Imap:
    """A running Dovecot IMAP server with TLS from the start."""

    host: str
    port: int
    folder: Path

    def box(self, user: str) -> Path:
        """The user's Maildir."""
        return self.folder / "mail" / user

    def deliver(self, user: str, raw: bytes, mailbox: str = "") -> None:
        """Put a mail into a mailbox of the user; "" is INBOX."""
        box = self.box(user) / (f".{mailbox}" if mailbox else "")
        for name in ("cur", "new", "tmp"):
            _make_for_nobody(box / name)
        path = box / "tmp" / f"{time.time_ns()}.M{secrets.token_hex(6)}.test"
        path.write_bytes(raw)
        shutil.chown(path, "nobody", "nogroup")
        path.rename(box / "new" / path.name)

    def flags(self, user: str) -> set[str]:
        """The flags of the mails in INBOX, such as `S` for those that were read."""
        files = [*(self.box(user) / "cur").iterdir(), *(self.box(user) / "new").iterdir()]
        return {flag for path in files for flag in path.name.partition(":2,")[2]}

    def messages(self, user: str, mailbox: str = "") -> list[tuple[str, bytes]]:
        """The flags and the bytes of the mails in a mailbox; "" is INBOX."""
        box = self.box(user) / (f".{mailbox}" if mailbox else "")
        files = [path for name in ("cur", "new") for path in sorted((box / name).glob("*"))]
        return [(path.name.partition(":2,")[2], path.read_bytes()) for path in files]

    def forget_uids(self, user: str) -> None:
        """Give the mails in INBOX new UIDs and another UIDVALIDITY."""
        for path in self.box(user).glob("dovecot*"):
            path.unlink()
        (self.box(user) / "dovecot-uidvalidity").unlink(missing_ok=True)


def _make_for_nobody(folder: Path) -> None:
    if not folder.exists():
        _make_for_nobody(folder.parent)
        folder.mkdir()
        shutil.chown(folder, "nobody", "nogroup")


@contextlib.contextmanager
def dovecot_imap(
    users: Mapping[str, str],
    certificates: Certificates,
    *,
    quota: str = "",
    special_use: bool = True,
    shared: bool = False,
) -> Iterator[Imap]:
    """Serve the mailboxes of `users` (name to password) over TLS.

    `quota` is a storage limit such as `10k`. Without `special_use` there are no folders for sent
    messages and drafts. `shared` adds a namespace for all users.
    """
    programs.require("imap")
    port = programs.free_port()
    limit = _IMAP_QUOTA.replace("LIMIT", quota) if quota else ""
    settings = f"""\
protocols = imap
ssl = required
ssl_cert = <{certificates.chain_file}
ssl_key = <{certificates.chain_file}
mail_location = maildir:FOLDER/mail/%n
auth_mechanisms = plain login
{_USERS}
first_valid_uid = 1
namespace inbox {{
  inbox = yes
  prefix = INBOX.
  separator = .
  {_SPECIAL_USE if special_use else ""}
}}
{_SHARED if shared else ""}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = {programs.LOOPBACK}
    port = {port}
    ssl = yes
  }}
}}
{limit}
"""
    with _dovecot(settings, users) as folder:
        log = folder / "log"
        programs.wait_until(
            lambda: _speaks_tls(port, certificates),
            "dovecot's imap",
            log=lambda: programs.text_of(log),
        )
        yield Imap(programs.LOOPBACK, port, folder)


def _speaks_tls(port: int, certificates: Certificates) -> bool:
    try:
        with (
            socket.create_connection((programs.LOOPBACK, port), timeout=5) as plain,
            certificates.client_context().wrap_socket(plain, server_hostname="localhost") as tls,
        ):
            return tls.recv(100).startswith(b"* OK")
    except OSError:
        return False


_SPECIAL_USE = r"""
  mailbox Sent {
    auto = create
    special_use = \Sent
  }
  mailbox Drafts {
    auto = create
    special_use = \Drafts
  }
"""

_SHARED = """
namespace shared {
  type = public
  prefix = Shared.
  separator = .
  location = maildir:FOLDER/mail/shared
  subscriptions = no
}
"""

_IMAP_QUOTA = """\
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=LIMIT
}
"""

_QUOTA = """\
mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=LIMIT
}
"""


@contextlib.contextmanager
def _dovecot(
    settings: str, users: Mapping[str, str], files: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Path]:
    program = programs.require("dovecot")
    programs.require_root("dovecot")
    with programs.server_folder("dovecot") as folder:
        configuration = folder / "dovecot.conf"
        configuration.write_text(
            (_COMMON + settings).replace("FOLDER", str(folder)), encoding="ascii"
        )
        lines = [f"{name}:{{PLAIN}}{password}::::::\n" for name, password in users.items()]
        (folder / "users").write_text("".join(lines), encoding="utf-8")
        for name, content in files.items():
            (folder / name).write_text(content, encoding="ascii")
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", "nobody", "nogroup")
        with programs.process([program, "-F", "-c", configuration], log=folder / "output"):
            yield folder
