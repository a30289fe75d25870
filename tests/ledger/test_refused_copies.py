"""Refused copies in the ledger: their text, the journal, the table, and older ledgers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text, update

from mailmerge.errors import LedgerError
from mailmerge.ledger.integrity import problems_of
from mailmerge.ledger.journal_file import BYTES_PER_CLAIM, decode_all, encode
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.refused_copies import (
    RefusedCopy,
    count_of,
    documents,
    from_text,
    in_words,
    of_json,
    refused_copies,
    to_text,
)
from mailmerge.ledger.schema import delivery
from mailmerge.ledger.sqlite import open_database
from mailmerge.ledger.states import State, Transition
from mailmerge.settings import Settings
from tests.ledger.steps import by_key, claim, finish
from tests.ledgers import DURABLE, open_store, read_ledger

BOSS = RefusedCopy("boss@example.org", "550 5.1.1 no such user")
paths = st.lists(st.tuples(st.text(min_size=1, max_size=300), st.text(max_size=300)), max_size=40)


@given(paths)
def test_every_refused_copy_is_named_or_counted(refused: list[tuple[str, str]]) -> None:
    copies = refused_copies(refused)
    assert count_of(copies) == len(refused)
    assert from_text(to_text(copies)) == copies
    named = [one.address for one in copies if one.address]
    assert named == [path for path, _ in refused][: len(named)]
    transition = Transition(2**53, State.SENT, 1e9 / 3, 99, 9, None, "content", "\x01" * 500)
    line = encode(replace(transition, server_id="x" * 200, copies_refused=copies), 1, 0)
    assert len(line) <= BYTES_PER_CLAIM - 200
    [found] = decode_all(line, 1).transitions
    assert found.copies_refused == copies


def test_copies_are_read_as_words_and_documents() -> None:
    copies = (BOSS, RefusedCopy("", "+2"))
    assert in_words(copies) == "boss@example.org: 550 5.1.1 no such user; +2"
    assert documents(copies)[0] == {"address": BOSS.address, "reply": BOSS.reply}
    assert (to_text(()), from_text("")) == ("", ())


@pytest.mark.parametrize("value", [7, [1], [["a"]], [["a", "b", "c"]], None])
def test_another_value_is_no_list_of_copies(value: object) -> None:
    with pytest.raises(ValueError, match="pairs"):
        of_json(value)


@pytest.mark.parametrize("kind", DURABLE)
def test_refused_copies_survive_journal_and_fold(campaign: Settings, kind: str) -> None:
    with open_store(campaign, kind) as store:
        one, two = claim(store, 2)
        finish(store, one, State.SENT, server_id="A1", copies_refused=(BOSS,))
        finish(store, two, State.SENT, copies_refused=(BOSS, BOSS))
        reader = read_ledger(campaign)
        assert by_key(reader)["u0"].copies_refused == (BOSS,)
        assert reader.standing().copies_refused == 3
        store.flush()
        assert by_key(store)["u1"].copies_refused == (BOSS, BOSS)
    assert by_key(read_ledger(campaign))["u0"].copies_refused == (BOSS,)
    assert by_key(read_ledger(campaign))["u0"].server_id == "A1"


@pytest.mark.parametrize("text_", ["[7]", '[["a@x.example","250 ok"]]'])
def test_changed_copies_of_a_row_are_noticed(campaign: Settings, text_: str) -> None:
    with open_store(campaign) as store:
        [one] = claim(store, 1)
        finish(store, one, State.SENT, copies_refused=(BOSS,))
    database = open_database(campaign.state_folder / "ledger.sqlite", LEDGER)
    with database.begin() as connection:
        connection.execute(update(delivery).values(copies_refused=text_))
    database.close()
    with pytest.raises(LedgerError):
        list(read_ledger(campaign).iterate())


@pytest.mark.parametrize("kind", DURABLE)
def test_ledger_without_copies_gets_their_column(campaign: Settings, kind: str) -> None:
    with open_store(campaign, kind) as store:
        [one] = claim(store, 1)
        finish(store, one, State.SENT, server_id="A1")
    path = campaign.state_folder / "ledger.sqlite"
    database = open_database(path, LEDGER)
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE delivery DROP COLUMN copies_refused"))
        connection.execute(text("DELETE FROM migration WHERE name = 'refused copies'"))
    database.close()
    assert by_key(read_ledger(campaign))["u0"].copies_refused == ()
    with open_store(campaign, kind) as store:
        assert by_key(store)["u0"].server_id == "A1"
    database = open_database(path, LEDGER)
    with database.begin() as connection:
        assert not list(problems_of(connection))
    database.close()


def test_too_many_copies_are_counted_in_the_last_entry() -> None:
    copies = refused_copies((f"someone{number}@example.org", "5" * 300) for number in range(40))
    assert copies[-1].address == ""
    assert copies[-1].reply == f"+{41 - len(copies)}"
    assert all(len(one.reply) == 120 for one in copies[:-1])
