"""A real DNS server of its own: nsd, with zones that a test writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers import programs

_HEAD = """\
$TTL 60
@ SOA ns.example.org. admin.example.org. 1 3600 600 86400 60
@ NS ns.example.org.
"""

_SETTINGS = """\
server:
  ip-address: {host}
  port: {port}
  username: ""
  zonesdir: {folder}
  zonelistfile: {folder}/zone.list
  database: ""
  pidfile: {folder}/nsd.pid
  xfrdfile: {folder}/xfrd.state
  xfrdir: {folder}
  server-count: 1
remote-control:
  control-enable: no
"""


@contextlib.contextmanager
def nsd(zones: Mapping[str, str]) -> Iterator[int]:
    """Serve `zones`, name -> records in the form of zone files; yields the port on loopback."""
    program = programs.require("nsd")
    port = programs.free_port()
    with programs.server_folder("nsd") as folder:
        settings = [_SETTINGS.format(host=programs.LOOPBACK, port=port, folder=folder)]
        for name, records in zones.items():
            (folder / f"{name}.zone").write_text(_HEAD + records + "\n", encoding="ascii")
            settings.append(f'zone:\n  name: "{name}"\n  zonefile: "{name}.zone"\n')
        (folder / "nsd.conf").write_text("".join(settings), encoding="ascii")
        log = folder / "log"
        command: list[str | Path] = [program, "-d", "-c", folder / "nsd.conf"]
        with programs.process(command, log=log):
            programs.wait_until(
                lambda: programs.listens(port), "nsd", log=lambda: programs.text_of(log)
            )
            yield port
