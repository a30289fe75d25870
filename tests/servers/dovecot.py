"""A real Dovecot of its own: its log-in service for Postfix, or its LMTP server with Maildirs."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.servers import programs

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


_QUOTA = """\
mail_plugins = quota
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=LIMIT
}
"""


@contextlib.contextmanager
def _dovecot(settings: str, users: Mapping[str, str]) -> Iterator[Path]:
    program = programs.require("dovecot")
    programs.require_root("dovecot")
    with programs.server_folder("dovecot") as folder:
        configuration = folder / "dovecot.conf"
        configuration.write_text(
            (_COMMON + settings).replace("FOLDER", str(folder)), encoding="ascii"
        )
        lines = [f"{name}:{{PLAIN}}{password}::::::\n" for name, password in users.items()]
        (folder / "users").write_text("".join(lines), encoding="utf-8")
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", "nobody", "nogroup")
        with programs.process([program, "-F", "-c", configuration], log=folder / "output"):
            yield folder
