"""Messages that cannot be made: whose fault it is, and what the run does."""

from __future__ import annotations

import errno
import os

import pytest

from mailmerge.engine.making import SetAside, is_of_this_machine
from mailmerge.errors import AddressError, AssetError, InputError, MessageError, TemplateError
from mailmerge.ledger.states import MAKING, Delivery, State
from tests.engine.clocks import START
from tests.engine.test_queue import delivery

MISSING = AssetError(
    "there is no such file", file="terms.pdf", hint="copy it there", code="asset-missing"
)


@pytest.mark.parametrize(
    "error",
    [
        MISSING,
        AssetError("cannot be read", code="asset-unreadable"),
        AssetError("the file is empty", code="asset-empty"),
        AssetError("not UTF-8", code="not-utf-8"),
        TemplateError("there is no template", code="template-missing"),
        TemplateError("unexpected end", code="template-syntax"),
    ],
)
def test_missing_and_half_written_files_are_of_this_machine(error: InputError) -> None:
    assert is_of_this_machine(error)


@pytest.mark.parametrize(
    "error",
    [
        AssetError("outside of the folder", code="asset-outside"),
        AssetError("no visible name", code="asset-nameless"),
        TemplateError("x is not defined", code="undefined-variable"),
        TemplateError("cannot be rendered", code="template-failed"),
        MessageError("a line break in Subject"),
        AddressError("not one mailbox"),
    ],
)
def test_data_of_a_row_is_not_of_this_machine(error: InputError) -> None:
    assert not is_of_this_machine(error)


def test_error_of_the_system_behind_it_decides() -> None:
    error = TemplateError("it cannot be rendered", code="template-failed")
    error.__cause__ = ValueError()
    assert not is_of_this_machine(error)
    error.__cause__.__cause__ = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    assert is_of_this_machine(error)


def test_third_recipient_in_a_row_stops_the_run() -> None:
    aside = SetAside()
    assert not aside
    assert aside.add(delivery(1), MISSING) is None
    assert aside.add(delivery(2), MISSING) is None
    stopped = aside.add(delivery(3), MISSING)
    assert stopped is not None
    assert str(stopped) == (
        "3 messages in a row could not be made; terms.pdf: there is no such file "
        "(copy it there, then send again: no recipient is lost)"
    )
    assert stopped.problem.code == "file-unreadable"


def test_message_that_was_made_breaks_the_row() -> None:
    aside = SetAside()
    for number in range(99):
        assert aside.add(delivery(number), MISSING) is None
        aside.made()
    stopped = aside.add(delivery(99), MISSING)
    assert stopped is not None
    assert str(stopped).startswith("100 messages could not be made")


def claimed(*, doubts: int = 0, retry_at: float | None = None) -> Delivery:
    one = delivery(7)
    return Delivery(
        one.id, one.key, one.row, one.mailbox, one.cells, State.CLAIMED,
        doubts=doubts, retry_at=retry_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (claimed(), State.PENDING),
        (claimed(retry_at=START), State.DEFERRED),
        (claimed(doubts=1, retry_at=0.0), State.IN_DOUBT),
    ],
)
def test_released_recipient_has_its_old_state_and_the_reason(one: Delivery, state: State) -> None:
    aside = SetAside()
    aside.add(one, MISSING)
    [released] = aside.released(START)
    assert (released.delivery_id, released.state) == (7, state)
    assert (released.stage, released.reply) == (
        MAKING, "terms.pdf: there is no such file (copy it there)",
    )  # fmt: skip
