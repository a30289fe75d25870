"""What the ledger costs for each recipient: to enrol, to claim, to record, to read again.

    python benchmarks/ledger.py [--recipients 20000] [--wall]

One line for each kind of store that the tests know. Microseconds of processor time, which a busy
machine hardly changes; `--wall` shows the time that has passed, which waits for the disk as well.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mailmerge.ledger.interface import Store
from mailmerge.ledger.states import State, Transition, claim_transition
from tests.engine.driver import make_campaign, make_recipients
from tests.ledgers import KINDS, open_store

NOW = 1_800_000_000.0
BATCH = 500
STEPS = ("enrol", "claim", "record", "fold", "read")


def measure(store: Store, recipients: int, clock: Callable[[], float]) -> dict[str, float]:
    """Seconds that each step takes for all recipients together; two transitions for each."""
    seconds = dict.fromkeys(STEPS, 0.0)

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        begun = clock()
        yield
        seconds[step] += clock() - begun

    enrolled = make_recipients(recipients)
    with timed("enrol"):
        store.enrol(enrolled, "fingerprint")
    for _ in range(0, recipients, BATCH):
        with timed("claim"):
            claimed = store.claim("worker", BATCH, NOW)
        with timed("record"):
            for one in claimed:
                store.apply([claim_transition(one, State.SENDING, NOW)])
                store.apply([Transition(one.id, State.SENT, NOW, 1, stage="data", reply="250 Ok")])
        with timed("fold"):
            store.flush()
    with timed("read"):
        assert sum(1 for _ in store.iterate()) == recipients
    return seconds


def main() -> None:
    """Print one line for each kind of store."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipients", type=int, default=20_000)
    parser.add_argument("--wall", action="store_true")
    arguments = parser.parse_args()
    clock = time.perf_counter if arguments.wall else time.process_time
    print(f"{'us for each recipient':<22}" + "".join(f"{step:>9}" for step in STEPS))
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            campaign = make_campaign(Path(folder) / "campaign")
            with open_store(campaign, kind) as store:
                seconds = measure(store, arguments.recipients, clock)
        each = (f"{seconds[step] / arguments.recipients * 1e6:>9.1f}" for step in STEPS)
        print(f"{kind:<22}" + "".join(each))


if __name__ == "__main__":
    main()
