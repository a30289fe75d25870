"""rspamd verifies both kinds of DKIM signatures, with the keys from a DNS server on loopback."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from tests.servers.programs import free_port
from tests.signing.test_dkim import BODIES, KEYS, signed

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("rspamd") is None, reason="the package rspamd is missing"),
]

CONFIG = """
options {{
  filters = ["dkim"];
  tempdir = "{folder}"; pidfile = "{folder}/pid"; rrd = "";
  disable_hyperscan = true; url_tld = "{folder}/tld";  # neither is needed, and both take seconds
  dns {{ nameserver = ["127.0.0.1:{dns}"]; timeout = 5s; retransmits = 1; }}
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "info"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
dkim {{ }}
actions {{ reject = 15; }}
group "dkim" {{ symbols {{
  "R_DKIM_ALLOW" {{ weight = -0.2; }}
  "R_DKIM_REJECT" {{ weight = 1; }}
}} }}
"""


class DnsServer:
    """Answers TXT questions about the keys of the tests, over UDP."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._records = {
            f"{key.selector}._domainkey.{key.domain}.": key.key.record() for key in KEYS.values()
        }
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            try:
                data, client = self._socket.recvfrom(4096)
            except OSError:
                return
            asked = dns.message.from_wire(data)
            reply = dns.message.make_response(asked)
            name = asked.question[0].name
            text = self._records.get(name.to_text())
            if text is None:
                reply.set_rcode(dns.rcode.NXDOMAIN)
            elif asked.question[0].rdtype == dns.rdatatype.TXT:
                strings = " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))
                reply.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", strings))
            self._socket.sendto(reply.to_wire(), client)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def running(folder: Path, port: int, dns_port: int) -> Iterator[None]:
    folder.chmod(0o777)
    (folder / "tld").write_text("org\n")
    config = folder / "rspamd.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, dns=dns_port))
    program = shutil.which("rspamd")
    assert program is not None
    process = subprocess.Popen(
        [program, "-i", "-f", "-c", str(config), "-u", "_rspamd", "-g", "_rspamd"],
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(240):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.25)
        yield
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def rspamd() -> Iterator[int]:
    server, port = DnsServer(), free_port()
    # rspamd runs as a user of its own, for whom pytest's folders are closed.
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), port, server.port):
        yield port
    server.close()


def symbols(port: int, message: bytes) -> dict[str, list[str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/checkv2", message, {"Ip": "192.0.2.1"})
    found = json.loads(connection.getresponse().read())["symbols"]
    connection.close()
    return {name: symbol.get("options", []) for name, symbol in found.items()}


def test_rspamd_accepts_both_signatures_and_no_changed_message(rspamd: int) -> None:
    for body in BODIES.values():
        found = symbols(rspamd, signed(body, *KEYS.values()))
        assert found["R_DKIM_ALLOW"] == ["example.org:s=r1", "example.org:s=e1"]
    data = signed(b"text\r\n", *KEYS.values()).replace(b"\r\ntext", b"\r\ntest")
    assert "R_DKIM_ALLOW" not in symbols(rspamd, data)
