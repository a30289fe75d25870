"""A real Dovecot of its own: its log-in service for Postfix, its LMTP or its submission server."""

from __future__ import annotations

import contextlib
import shutil
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
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u FOLDER/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u FOLDER/users
  override_fields = uid=nobody gid=nogroup home=FOLDER/mail/%n
}}
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
