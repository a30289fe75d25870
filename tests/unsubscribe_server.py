"""A real unsubscribe server for tests: `mailmerge unsubscribe-server` on loopback."""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ONE_CLICK = b"List-Unsubscribe=One-Click"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class RunningServer:
    """The process, and where it listens."""

    process: subprocess.Popen[str]
    port: int

    def ask(
        self, method: str, token: str, body: bytes = b"", **headers: str
    ) -> tuple[int, str, http.client.HTTPMessage]:
        """One request on a connection of its own -> status, page, fields."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, f"/u/{token}", body or None, {**_FORM, **named})
            reply = connection.getresponse()
            return reply.status, reply.read().decode(), reply.headers
        finally:
            connection.close()


@contextmanager
def running_server(key: Path, listed: Path, *options: str) -> Iterator[RunningServer]:
    """Serve with a copied key file until the block ends."""
    command = [
        sys.executable, "-m", "mailmerge", "unsubscribe-server", "--port", "0",
        "--key-file", str(key), "--list", str(listed), *options,
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        yield RunningServer(process, int(line.partition("127.0.0.1:")[2].split()[0]))
    finally:
        process.terminate()  # not killed: coverage is written at the end
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()
