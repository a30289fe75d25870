"""receivers.toml -> Receiver: the large receivers of mail, known by their mail servers."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Receiver:
    """A service that holds mailboxes; receivers.toml explains every field."""

    name: str
    title: str
    servers: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    bulk: tuple[str, ...] = ()
    many: int = 0


@functools.cache
def load_receivers() -> tuple[Receiver, ...]:
    """All receivers, in the order of the file."""
    text = resources.files("mailmerge.deliverability").joinpath("receivers.toml")
    entries = tomllib.loads(text.read_text("utf-8"))
    return tuple(
        Receiver(
            name,
            entry["title"],
            tuple(entry["servers"]),
            tuple(entry.get("rules", ())),
            tuple(entry.get("bulk", ())),
            entry.get("many", 0),
        )
        for name, entry in entries.items()
    )


def receiver_of(hosts: Iterable[str]) -> Receiver | None:
    """The receiver whose mail servers these are; None if it is none of the large ones."""
    names = tuple(f".{host}" for host in hosts)
    for receiver in load_receivers():
        if any(name.endswith(receiver.servers) for name in names):
            return receiver
    return None
