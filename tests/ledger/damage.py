"""Damages ledgers of killed runs at random, sends again, and judges by the server's own log.

    python -m tests.ledger.damage_rounds [--rounds 2000] [--seed 1] [--specimens 40] [--keep FOLDER]

A *specimen* is the folder of a real run that was killed at a random moment, with the messages that
the server had accepted by then. A round restores it, damages some of the files of its ledger, looks
at it (`status`, `status --export`, `doctor --ledger --export`), and sends again. It fails if

* a recipient gets the message a second time ("doubled"),
* a recipient did not get it, and neither an error nor its state says so ("lost"),
* a command ends with a traceback or an unexpected error ("traceback").

The folder and the user's state folder are restored at the same paths for each round.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from typer.testing import CliRunner

from mailmerge.cli import app
from mailmerge.errors import MailmergeError
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State
from mailmerge.settings import load_settings
from tests.engine.driver import Job, drive, make_campaign, send
from tests.forked import CONTEXT
from tests.scripted_server import Script, ServerProcess, Settings, server_process

HOUR = 3600.0
RECIPIENTS = 60

_HOME = "MAILMERGE_STATE_HOME"


@dataclass(frozen=True)
class Place:
    """A folder that is restored for each round: where, and the copy."""

    path: Path
    copy: Path

    @classmethod
    def of(cls, path: Path) -> Place:
        """Copy a folder."""
        copy = path.with_name(f"{path.name}-copy")
        shutil.copytree(path, copy)
        return cls(path, copy)

    def restore(self) -> None:
        """Make the folder what it was."""
        shutil.rmtree(self.path)
        shutil.copytree(self.copy, self.path)


@dataclass(frozen=True)
class Specimen:
    """A killed run: its folder, and how often the server accepted each recipient's message."""

    folder: Place
    taken: Counter[str]


@dataclass(frozen=True)
class Laboratory:
    """The specimens, the user's state folder after their runs, and the server."""

    specimens: list[Specimen]
    home: Place
    server: ServerProcess


@dataclass
class Verdicts:
    """How rounds ended, and what was wrong, each with the number of its round."""

    rounds: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """Everything that was wrong."""
        return [*self.doubled, *self.lost, *self.tracebacks]

    def __str__(self) -> str:
        endings = ", ".join(f"{count} {what}" for what, count in self.endings.most_common())
        return (
            f"{self.rounds} rounds: {len(self.doubled)} doubled, {len(self.lost)} lost, "
            f"{len(self.tracebacks)} tracebacks ({endings})"
        )


@contextmanager
def laboratory(count: int, seed: int, folder: Path) -> Iterator[Laboratory]:
    """Kill `count` runs at random moments, some of them several times."""
    chance = random.Random(seed)
    home = folder / "home"
    home.mkdir()
    with (
        _state_home(home),
        server_process(Script(Settings(fsync=False, keep=False)), folder) as server,
    ):
        names = [folder / f"specimen-{number}" for number in range(count)]
        specimens = [_specimen(name, chance, server, home) for name in names]
        yield Laboratory(specimens, Place.of(home), server)


def _specimen(folder: Path, chance: random.Random, server: ServerProcess, home: Path) -> Specimen:
    make_campaign(folder)
    server.wait_until_idle()
    before = len(server.messages)
    for attempt in range(chance.choice([1, 1, 2, 3])):
        job = Job(
            folder,
            server.port,
            recipients=RECIPIENTS,
            connections=chance.choice([1, 2, 4]),
            window=chance.choice([1, 8]),
            rotate_after=chance.choice([0, 3000, 300]),
            crash_at=chance.randrange(20, 900),
            later=HOUR * attempt,
            state_home=str(home),
        )
        process = CONTEXT.Process(target=drive, args=(job,), daemon=True)
        process.start()
        process.join(60)
        assert process.exitcode in {0, 9}, "it has finished, or killed itself"
        process.close()
    server.wait_until_idle()
    return Specimen(Place.of(folder), taken_since(server, before))


def taken_since(server: ServerProcess, since: int) -> Counter[str]:
    """Count the messages that the server accepted, by recipient, from message `since` on."""
    return Counter(
        path for one in server.messages[since:] if one.taken for path in one.forward_paths
    )


# --- damage

Damage = Callable[[random.Random, bytearray], str]


