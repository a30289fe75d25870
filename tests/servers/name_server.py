"""NSD of Debian, an authoritative name server, on a free port; and a proxy that makes it slow."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping

from tests.servers.programs import LOOPBACK, free_port, listens, process, require, server_folder
from tests.servers.programs import wait_until as until

_CONFIGURATION = """\
server:
  ip-address: {host}@{port}
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  username: ""
  chroot: ""
  server-count: 1
  minimal-responses: yes
remote-control:
  control-enable: no
"""
_START = """\
$TTL 60
$ORIGIN {zone}.
@ IN SOA ns.{zone}. admin.{zone}. 1 60 60 60 60
@ IN NS ns.{zone}.
ns IN A 127.0.0.1
"""


@contextlib.contextmanager
def name_server(zones: Mapping[str, str | None]) -> Iterator[str]:
    """Serve zones; a zone without text answers SERVFAIL. The address, as --name-server takes it."""
    program = require("nsd")
    with server_folder("nsd") as folder:
        port = free_port()
        text = _CONFIGURATION.format(host=LOOPBACK, port=port, folder=folder)
        for zone, records in zones.items():
            text += f'zone:\n  name: "{zone}"\n  zonefile: "{zone}.zone"\n'
            if records is not None:
                (folder / f"{zone}.zone").write_text(_START.format(zone=zone) + records)
        configuration = folder / "nsd.conf"
        configuration.write_text(text)
        log = folder / "log"
        log.touch()
        with process([program, "-d", "-c", configuration], log=log):
            until(lambda: listens(port), "listening", log=log.read_text)
            yield f"{LOOPBACK}:{port}"


class SlowProxy:
    """Passes UDP questions on, late or never; it counts them.

    `delay` is in seconds; questions whose bytes hold `lost` get no answer.
    """

    def __init__(self, server: str, *, delay: float = 0.0, lost: bytes = b"\0never\0") -> None:
        host, _, port = server.partition(":")
        self._server = (host, int(port))
        self._delay, self._lost = delay, lost
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self.asked: list[float] = []
        self.address = f"{LOOPBACK}:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> SlowProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"end", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            question, client = self._socket.recvfrom(4096)
            if question == b"end":
                return
            self.asked.append(time.monotonic())
            if self._lost in question:
                continue
            threading.Thread(target=self._answer, args=(question, client), daemon=True).start()

    def _answer(self, question: bytes, client: tuple[str, int]) -> None:
        time.sleep(self._delay)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
            ours.settimeout(5)
            ours.sendto(question, self._server)
            with contextlib.suppress(OSError):
                self._socket.sendto(ours.recv(65_535), client)
