"""Every store and every reader keeps its interface, and each trade can be used alone."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from mailmerge.ledger import interface
from mailmerge.ledger.journal import Journaled
from mailmerge.ledger.reader import SqliteReader
from mailmerge.ledger.store import SqlStore

TRADES = [
    interface.Queue,
    interface.Counting,
    interface.Enrolment,
    interface.Decisions,
    interface.CheckMemory,
    interface.RunStatistics,
    interface.Recovered,
]


def members(protocol: type[Any]) -> dict[str, Any]:
    """What a protocol asks for: its own public names."""
    return {name: one for name, one in vars(protocol).items() if not name.startswith("_")}


def parameters(one: Any) -> list[tuple[str, Any, Any]] | None:
    """The parameters of a method; None for a property."""
    if isinstance(one, property):
        return None
    return [(p.name, p.kind, p.default) for p in inspect.signature(one).parameters.values()]


@pytest.mark.parametrize("store", [SqlStore, Journaled])
@pytest.mark.parametrize("trade", [*TRADES, interface.Store])
def test_a_store_keeps_the_interface(store: type[Any], trade: type[Any]) -> None:
    for name, wanted in members(trade).items():
        assert parameters(getattr(store, name)) == parameters(wanted), name


def test_a_reader_keeps_the_interface() -> None:
    for name, wanted in members(interface.LedgerReader).items():
        assert parameters(getattr(SqliteReader, name)) == parameters(wanted), name


def test_a_store_has_all_interfaces_and_close() -> None:
    assert list(members(interface.Store)) == ["close"]
    assert set(TRADES) <= set(interface.Store.__mro__)


def test_no_method_belongs_to_two_interfaces() -> None:
    names = [name for trade in TRADES for name in members(trade)]
    assert len(names) == len(set(names)) >= 17


def test_every_member_has_a_docstring() -> None:
    for trade in [*TRADES, interface.Store, interface.LedgerReader]:
        for name, one in members(trade).items():
            assert inspect.getdoc(one), f"{trade.__name__}.{name}"