def _place(chance: random.Random, content: bytearray) -> int:
    """A random place; mostly in the part that is not zeros, and often near its end."""
    written = len(content.rstrip(b"\0")) or len(content)
    kind = chance.random()
    if kind < 0.15:
        return chance.randrange(len(content))
    if kind < 0.5:
        return max(0, written - 1 - int(chance.expovariate(1 / 400)))
    return chance.randrange(written)


def _range(chance: random.Random, content: bytearray) -> tuple[int, int]:
    start = _place(chance, content)
    length = chance.choice([1, 10, 100, 512, 1000, 4096, 20_000, 1 << 20])
    return start, min(len(content), start + chance.randint(1, length))


def flip(chance: random.Random, content: bytearray) -> str:
    """Flip one or several bits."""
    for _ in range(chance.choice([1, 1, 1, 2, 8])):
        place = _place(chance, content)
        content[place] ^= 1 << chance.randrange(8)
    return f"flip at {place}"


def cut(chance: random.Random, content: bytearray) -> str:
    """Cut off the end, at a line, at a page, anywhere, or everything."""
    place = _place(chance, content)
    kind = chance.randrange(4)
    if kind == 0:
        place = content.rfind(b"\n", 0, place) + 1
    elif kind == 1:
        place -= place % 4096
    elif kind == 2:
        place = chance.choice([0, place])
    del content[place:]
    return f"cut at {place}"


def zero(chance: random.Random, content: bytearray) -> str:
    """Overwrite a range with zeros, or everything from a line on."""
    start, end = _range(chance, content)
    if chance.random() < 0.3:
        start, end = content.rfind(b"\n", 0, start) + 1, len(content)
    content[start:end] = bytes(end - start)
    return f"zero {start}:{end}"


def duplicate(chance: random.Random, content: bytearray) -> str:
    """Repeat a range: inserted behind itself, or over other bytes; sometimes a line."""
    start, end = _range(chance, content)
    if chance.random() < 0.3:
        start = content.rfind(b"\n", 0, start) + 1
        end = content.find(b"\n", start) + 1 or len(content)
    piece = content[start:end]
    if chance.random() < 0.5:
        content[end:end] = piece
        return f"insert {start}:{end}"
    place = _place(chance, content)
    content[place : place + len(piece)] = piece
    return f"copy {start}:{end} to {place}"


def reorder(chance: random.Random, content: bytearray) -> str:
    """Exchange two ranges of equal length, or two pages."""
    length = chance.choice([1, 8, 100, 512, 4096])
    size = len(content)
    if size < 2 * length:
        return "nothing"
    first, second = _place(chance, content), _place(chance, content)
    if length == 4096:
        first, second = first - first % 4096, second - second % 4096
    first, second = sorted((first, second))
    length = min(length, second - first, size - second)
    if length:
        one, other = content[first : first + length], content[second : second + length]
        content[first : first + length], content[second : second + length] = other, one
    return f"swap {first} and {second}, {length}"


DAMAGES: tuple[Damage, ...] = (flip, cut, zero, duplicate, reorder)


