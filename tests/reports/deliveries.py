"""Deliveries for the tests of the reports, and a ledger that has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mailmerge.ledger.states import Delivery, Standing, State, reported
from tests.engine.driver import make_recipient


class Ledger:
    """A reader of deliveries of our own."""

    owner = None

    def __init__(self, *deliveries: Delivery) -> None:
        self._deliveries = deliveries

    def iterate(self) -> Iterator[Delivery]:
        return iter(self._deliveries)

    def counts(self) -> dict[State, int]:
        return reported({})

    def standing(self) -> Standing:
        return Standing(reported({}))


def delivery(number: int, state: State, reply: str = "", **cells: str) -> Delivery:
    """The delivery of u0@example.org, u1@example.org ..., changed at one moment in November."""
    one = make_recipient(number, **cells)
    return Delivery(
        number, one.key, one.row, one.mailbox, one.cells, state,
        f"<{number}@example.org>", 1.0, 1_795_400_000.0, reply=reply,
    )  # fmt: skip


FOUR = Ledger(
    replace(delivery(0, State.SENT, "250 2.0.0 OK <1@x>", note="=HYPERLINK(1)"), server_id="<1@x>"),
    delivery(1, State.REJECTED, "550 5.1.1 \x1b[31mNo", note='张伟, "quoted"\nand more'),
    delivery(2, State.PENDING, note="007"),
    delivery(3, State.IN_DOUBT, "lost", note="+1"),
)
