"""SpamAssassin's spamd and rspamd of Debian, on free ports of loopback, without the network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.servers.programs import (
    LOOPBACK,
    free_port,
    listens,
    process,
    require,
    server_folder,
    wait_until,
)

_RSPAMD = """\
.include "$CONFDIR/common.conf"
options {{
  pidfile = "{folder}/rspamd.pid";
  .include "$CONFDIR/options.inc"
  .include(priority=10) "{folder}/options.inc"
  dns {{ timeout = 0.05; retransmits = 1; nameserver = ["127.0.0.1:9"]; }}
}}
logging {{ type = "console"; level = "warning"; }}
worker "normal" {{ bind_socket = "{host}:{port}"; count = 1; }}
"""

_OPTIONS = """\
filters = "chartable,dkim,regexp";
disable_hyperscan = true;
url_tld = "{folder}/tld";
"""
"""Without fuzzy hashes, which need the network; the other two only make its start slow."""


@contextlib.contextmanager
def spamd() -> Iterator[str]:
    """SpamAssassin's server; `HOST:PORT`."""
    program = require("spamd")
    with server_folder("spamd") as folder:
        port, log = free_port(), folder / "log"
        log.touch()
        command: list[str | Path] = [
            program, "--local", "--nouser-config", "--max-children", "1", "--syslog", "stderr",
            "--username", "nobody", "--helper-home-dir", folder,
            "--listen", f"{LOOPBACK}:{port}",
        ]  # fmt: skip
        with process(command, log=log):
            wait_until(lambda: listens(port), "listening", log=log.read_text)
            yield f"{LOOPBACK}:{port}"


@contextlib.contextmanager
def rspamd() -> Iterator[str]:
    """A worker of rspamd without name servers and fuzzy hashes; `HOST:PORT`."""
    program = require("rspamd")
    with server_folder("rspamd") as folder:
        port, log = free_port(), folder / "log"
        log.touch()
        configuration = folder / "rspamd.conf"
        (folder / "tld").write_text("com\neu\nnet\norg\n")
        (folder / "options.inc").write_text(_OPTIONS.format(folder=folder))
        configuration.write_text(_RSPAMD.format(folder=folder, host=LOOPBACK, port=port))
        names = {"DBDIR": folder, "RUNDIR": folder, "LOGDIR": folder, "LOCAL_CONFDIR": folder}
        variables = [f"--var={name}={value}" for name, value in names.items()]
        with process([program, "-f", "-i", "-c", configuration, *variables], log=log):
            wait_until(lambda: listens(port), "listening", log=log.read_text)
            yield f"{LOOPBACK}:{port}"
