"""A host with several addresses -> one connection (RFC 8305, "Happy Eyeballs").

An address that does not answer costs half a minute if the next one is tried only after it. So the
next address gets its turn a quarter of a second later, while the earlier attempts go on; the first
that is connected wins. The address that won is the first one of the next connection. What was
slower than the winner is remembered, so that the user can be told.

The attempts are threads, because the connecting calls of all platforms can be waited for in that
way.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

_HEAD_START: Final = 0.25
"""Seconds that an address has before the next one is tried (RFC 8305, 5)."""

Address = tuple[Any, ...]
"""An address as sockets take it: (IP, port) or (IP, port, flow, scope)."""


@dataclass(slots=True)
class _Known:
    """What is known of a host: the address that answered last, and those that did not."""

    answered: Address | None = None
    silent: dict[str, None] = field(default_factory=dict)


_known: dict[tuple[str, int], _Known] = {}
_lock = threading.Lock()


def silent_addresses(host: str, port: int) -> tuple[str, ...]:
    """The IP addresses of a host that did not answer before another one did, in this process."""
    with _lock:
        known = _known.get((host, port))
        return tuple(known.silent) if known is not None else ()


def answered_address(host: str, port: int) -> str:
    """The IP address of a host with several addresses that was connected last; "" if none was."""
    with _lock:
        known = _known.get((host, port))
        return str(known.answered[0]) if known is not None and known.answered else ""


def dial(host: str, port: int, timeout: float) -> socket.socket:
    """Connect to the first of the host's addresses that answers.

    Raises:
        OSError: the name is unknown, or no address answers; the error of the last address.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(entry[4] for entry in _by_turns(found)))
    if len(addresses) == 1:
        return socket.create_connection((host, port), timeout)
    with _lock:
        known = _known.setdefault((host, port), _Known())
        if known.answered in addresses:
            addresses.insert(0, addresses.pop(addresses.index(known.answered)))
    connected, winner, silent = first_connected(
        addresses, lambda address: socket.create_connection(address[:2], timeout)
    )
    with _lock:
        known.answered = winner
        known.silent.pop(str(winner[0]), None)
        known.silent |= dict.fromkeys(str(one[0]) for one in silent)
    return connected


def _by_turns(found: Sequence[Any]) -> list[Any]:
    """The families of addresses by turns, that of the first address first (RFC 8305, 4)."""
    first = [one for one in found if one[0] == found[0][0]]
    others = [one for one in found if one[0] != found[0][0]]
    return [one for pair in zip_longest(first, others) for one in pair if one is not None]


def first_connected(
    addresses: Sequence[Address],
    connect: Callable[[Address], socket.socket],
    *,
    head_start: float = _HEAD_START,
) -> tuple[socket.socket, Address, list[Address]]:
    """Connect to the addresses in turn: the socket, its address, and those that did not answer.

    `connect` connects to one address or raises OSError.

    Raises:
        OSError: no address answers.
    """
    results: queue.SimpleQueue[tuple[Address, socket.socket | OSError]] = queue.SimpleQueue()
    decided = threading.Event()
    waiting = list(addresses)
    tried: list[Address] = []
    last: OSError | None = None
    answers = 0
    while waiting or answers < len(tried):
        if waiting:
            tried.append(waiting.pop(0))
            _start(tried[-1], connect, results, decided)
        try:
            address, result = results.get(timeout=head_start if waiting else None)
        except queue.Empty:
            continue
        answers += 1
        if isinstance(result, OSError):
            last = result
            continue
        decided.set()
        _close_others(results)
        return result, address, [one for one in tried if one != address]
    raise last or OSError("no address")


def _start(
    address: Address,
    connect: Callable[[Address], socket.socket],
    results: queue.SimpleQueue[tuple[Address, socket.socket | OSError]],
    decided: threading.Event,
) -> None:
    def attempt() -> None:
        try:
            connected = connect(address)
        except OSError as error:
            results.put((address, error))
            return
        results.put((address, connected))
        if decided.is_set():
            _close_others(results)

    threading.Thread(target=attempt, name=f"dial {address[0]}", daemon=True).start()


def _close_others(results: queue.SimpleQueue[tuple[Address, socket.socket | OSError]]) -> None:
    """Close the connections that came too late."""
    while True:
        try:
            _, late = results.get_nowait()
        except queue.Empty:
            return
        if not isinstance(late, OSError):
            late.close()
