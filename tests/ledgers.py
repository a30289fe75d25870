"""Ledgers for tests: every kind of store that a campaign can have, opened in one way.

A test that takes the parameter `kind` runs once for each kind. Another database is another entry
of `KINDS`, and one of `DURABLE` as well if another process finds its content again.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from mailmerge.ledger.interface import LedgerReader, Store
from mailmerge.ledger.ledger import Ledger, LedgerOptions
from mailmerge.messages import message_ids
from mailmerge.settings import Settings, load_settings

OpenLedger = Callable[[Settings, LedgerOptions], Ledger]

DEFAULTS = LedgerOptions()
JOURNALED = "sqlite with journal"
PLAIN = "plain sqlite"
MEMORY = "memory"

KINDS: dict[str, OpenLedger] = {
    JOURNALED: lambda campaign, options: Ledger.of(campaign, options=options),
    PLAIN: lambda campaign, options: Ledger.of(campaign, options=replace(options, journal=False)),
    MEMORY: lambda campaign, options: Ledger.memory(options),
}
DURABLE = (JOURNALED, PLAIN)


def open_ledger(
    campaign: Settings, kind: str = JOURNALED, options: LedgerOptions = DEFAULTS
) -> Ledger:
    """The ledger of a campaign, in a database of that kind."""
    return KINDS[kind](campaign, options)


def store_of(ledger: Ledger, campaign: Settings) -> Store:
    """The store of a campaign, with the Message-IDs that its messages have."""
    return ledger.store(campaign.name, message_ids(campaign))


@contextmanager
def open_store(
    campaign: Settings, kind: str = JOURNALED, options: LedgerOptions = DEFAULTS
) -> Iterator[Store]:
    """The store of a campaign, closed at the end."""
    with open_ledger(campaign, kind, options) as ledger:
        yield store_of(ledger, campaign)


def read_ledger(campaign: Settings, options: LedgerOptions = DEFAULTS) -> LedgerReader:
    """The ledger of a campaign, which must be there, only read."""
    reader = Ledger.read(campaign, options=options)
    assert reader is not None
    return reader


def as_left_by_a_crash(campaign: Settings, folder: Path) -> Settings:
    """The campaign as another process finds it when this one ends now: a copy of all files.

    The lock is not copied with them, as the system lets go of it. The copy names no process, and it
    is a ledger of its own: another copy of this one would be refused as long as this one is open.
    """
    shutil.copytree(campaign.folder, folder)
    with closing(sqlite3.connect(folder / ".mailmerge" / "ledger.sqlite")) as copy, copy:
        copy.execute("UPDATE sender SET token = '', identity = ?", (secrets.token_hex(16),))
    return load_settings(folder)
