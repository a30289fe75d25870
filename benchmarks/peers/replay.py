"""The limit: finished bytes over one pipelined connection, one round trip a message, nothing else.

`CAMPAIGN PORT PEOPLE --messages FOLDER`: FOLDER holds .eml files that mailmerge rendered; they are
sent round and round. No rendering, no ledger, no reading of replies beyond their number.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import time
from pathlib import Path


def _groups(folder: Path) -> list[tuple[bytes, bytes]]:
    """(content with its terminator, envelope of that message) for every file."""
    groups = []
    for path in sorted(folder.glob("*.eml")):
        content = path.read_bytes()
        assert b"\r\n." not in content
        recipient = path.stem.partition("-")[2].encode()
        envelope = b"MAIL FROM:<letter@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\n" % recipient
        groups.append((content + b".\r\n", envelope))
    return groups


def _expect(connection: socket.socket, lines: int) -> None:
    received = b""
    while received.count(b"\n") < lines:
        chunk = connection.recv(65_536)
        assert chunk, received
        received += chunk


def replay(port: int, people: int, folder: Path) -> int:
    """Send `people` messages and count them."""
    groups = _groups(folder)
    order = itertools.islice(itertools.cycle(groups), people)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _expect(connection, 1)
        connection.sendall(b"HELO replay.example.org\r\n")
        _expect(connection, 1)
        content, envelope = next(order)
        connection.sendall(envelope)
        _expect(connection, 3)
        sent = 1
        for next_content, next_envelope in order:
            connection.sendall(content + next_envelope)
            _expect(connection, 4)
            content = next_content
            sent += 1
        connection.sendall(content + b"QUIT\r\n")
        _expect(connection, 2)
    return sent


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("campaign", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("people", type=int)
    parser.add_argument("--messages", type=Path, required=True)
    asked = parser.parse_args()
    started = time.perf_counter()
    messages = replay(asked.port, asked.people, asked.messages)
    print(json.dumps({"messages": messages, "seconds": time.perf_counter() - started}))
