"""How fast the SMTP engine is, next to smtplib and smtp-source: one run, one table, ratios.

    python -m benchmarks.smtp [--messages N] [--rounds N] [--quick]

On loopback it sends to Postfix's smtp-sink, then to a real Postfix behind a proxy that delays each
direction by 25 ms. Each message is 5 KB: fields of its own, and a body that is the same for all.
Every peer reuses one connection. On loopback the server has the last core and the clients the
first; they take turns in each round, and the best round of each is shown: what else the machine
does can only make a round slower. It needs Debian's postfix and, for that, root.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import os
import smtplib
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mailmerge.octets import seal
from mailmerge.smtp import Client, Envelope, Server, Transaction, Verdict
from tests import servers

SENDER = "news@example.org"
BODY = (b"x" * 72 + b"\r\n") * 66
ONE_WAY = 0.025  # seconds: half of the round trip

Sender = Callable[[int, int], float]
"""Sends a number of messages to a port; returns the seconds it took, without connecting."""


def header(number: int) -> bytes:
    """The fields of message `number`: about 160 bytes that differ from message to message."""
    return (
        f"From: {SENDER}\r\nTo: <p{number}@example.net>\r\nSubject: Hello {number}\r\n"
        f"Message-ID: <{number}.bench@example.org>\r\nMIME-Version: 1.0\r\n\r\nDear {number},\r\n"
    ).encode()


def by_mailmerge(window: int) -> Sender:
    """Our client with `window` transactions in flight."""

    def send(port: int, messages: int) -> float:
        announced: list[int] = []
        server = Server("127.0.0.1", port, "none", local_name="client.example.org")
        client = Client(server, window=window, on_terminator=announced.append)
        client.open()
        start = time.perf_counter()
        number = sent = 0
        body = seal(BODY)
        while sent < messages:
            client.push()
            for _ in range(min(client.room, messages - number)):
                envelope = Envelope(SENDER, (f"p{number}@example.net",))
                client.submit(Transaction(number, envelope, (header(number), body)))
                number += 1
            outcomes = client.wait()
            for outcome in outcomes:
                if outcome.verdict is not Verdict.SENT:
                    raise SystemExit(f"not sent: {outcome}")
            sent += len(outcomes)
        seconds = time.perf_counter() - start
        client.quit()
        return seconds

    return send


def by_smtplib(port: int, messages: int) -> float:
    """The standard library, on one connection."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example.org") as client:
        client.ehlo()
        start = time.perf_counter()
        for number in range(messages):
            client.sendmail(SENDER, [f"p{number}@example.net"], header(number) + BODY)
        return time.perf_counter() - start


def by_smtp_source(port: int, messages: int) -> float:
    """Postfix's own generator, one session; the program's start is measured and taken off."""
    size = len(header(1) + BODY)
    command = ["smtp-source", "-s", "1", "-d", "-f", SENDER, "-t", "p@example.net"]
    command += ["-l", str(size)]

    def run(count: int) -> float:
        start = time.perf_counter()
        subprocess.run([*command, "-m", str(count), f"127.0.0.1:{port}"], check=True)
        return time.perf_counter() - start

    return run(messages + 1) - run(1)


@dataclass(frozen=True, slots=True)
class Case:
    """One client in one place; `goals` maps another client's name to the ratio to reach."""

    name: str
    sender: Sender
    messages: int
    goals: dict[str, float]


def measure(port: int, cases: list[Case], rounds: int) -> dict[str, float]:
    """The messages a second of the best round for each case."""
    best = {case.name: 0.0 for case in cases}
    for _ in range(rounds):
        for case in cases:
            rate = case.messages / case.sender(port, case.messages)
            best[case.name] = max(best[case.name], rate)
    return best


@contextlib.contextmanager
def on_core(index: int) -> Iterator[None]:
    """Keep this process, and what it starts, on one core, where there are several to choose from.

    A process that was started inside stays there.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[index]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def show(where: str, cases: list[Case], rates: dict[str, float]) -> bool:
    """Print one part of the table; whether every goal was reached."""
    slowest = rates["smtplib"]
    reached = True
    print(f"\n{where}")
    print(f"  {'client':<24}{'messages':>9}{'per second':>12}{'x smtplib':>11}  goals")
    for case in cases:
        rate = rates[case.name]
        goals = []
        for peer, wanted in case.goals.items():
            ratio = rate / rates[peer]
            reached = reached and ratio >= wanted
            goals.append(f"{ratio:.2f} of {wanted:g} x {peer}")
        line = f"  {case.name:<24}{case.messages:>9}{rate:>12.1f}{rate / slowest:>11.2f}"
        print(line + "  " + ", ".join(goals))
    return reached


# The delay


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes, each piece 25 ms after it came, in order."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def hand_on() -> None:
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    task = asyncio.create_task(hand_on())
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            await pieces.put((loop.time() + ONE_WAY, piece))
    await pieces.put((loop.time() + ONE_WAY, b""))
    with contextlib.suppress(OSError):
        await task


def _proxy(listening: int, target: int) -> None:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_server, from_server = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(_pump(reader, from_server), _pump(to_server, writer))

    async def serve() -> None:
        server = await asyncio.start_server(meet, "127.0.0.1", listening)
        await server.serve_forever()

    asyncio.run(serve())


@contextlib.contextmanager
def delayed(target: int) -> Iterator[int]:
    """A port behind which the target is 50 ms away, there and back."""
    port = servers.free_port()
    process = multiprocessing.get_context("spawn").Process(target=_proxy, args=(port, target))
    process.start()
    try:
        servers.wait_until(lambda: _greets(port), "the proxy")
        yield port
    finally:
        process.terminate()
        process.join()


def _greets(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example.org", timeout=5):
            return True
    except OSError:
        return False


def main() -> int:
    """Run it; 0 if every goal was reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--messages", type=int, default=5_000, help="on loopback (5000)")
    parser.add_argument("--rounds", type=int, default=10, help="turns of each client (10)")
    parser.add_argument("--quick", action="store_true", help="a minute's impression")
    options = parser.parse_args()
    messages, rounds = options.messages, options.rounds
    if options.quick:
        messages, rounds = min(messages, 3000), min(rounds, 3)
    near = [
        Case("smtplib", by_smtplib, messages, {}),
        Case("smtp-source -s 1", by_smtp_source, messages, {}),
        Case("mailmerge", by_mailmerge(1), messages, {"smtplib": 3, "smtp-source -s 1": 1.5}),
    ]
    few = 20 if options.quick else 60
    far = [
        Case("smtplib", by_smtplib, few, {}),
        Case("mailmerge, window 1", by_mailmerge(1), few * 4, {"smtplib": 3.5}),
        Case("mailmerge, window 16", by_mailmerge(16), few * 40, {"smtplib": 40}),
        Case("mailmerge, window 64", by_mailmerge(64), few * 80, {}),
    ]
    with contextlib.ExitStack() as stack:
        with on_core(-1):
            sink = stack.enter_context(servers.smtp_sink())
        with on_core(0):
            rates = measure(sink.port, near, rounds)
    reached = show("smtp-sink on loopback, 5 KB messages", near, rates)
    settings = servers.Settings(keep=False, extra={"smtpd_client_message_rate_limit": "0"})
    with servers.postfix(settings) as postfix, delayed(postfix.port) as port:
        far_rates = measure(port, far, 1)
        reached = show("Postfix, 50 ms away, 5 KB messages", far, far_rates) and reached
    print("\nevery goal is reached" if reached else "\nnot every goal is reached")
    return 0 if reached else 1


if __name__ == "__main__":
    raise SystemExit(main())
