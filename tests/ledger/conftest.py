"""What the tests of the ledger share: a campaign, and a store of every kind to keep it in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailmerge.ledger.interface import Store
from mailmerge.ledger.ledger import Ledger, LedgerOptions
from mailmerge.settings import Settings
from tests.engine.driver import make_campaign
from tests.ledgers import DURABLE, KINDS, open_ledger, store_of


@pytest.fixture
def campaign(tmp_path: Path) -> Settings:
    """A campaign of one text."""
    return make_campaign(tmp_path / "campaign")


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, campaign: Settings) -> Iterator[Store]:
    """A new store of each kind, for tests that do not open it again."""
    with open_ledger(campaign, request.param) as ledger:
        yield store_of(ledger, campaign)


@pytest.fixture(params=DURABLE)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of store whose content another process finds again."""
    return str(request.param)


OpenAll = Callable[..., Ledger]


@pytest.fixture
def open_again(kind: str) -> Iterator[OpenAll]:
    """Open the ledger of a campaign; what a test leaves open is closed at its end."""
    with ExitStack() as stack:

        def open_it(campaign: Settings, **options: object) -> Ledger:
            opened = open_ledger(campaign, kind, LedgerOptions(**options))  # type: ignore[arg-type]  # fields of the options
            stack.callback(opened.close)
            return opened

        yield open_it
