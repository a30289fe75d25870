"""The unsubscribe server under load: a real process, kept-alive connections, one sync per batch.

    python -m benchmarks.unsubscribe [REQUESTS] [CONNECTIONS]

Each request is the one-click POST of another recipient, and each answer means that the address is
on disk. The same for GET. At the end every confirmed address is looked up in the list.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from mailmerge.recipients.suppression import SuppressionList
from mailmerge.unsubscribe_links import UnsubscribeKeys
from tests.unsubscribe_server import ONE_CLICK, running_server

_KEY = "benchmark-" * 4


def _requests(method: str, count: int) -> list[bytes]:
    keys = UnsubscribeKeys(_KEY)
    body = ONE_CLICK if method == "POST" else b""
    return [
        f"{method} /u/{keys.token('spring', address, address)} HTTP/1.1\r\nHost: x\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
        for address in (f"recipient{number}@example.org" for number in range(count))
    ]


async def _client(port: int, requests: list[bytes], times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while requests:
        begun = time.perf_counter()
        writer.write(requests.pop())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        times.append(time.perf_counter() - begun)
    writer.close()


async def _load(port: int, requests: list[bytes], connections: int) -> tuple[float, list[float]]:
    times: list[float] = []
    begun = time.perf_counter()
    await asyncio.gather(*(_client(port, requests, times) for _ in range(connections)))
    return time.perf_counter() - begun, sorted(times)


def main(count: int = 10_000, connections: int = 64) -> None:
    """Print the rate and the time of an answer."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{count:,} requests on {connections} connections; load of the machine {load}")
    with tempfile.TemporaryDirectory() as folder:
        key, listed = Path(folder, "key"), Path(folder, "suppressed.csv")
        key.write_text(_KEY)
        with running_server(key, listed, "--rate", "0") as server:
            for method in ("GET", "POST"):
                requests = _requests(method, count)
                seconds, times = asyncio.run(_load(server.port, requests, connections))
                middle, late = times[len(times) // 2], times[len(times) * 99 // 100]
                print(
                    f"{method:5} {count / seconds:8,.0f} a second   "
                    f"median {middle * 1e3:5.1f} ms   99 % {late * 1e3:5.1f} ms"
                )
        found = len(SuppressionList(listed).identities())
    print(f"{found:,} of {count:,} confirmed addresses are in the list")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
