"""How many messages a second are signed, alone and as part of making and sending.

python benchmarks/signing.py                 # a message of 17 KB, signed on one core
python benchmarks/signing.py --job 5000      # the whole job: send to smtp-sink, as job.py does
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import job
from mailmerge.signing.dkim import DkimKey, DkimSigner
from mailmerge.signing.keys import Algorithm, new_key

HEADER = b"From: a@example.org\r\nTo: b@example.net\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n\r\n"
BODY = (b"  <p>some  words of a page</p>" + b"x" * 40 + b"\r\n") * 240
ALGORITHMS: tuple[Algorithm, ...] = ("rsa", "ed25519")


def signing_rate(algorithm: Algorithm, seconds: float = 1.0) -> float:
    """Signatures a second of a message of 17 KB."""
    signer = DkimSigner([DkimKey("example.org", "s1", new_key(algorithm))])
    date, count, started = datetime.now(UTC), 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        signer.signatures((HEADER, BODY), date)
        count += 1
    return count / (time.perf_counter() - started)


def job_rate(algorithm: Algorithm | None, messages: int) -> float:
    """Messages a second of `mailmerge send`, signed with a key of this algorithm or not at all."""
    with tempfile.TemporaryDirectory() as folder:
        bench = job.Bench(Path(folder), messages)
        bench.prepare()
        with job.sink() as port:
            bench.point_at(port)
            if algorithm is not None:
                (bench.campaign / "dkim.pem").write_bytes(new_key(algorithm).pem())
                with (bench.campaign / "campaign.toml").open("a", encoding="utf-8") as file:
                    file.write('\n[message.dkim]\nselector = "s1"\nkey_file = "dkim.pem"\n')
            return bench.ours(messages).rate


def main() -> None:
    """Print one line for each algorithm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", type=int, default=0, metavar="MESSAGES")
    messages = parser.parse_args().job
    for algorithm in ALGORITHMS:
        print(f"{algorithm:<10}{signing_rate(algorithm):>8,.0f} signatures a second")
    if messages:
        for one in (None, *ALGORITHMS):
            print(f"{one or 'unsigned':<10}{job_rate(one, messages):>8,.0f} messages a second")


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    main()
