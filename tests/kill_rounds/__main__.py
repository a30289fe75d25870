"""`python -m tests.kill_rounds --rounds N [--seed FIRST] [--jobs N]`: exits with 1 on a breach."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.kill_rounds.figures import table
from tests.kill_rounds.rounds import Result, play

_SHOWN = 100
"""The table is shown after each so many rounds, for long series."""


def main() -> int:
    """Play the rounds, show each breach at once, and the table at the end."""
    arguments = _arguments()
    began, results = time.monotonic(), list[Result]()
    seeds = range(arguments.seed, arguments.seed + arguments.rounds)
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        for result in pool.map(play, seeds):
            results.append(result)
            for breach in result.breaches:
                print(f"seed {result.scenario.seed}, {result.scenario.mode.name}: {breach}")
            if len(results) % _SHOWN == 0:
                print(table(results))
            sys.stdout.flush()
    print(table(results))
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if any(one.breaches for one in results) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
