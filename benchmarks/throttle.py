"""How a run slows down and recovers: servers that complain, close or enforce a rate, on loopback.

    python -m benchmarks.throttle [--rounds N] [--quick]

One line for each figure, with the ratio that matters and its aim. The server is a process of its
own and speaks plain SMTP. Every scenario runs on the real clock. The bad minute lasts 20 seconds
here: long enough for the longest pause between two probes, which decides the result.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import multiprocessing.connection
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import mailmerge as mm
from mailmerge.engine import events

MESSAGES = 5_000
CLOSING = b"421 4.3.2 Closing for a moment\r\n"
COMPLAINT = b"451 4.7.1 Too many messages, slow down\r\n"
OK = b"250 2.0.0 Ok\r\n"


# --- the server


@dataclass
class Record:
    """The times of accepted and of refused recipients, and of lost connections."""

    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    dropped: list[float] = field(default_factory=list)

    @property
    def refused_share(self) -> float:
        """The share of recipients that were refused."""
        return len(self.refused) / (len(self.refused) + len(self.accepted))

    def per_second(self, first: float, end: float) -> float:
        """The accepted recipients per second between two times."""
        return sum(first <= at < end for at in self.accepted) / (end - first)


@dataclass(frozen=True)
class Rules:
    """What the server does, by the number of the recipient from 1, or by the time."""

    close_at: int = 0
    """421 to this recipient, and the end of the connection."""
    close_each: int = 0
    """421 to each recipient with such a number, and the end of the connection."""
    drop_at: int = 0
    """The end of the connection at this recipient, without a reply."""
    per_second: int = 0
    """The accepted recipients per second; others get a complaint."""
    bad_from: float = 0.0
    bad_until: float = 0.0
    """Seconds after the first recipient between which every recipient gets a complaint."""
    greeting: float = 0.0
    """Seconds before the greeting."""
    answer: float = 0.0
    """Seconds before the reply to a message."""


class Behaviour:
    """Decides about each recipient, for all connections together."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.record = Record()
        self._seen = 0
        self._first = 0.0
        self._second = (0, 0)

    def reply(self) -> bytes:
        """The reply to the next RCPT; empty to drop the connection."""
        now, rules = time.time(), self.rules
        self._seen += 1
        self._first = self._first or now
        if rules.close_at == self._seen or (
            rules.close_each and self._seen % rules.close_each == 0
        ):
            self.record.dropped.append(now)
            return CLOSING
        if rules.drop_at == self._seen:
            self.record.dropped.append(now)
            return b""
        if self._complains(now):
            self.record.refused.append(now)
            return COMPLAINT
        self.record.accepted.append(now)
        return OK

    def _complains(self, now: float) -> bool:
        rules = self.rules
        if rules.bad_from <= now - self._first < rules.bad_until:
            return True
        if not rules.per_second:
            return False
        second, used = self._second
        used = used if second == int(now) else 0
        complains = used >= rules.per_second
        self._second = (int(now), used + (not complains))
        return complains

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak SMTP on one connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await asyncio.sleep(self.rules.greeting)
            writer.write(b"220 benchmark ESMTP\r\n")
            await self._talk(reader, writer)
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reply = OK
        while True:
            line = (await reader.readuntil(b"\r\n")).upper()
            if line.startswith(b"EHLO"):
                writer.write(b"250-benchmark\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif line.startswith(b"RCPT"):
                reply = self.reply()
                writer.write(reply)
                if reply in (b"", CLOSING):
                    return
            elif line.startswith(b"DATA") and reply is not OK:
                writer.write(b"554 5.5.1 No recipients\r\n")
            elif line.startswith(b"DATA"):
                writer.write(b"354 Go ahead\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                await asyncio.sleep(self.rules.answer)
                writer.write(OK)
            elif line.startswith(b"QUIT"):
                return
            else:
                writer.write(OK)


def _serve(rules: Rules, pipe: multiprocessing.connection.Connection) -> None:
    behaviour = Behaviour(rules)

    async def run() -> None:
        server = await asyncio.start_server(behaviour.serve, "127.0.0.1", 0, limit=1 << 20)
        pipe.send(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
        server.close()

    asyncio.run(run())
    pipe.send(behaviour.record)


@contextlib.contextmanager
def serving(rules: Rules) -> Iterator[tuple[int, Callable[[], Record]]]:
    """A port, and a function that ends the server and returns its record."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(rules, theirs), daemon=True)
    process.start()

    def end() -> Record:
        ours.send(None)
        record: Record = ours.recv()
        return record

    try:
        yield ours.recv(), end
    finally:
        process.join(10)
        process.kill()


# --- the run


@dataclass(frozen=True)
class Result:
    """The summary of a run, the server's record, and the events that are not about recipients."""

    summary: mm.Summary
    record: Record
    events: Sequence[events.Event]

    @property
    def seconds(self) -> float:
        """From the first attempt to connect to the last outcome."""
        return self.summary.seconds


def send(rules: Rules, messages: int, *, connections: int = 1, rate: str | None = None) -> Result:
    """Send this many messages to a server with these rules."""
    campaign = mm.Campaign(
        name="benchmark",
        sender="news@example.org",
        subject="Hello {{ name }}",
        text="Dear {{ name }},\n\nthis is a short message.\n",
    )
    rows = [{"email": f"u{number}@example.org", "name": f"U{number}"} for number in range(messages)]
    people = mm.read_recipients(rows, address="email")
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(rules) as (port, end),
        mm.Ledger.open(f"sqlite:///{folder}/ledger.db") as ledger,
    ):
        server = mm.Server("127.0.0.1", port=port, security="none")
        job = mm.Job(campaign, people, server, ledger, rate=rate, connections=connections)
        seen = [one for one in job.run() if not isinstance(one, events.DeliveryEvent)]
        assert job.summary is not None
        if job.summary.states["sent"] != messages:
            raise SystemExit(f"not all were sent: {job.summary}")
        return Result(job.summary, end(), seen)


# --- the figures


def show(what: str, figure: str, aim: str, *, reached: bool) -> bool:
    """Print one figure. Returns whether its aim was reached."""
    print(f"  {what:<52}{figure:>24}   {aim}{'' if reached else '   MISSED'}", flush=True)
    return reached


def closings(rounds: int) -> list[bool]:
    """A 421 to one recipient, and to each 500th, compared with a run without any."""
    cases = {"plain": Rules(), "one": Rules(close_at=10), "each": Rules(close_each=500)}
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, rules in cases.items():
            seconds[name].append(send(rules, MESSAGES).seconds)
    median = {name: statistics.median(taken) for name, taken in seconds.items()}
    plain = median["plain"]
    more, speed = median["one"] / plain - 1, plain / median["each"]
    print(f"  {MESSAGES} messages, no fault: {plain:.2f} s, {MESSAGES / plain:.0f}/s (medians)")
    return [
        show("one 421 to the tenth RCPT", f"{more:+.1%} time", "< 2 %", reached=more < 0.02),
        show("a 421 every 500 messages", f"{speed:.1%} speed", ">= 95 %", reached=speed >= 0.95),
    ]


def enforced(seconds: int, connections: int) -> list[bool]:
    """A server that enforces 50 messages a second by 4.7.x."""
    result = send(Rules(per_second=50), 50 * seconds, connections=connections)
    used = 50 * seconds / (50 * result.seconds)
    refused = result.record.refused_share
    what = f"50/s enforced, {50 * seconds} messages, {connections} connection(s)"
    return [
        show(f"{what}: used", f"{used:.1%}", ">= 85 %", reached=used >= 0.85),
        show(f"{what}: refused", f"{refused:.1%}", "<= 2 %", reached=refused <= 0.02),
    ]


def dropped() -> list[bool]:
    """The time that a dropped connection costs until messages flow as before."""
    record = send(Rules(drop_at=MESSAGES // 2), MESSAGES).record
    [at] = record.dropped
    full = record.per_second(at - 0.3, at)
    after = [when - at for when in record.accepted if when > at][:100]
    lost = after[-1] - len(after) / full
    return [show("dropped connection: time lost", f"{lost:.3f} s", "0.2 s", reached=lost <= 0.2)]


def bad_minute() -> list[bool]:
    """The time to full speed after a period in which the server only complains."""
    bad = Rules(bad_from=5, bad_until=25)
    result = send(bad, 200 * 25, connections=2, rate="200/second")
    record = result.record
    end = record.accepted[0] + bad.bad_until
    full = next(
        (tenth / 10 for tenth in range(300) if _full(record, end + tenth / 10)), float("inf")
    )
    what = "20 bad seconds at 200/s: full speed again after"
    share = record.refused_share
    return [
        show(what, f"{full:.1f} s, {share:.1%} refused", "15 s", reached=full <= 15),
    ]


def _full(record: Record, at: float) -> bool:
    return record.per_second(at, at + 1) >= 0.9 * 200


def delayed_greeting() -> list[bool]:
    """8 connections to a server that greets after 2 seconds."""
    result = send(Rules(greeting=2.0, answer=0.05), 1200, connections=8)
    began = result.events[0].at
    opened = [one.at - began for one in result.events if isinstance(one, events.Opened)]
    last = opened[7] if len(opened) > 7 else float("inf")
    what = f"8 connections, greeting after 2 s: {min(len(opened), 8)} open after"
    return [show(what, f"{last:.1f} s", "3 s", reached=last <= 3)]


def main() -> int:
    """Run it; 0 if every aim was reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="runs of each closing server (9)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and messages")
    options = parser.parse_args()
    seconds = 20 if options.quick else 60
    print("servers on loopback, small messages")
    reached = closings(2 if options.quick else options.rounds)
    reached += enforced(seconds, 1)
    reached += enforced(seconds, 4)
    reached += dropped()
    reached += bad_minute()
    reached += delayed_greeting()
    print("every aim is reached" if all(reached) else "not every aim is reached")
    return 0 if all(reached) else 1


if __name__ == "__main__":
    raise SystemExit(main())
