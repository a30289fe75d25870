"""A private view of the file system for a server that is compiled to find fixed users and folders.

The server runs under unshare(1) in a mount namespace of its own: no other program sees what is
mounted there, and it is gone with the server.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers import programs

_FIRST_UID = 61_000


def private_view(
    folder: Path,
    command: Sequence[str | Path],
    *,
    users: Sequence[str] = (),
    mounts: Mapping[Path, str] | None = None,
) -> list[str]:
    """The command line that runs `command` where `users` exist and `mounts` lie over the system.

    `mounts` maps a folder of ours to the system folder that it covers.
    """
    unshare = programs.require("unshare")
    _require_namespaces(unshare)
    covered = {**_accounts(folder, users), **(mounts or {})}
    binds = [f"mount --bind {shlex.quote(str(ours))} {target}" for ours, target in covered.items()]
    script = " && ".join([*binds, 'exec "$@"'])
    words = [str(part) for part in command]
    return [str(unshare), "--mount", "--propagation", "private", "sh", "-c", script, "sh", *words]


def _require_namespaces(unshare: Path) -> None:
    tried = subprocess.run([unshare, "--mount", "true"], capture_output=True, check=False)
    if tried.returncode:
        programs.unavailable(f"no mount namespaces: {tried.stderr.decode().strip()}")


def _accounts(folder: Path, users: Sequence[str]) -> dict[Path, str]:
    """Copies of passwd and group that also have `users`."""
    passwd, group = Path("/etc/passwd").read_text("utf-8"), Path("/etc/group").read_text("utf-8")
    for uid, user in enumerate(users, _FIRST_UID):
        passwd += f"{user}:x:{uid}:{uid}::/nonexistent:/usr/sbin/nologin\n"
        group += f"{user}:x:{uid}:\n"
    (folder / "passwd").write_text(passwd, encoding="utf-8")
    (folder / "group").write_text(group, encoding="utf-8")
    return {folder / "passwd": "/etc/passwd", folder / "group": "/etc/group"}