def damage(chance: random.Random, folder: Path) -> str:
    """Damage one to three files of the ledger, or remove a journal; return what was done."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    done = []
    most = min(chance.choice([1, 1, 1, 2, 3]), len(files))
    for path in chance.sample(files, most):
        content = bytearray(path.read_bytes())
        if path.suffix == ".journal" and chance.random() < 0.05:
            path.unlink()
            done.append(f"{path.name}: removed")
        elif content:
            what = chance.choice(DAMAGES)(chance, content)
            path.write_bytes(content)
            done.append(f"{path.name}: {what}")
    return "; ".join(done)


# --- rounds


def run_rounds(
    numbers: range,
    seed: int,
    place: Laboratory,
    *,
    keep: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Verdicts:
    """Run rounds; the same seed and specimen repeat a round. Bad ones are kept in `keep`."""
    verdicts = Verdicts()
    for number in numbers:
        specimen = place.specimens[number % len(place.specimens)]
        place.home.restore()
        one_round = _Round(specimen, random.Random(f"{seed} {number}"), place.server)
        if keep is not None:
            shutil.rmtree(keep, ignore_errors=True)
            shutil.copytree(specimen.folder.path, keep)
        one_round.judge(number, verdicts)
        if one_round.wrong:
            tell(f"round {number}: {one_round.wrong}")
            if keep is not None:
                shutil.copytree(keep, keep.with_name(f"{keep.name}-{seed}-{number}"))
        if verdicts.rounds % 100 == 0:
            tell(str(verdicts))
    return verdicts


class _Round:
    """One round: a damaged specimen, and what became of it."""

    def __init__(self, specimen: Specimen, chance: random.Random, server: ServerProcess) -> None:
        self._specimen = specimen
        self._server = server
        self.wrong: list[str] = []
        specimen.folder.restore()
        self._folder = specimen.folder.path
        self._what = damage(chance, self._folder / ".mailmerge") if self._has_files() else "nothing"

    def _has_files(self) -> bool:
        state = self._folder / ".mailmerge"
        return state.exists() and any(state.iterdir())

    def judge(self, number: int, verdicts: Verdicts) -> None:
        """Look, send again, look again; add what was wrong to the verdicts."""
        export = str(self._folder / "export.csv")
        self._look(["status", "--json", "--export", export])
        self._look(["doctor", "--ledger", "--json", "--export", export])
        before = len(self._server.messages)
        ending = self._send()
        verdicts.rounds += 1
        verdicts.endings[ending] += 1
        taken = self._specimen.taken + taken_since(self._server, before)
        place = f"round {number}: {self._what} ({ending})"
        twice = {key for key, count in taken.items() if count > 1}
        if twice:
            verdicts.doubled.append(f"{place}: {len(twice)} twice, {sorted(twice)[:3]}")
            self.wrong.append(verdicts.doubled[-1])
        lost = self._lost(ending, taken)
        if lost:
            verdicts.lost.append(f"{place}: {lost}")
            self.wrong.append(verdicts.lost[-1])
        self._look(["status", "--json"])
        failures = [one for one in self.wrong if one.startswith("traceback")]
        verdicts.tracebacks += [f"{place}: {one}" for one in failures]

    def _send(self) -> str:
        job = Job(self._folder, self._server.port, RECIPIENTS, 2, 8, later=9 * HOUR)
        try:
            error = send(job).error
        except MailmergeError as refused:
            return f"refused: {refused.problem.code}"
        except Exception:  # noqa: BLE001 - this is what is looked for
            self.wrong.append(f"traceback of send: {traceback.format_exc()}")
            return "traceback"
        return "complete" if error is None else type(error).__name__

    def _lost(self, ending: str, taken: Counter[str]) -> str:
        """Return who did not get the message without a word about it."""
        if ending.startswith("refused") or ending == "traceback":
            return ""
        try:
            reader = Ledger.read(load_settings(self._folder))
            found = {one.key: one for one in reader.iterate()} if reader else {}
        except MailmergeError as error:
            return f"cannot be read after the run: {error}"
        if len(found) != RECIPIENTS:
            return f"{len(found)} recipients in the ledger"
        untold = [State.SENT, State.PENDING] if ending == "complete" else [State.SENT]
        lost = [key for key, one in found.items() if one.state in untold and not taken[key]]
        return f"{len(lost)} lost, {lost[:3]}" if lost else ""

    def _look(self, arguments: list[str]) -> None:
        command, *options = arguments
        result = CliRunner().invoke(app, [command, str(self._folder), *options])
        if result.exit_code not in {0, 2, 3, 75} or "unexpected" in result.output:
            what = "".join(traceback.format_exception(*(result.exc_info or (None,) * 3)))
            self.wrong.append(f"traceback of {command}: {result.output} {what}")


@contextmanager
def _state_home(folder: Path) -> Iterator[None]:
    before = os.environ.get(_HOME)
    os.environ[_HOME] = str(folder)
    try:
        yield
    finally:
        del os.environ[_HOME]
        if before is not None:
            os.environ[_HOME] = before


def main() -> None:
    """Make specimens, run the rounds, and print the verdicts; exit with 1 if one is bad."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--specimens", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="the number of the first round")
    parser.add_argument("--keep", type=Path, help="keep the folders of bad rounds next to this one")
    arguments = parser.parse_args()
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="specimens") as name,
        laboratory(arguments.specimens, arguments.seed, Path(name)) as place,
    ):
        numbers = range(arguments.first, arguments.first + arguments.rounds)
        verdicts = run_rounds(
            numbers, arguments.seed, place, keep=arguments.keep, tell=partial(print, flush=True)
        )
    print(f"seed {arguments.seed}, {time.monotonic() - begun:.0f} s: {verdicts}")
    sys.exit(1 if verdicts.wrong else 0)
