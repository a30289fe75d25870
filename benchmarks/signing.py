"""How many messages a second are signed, alone and as part of making and sending.

python -m benchmarks.signing                        # a message of 17 KB, signed on one core
python -m benchmarks.signing --job 5000             # the whole job: send to smtp-sink, as job.py
python -m benchmarks.signing --job 5000 --images    # the same with images, 60 KB

The whole job is measured in rounds, each without a signature and with each kind of key, so that
all of them meet the same load of the machine. The medians and their ratios are printed.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks import job
from mailmerge.signing.dkim import DkimKey, DkimSigner
from mailmerge.signing.keys import Algorithm, new_key

HEADER = b"From: a@example.org\r\nTo: b@example.net\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n\r\n"
BODY = (b"  <p>some  words of a page</p>" + b"x" * 40 + b"\r\n") * 240
ALGORITHMS: tuple[Algorithm, ...] = ("rsa", "ed25519")
_IMAGE = re.compile(r"<img\b[^>]*>")


def signing_rate(algorithm: Algorithm, seconds: float = 1.0) -> float:
    """Signatures a second of a message of 17 KB."""
    signer = DkimSigner([DkimKey("example.org", "s1", new_key(algorithm))])
    date, count, started = datetime.now(UTC), 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        signer.signatures((HEADER, BODY), date)
        count += 1
    return count / (time.perf_counter() - started)


class SignedJob:
    """The newsletter of job.py, sent with a key of each algorithm or without one."""

    def __init__(self, folder: Path, messages: int, *, images: bool) -> None:
        self._bench = job.Bench(folder, messages)
        self._bench.prepare()
        self._messages = messages
        if not images:
            self._remove_images()

    def _remove_images(self) -> None:
        """Leave a message of some 17 KB."""
        path = self._bench.campaign / "body.html"
        text = path.read_text(encoding="utf-8")
        path.write_text(_IMAGE.sub("", text), encoding="utf-8")

    def point_at(self, port: int) -> None:
        """Send to this port; make the keys."""
        self._bench.point_at(port)
        self._unsigned = self._settings.read_text(encoding="utf-8")
        for algorithm in ALGORITHMS:
            (self._bench.campaign / f"{algorithm}.pem").write_bytes(new_key(algorithm).pem())

    @property
    def _settings(self) -> Path:
        return self._bench.campaign / "campaign.toml"

    def rate(self, algorithm: Algorithm | None) -> float:
        """Messages a second of `mailmerge send`."""
        signed = f'\n[message.dkim]\nselector = "s1"\nkey_file = "{algorithm}.pem"\n'
        self._settings.write_text(self._unsigned + (signed if algorithm else ""), encoding="utf-8")
        return self._bench.ours(self._messages).rate


def whole_job(messages: int, rounds: int, *, images: bool) -> None:
    """Print the medians of the whole job, and their ratios."""
    kinds: tuple[Algorithm | None, ...] = (None, *ALGORITHMS)
    rates: dict[Algorithm | None, list[float]] = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as folder, job.sink() as port:
        bench = SignedJob(Path(folder), messages, images=images)
        bench.point_at(port)
        for _ in range(rounds):
            for kind in kinds:
                rates[kind].append(bench.rate(kind))
    unsigned = median(rates[None])
    for kind in kinds:
        middle = median(rates[kind])
        found = " ".join(f"{rate:,.0f}" for rate in rates[kind])
        print(
            f"{kind or 'unsigned':<10}{middle:>8,.0f} messages a second   "
            f"{middle / unsigned:4.2f} of unsigned   ({found})"
        )


def main() -> None:
    """Print one line for each algorithm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", type=int, default=0, metavar="MESSAGES")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--images", action="store_true")
    asked = parser.parse_args()
    for algorithm in ALGORITHMS:
        print(f"{algorithm:<10}{signing_rate(algorithm):>8,.0f} signatures a second")
    if asked.job:
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        print(f"load of the machine {load}")
        whole_job(asked.job, asked.rounds, images=asked.images)


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    main()
