"""The whole job against its peers and against the limit: one run, one table, ratios.

    python benchmarks/job.py                 # 20,000 people; the peers get a folder of their own
    python benchmarks/job.py --framework     # with the 33 KB of CSS that mail frameworks have
    python benchmarks/job.py --quick         # 2,000 people, only ourselves and the limit
    python benchmarks/job.py --quick --floor 0.4    # fails where five runs stay below that ratio
    python benchmarks/job.py --scale         # ourselves with 10,000 people and with 1,000,000
    python benchmarks/job.py --groups        # ourselves with groups of 5 rows, and without

The newsletter of samples/newsletter, its 240 people blown up, goes to Postfix's smtp-sink on
loopback. The sink has the last core to itself, the sender the first one, where we may choose.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import csv
import hashlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
PYTHON_PEERS = ("premailer", "jinja2", "pandas", "emails[jinja]", "redmail", "mailmerge")
NODE_PEERS = ("nodemailer", "handlebars", "juice")
LINK = '<link rel="stylesheet" href="style.css">'
ATTEMPTS = 5
FRAMEWORK = 33_000
"""Octets of a style sheet as those of mail frameworks are, before anything is stripped from it."""


@dataclass(frozen=True)
class Result:
    """What one contender did. `seconds` is its own measure of the whole job."""

    name: str
    messages: int
    seconds: float
    memory: float = 0.0
    """Peak resident memory of the process, in MB."""
    cpu: float = 0.0
    """Seconds of the processor, the check included."""

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


@dataclass
class Bench:
    """A folder with the blown-up campaign, and the environment of the peers."""

    folder: Path
    people: int
    port: int = 0
    check_seconds: float = 0.0
    results: list[Result] = field(default_factory=list)

    @property
    def campaign(self) -> Path:
        return self.folder / "newsletter"

    def prepare(self) -> None:
        """Copy the sample, blow up its people, point it at the sink."""
        shutil.copytree(ROOT / "samples" / "newsletter", self.campaign, ignore=_state)
        with (self.campaign / "recipients.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        with (self.campaign / "recipients.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            for number in range(self.people):
                writer.writerow(_somebody(rows[number % len(rows)], number))

    def use_groups(self, rows: int) -> None:
        """Give each message several rows, which are far apart, and a list of them."""
        path = self.campaign / "recipients.csv"
        header, *lines = path.read_text(encoding="utf-8").splitlines()
        with path.open("w", encoding="utf-8") as file:
            print(header, "customer", "invoice", sep=",", file=file)
            for number in range(rows):
                for customer, line in enumerate(lines):
                    print(line, f"C{customer:06}", f"{customer}-{number}", sep=",", file=file)
        grouped = rows > 1
        shown = (
            "{% for row in rows %}<p>{{ row.invoice }}</p>{% endfor %}"
            if grouped
            else "<p>{{ invoice }}</p>"
        )
        html = self.campaign / "body.html"
        text = html.read_text(encoding="utf-8").replace("</body>", f"{shown}</body>")
        html.write_text(text, encoding="utf-8")
        if grouped:
            toml = self.campaign / "campaign.toml"
            text = toml.read_text(encoding="utf-8")
            toml.write_text(text.replace("[recipients]", '[recipients]\ngroup_by = "customer"'))

    def use_framework(self) -> None:
        """Add the rules of a mail framework, of which a letter uses few, and each reader none."""
        sheet = self.campaign / "style.css"
        rules = sheet.read_text(encoding="utf-8")
        for number in itertools.count():
            if len(rules) >= FRAMEWORK:
                break
            rules += (
                f".columns-{number} {{ padding: 0 {number % 24}px; width: {number % 600}px; "
                f"font-size: {12 + number % 20}px; color: #{number % 4096:03x} }}\n"
            )
        sheet.write_text(rules, encoding="utf-8")

    def point_at(self, port: int) -> None:
        """Write the sink's port into campaign.toml; no rate, no log-in."""
        self.port = port
        path = self.campaign / "campaign.toml"
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\[(smtp|delivery)\][^\[]*", "", text)
        text += f'\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
        path.write_text(text, encoding="utf-8")

    def ours(self, people: int) -> Result:
        """mailmerge send: check, plan, ledger, everything on, in a process of its own."""
        shutil.rmtree(self.campaign / ".mailmerge", ignore_errors=True)
        command = [sys.executable, "-m", "mailmerge", "send", str(self.campaign), "--yes", "--json"]
        # The ledger of the last run was deleted; its mark in the state folder was not.
        command += ["--accept-older-ledger"]
        document, memory = _run([*command, "--limit", str(people)])
        states = document["states"]
        assert isinstance(states, dict)
        assert states["sent"] == people, document
        seconds = _number(document, "seconds")
        self.check_seconds = _number(document, "check_seconds")
        cpu = _number(document, "cpu_seconds")
        return Result("mailmerge send (this project)", people, seconds, memory, cpu)

    def replay(self, people: int) -> Result:
        """The limit: our own bytes over one pipelined connection."""
        rendered = self.folder / "rendered"
        if not rendered.exists():
            self._render(rendered)
        command = [sys.executable, str(PEERS / "replay.py"), *self._order(people)]
        document, memory = _run([*command, "--messages", str(rendered)])
        return Result("replay of our bytes", people, _number(document, "seconds"), memory)

    def _render(self, folder: Path) -> None:
        some = self.folder / "some"
        shutil.copytree(ROOT / "samples" / "newsletter", some, ignore=_state)
        command = [sys.executable, "-m", "mailmerge", "render", str(some), "--all"]
        subprocess.run([*command, "--out", str(folder)], check=True, stderr=subprocess.DEVNULL)

    def smtp_source(self, people: int) -> Result:
        """Postfix's own load generator, one session, messages of our mean size."""
        sizes = [path.stat().st_size for path in (self.folder / "rendered").glob("*.eml")]
        size = str(sum(sizes) // len(sizes))
        target = f"inet:127.0.0.1:{self.port}"
        command = ["smtp-source", "-s", "1", "-m", str(people), "-l", size, target]
        started = time.perf_counter()
        subprocess.run(_pinned(command, 0), check=True, stdout=subprocess.DEVNULL)
        return Result("smtp-source -s 1", people, time.perf_counter() - started)

    def peer(self, name: str, file: str, people: int, *flags: str) -> Result:
        """One of the peers, from the environment that holds them all."""
        if file.endswith(".mjs"):
            program = ["node", str(PEERS / file)]
        else:
            program = [str(self._environment() / "bin" / "python"), str(PEERS / file)]
        environ = {"PEERS_NODE_MODULES": str(self._node_modules())}
        document, memory = _run([*program, *self._order(people), *flags], environ)
        return Result(
            name, int(_number(document, "messages")), _number(document, "seconds"), memory
        )

    def _order(self, people: int) -> list[str]:
        return [str(self.campaign), str(self.port), str(people)]

    def _environment(self) -> Path:
        venv = _cache() / "python"
        if not (venv / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
            pip = str(venv / "bin" / "pip")
            subprocess.run([pip, "install", "-q", *PYTHON_PEERS], check=True)
            (venv / "complete").touch()
        return venv

    def _node_modules(self) -> Path:
        folder = _cache() / "node"
        if not (folder / "node_modules" / "juice").exists():
            folder.mkdir(parents=True, exist_ok=True)
            command = ["npm", "install", "--silent", "--no-save", "--prefix", str(folder)]
            subprocess.run([*command, *NODE_PEERS], check=True, stdout=subprocess.DEVNULL)
        return folder

    def write_handlebars(self) -> None:
        """The newsletter for nodemailer: rendered once by Jinja2, its values as handlebars."""
        import jinja2

        loader = jinja2.FileSystemLoader(self.campaign)
        sheet = (self.campaign / "style.css").read_text(encoding="utf-8")
        cells: dict[str, object] = {
            name: f"{{{{{name}}}}}" for name in ("name", "email", "city", "reader", "token")
        }
        cells |= {
            "plan": "free",
            "country": "FR",
            "language": "fr",
            "interests": "rail;walking;food",
        }
        cells |= {"member_since": "", "campaign": {"name": "newsletter"}}
        for file, made, escape in (
            ("body.html", "body.hbs.html", True),
            ("body.txt", "body.hbs.txt", False),
        ):
            environment = jinja2.Environment(loader=loader, autoescape=escape)
            text = environment.get_template(file).render(cells)
            text = re.sub(r"%7[Bb]%7[Bb](\w+)%7[Dd]%7[Dd]", r"{{\1}}", text)
            text = text.replace(LINK, f"<style>{sheet}</style>")
            text = text.replace("images/logo.png", "cid:logo").replace(
                "images/photo.jpg", "cid:photo"
            )
            (self.campaign / made).write_text(text, encoding="utf-8")


def _somebody(cells: dict[str, str], number: int) -> dict[str, str]:
    """A person like one of the sample, with an address, a number and a token of their own."""
    digest = hashlib.shake_256(b"%d" % number).digest(len(cells["token"]))
    return cells | {
        "email": f"p{number}.{cells['email']}",
        "reader": f"{number:07}",
        "token": base64.urlsafe_b64encode(digest).decode()[: len(cells["token"])],
    }


def _state(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == ".mailmerge"]


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "mailmerge-benchmarks"


def _number(document: dict[str, object], key: str) -> float:
    value = document[key]
    assert isinstance(value, (int, float))
    return float(value)


def _pinned(command: list[str], core: int) -> list[str]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2 or shutil.which("taskset") is None:
        return command
    return ["taskset", "-c", str(cores[core]), *command]


def _run(
    command: list[str], environ: dict[str, str] | None = None
) -> tuple[dict[str, object], float]:
    """Run a contender on the first core; its JSON document and its peak memory in MB."""
    # What it says on standard error (premailer's complaints) is told only where it fails.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            _pinned(command, 0),
            stdout=subprocess.PIPE,
            stderr=said,
            env=os.environ | ({"PYTHONPATH": str(ROOT)} if environ is None else environ),
            cwd=tempfile.gettempdir(),
        )
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        last_words = said.read()[-2000:].decode("utf-8", "replace")
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {last_words}")
    document = json.loads(output)
    assert isinstance(document, dict)
    document["cpu_seconds"] = usage.ru_utime + usage.ru_stime
    return document, usage.ru_maxrss / 1024


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """smtp-sink on a free port of loopback, on the last core."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    program = shutil.which("smtp-sink", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        raise SystemExit("smtp-sink is missing: apt install postfix")
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(_pinned([program, *user, f"127.0.0.1:{port}", "1000"], -1))
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _await(port: int) -> None:
    for _ in range(500):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise SystemExit("smtp-sink does not answer")


def contenders(bench: Bench, *, quick: bool) -> Iterator[Callable[[], Result]]:
    """Everybody in turn; slow ones get fewer people, since only their rate counts."""
    people = bench.people
    yield lambda: bench.ours(people)
    yield lambda: bench.replay(people)
    if quick:
        return
    some = min(people, 2_000)
    few = min(people, 240)
    yield lambda: bench.smtp_source(people)
    yield lambda: bench.peer("naive loop", "naive.py", some)
    yield lambda: bench.peer("naive loop, premailer", "naive.py", min(few, 60), "--inline")
    yield lambda: bench.peer("awdeorio/mailmerge", "awdeorio_mailmerge.py", few)
    yield lambda: bench.peer("python-emails", "python_emails.py", some)
    yield lambda: bench.peer(
        "python-emails, transform", "python_emails.py", min(few, 60), "--inline"
    )
    yield lambda: bench.peer("redmail", "red_mail.py", few)
    yield lambda: bench.peer("nodemailer, handlebars", "nodemailer.mjs", some)
    yield lambda: bench.peer("nodemailer, handlebars, juice", "nodemailer.mjs", few, "--inline")


def show(results: list[Result]) -> None:
    """The table, with how many times quicker we are than each."""
    ours = results[0]
    print(
        f"{'contender':<34}{'messages':>10}{'seconds':>10}{'per second':>12}"
        f"{'MB':>7}{'ours/it':>10}"
    )
    for one in results:
        ratio = ours.rate / one.rate
        print(
            f"{one.name:<34}{one.messages:>10,}{one.seconds:>10.2f}{one.rate:>12,.0f}"
            f"{one.memory:>7.0f}{ratio:>10.2f}"
        )


@contextlib.contextmanager
def ready(people: int) -> Iterator[Bench]:
    """A bench with its campaign and a sink, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="mailmerge-job-") as folder, sink() as port:
        bench = Bench(Path(folder), people)
        bench.prepare()
        bench.point_at(port)
        yield bench


def scale(most: int) -> None:
    """Ourselves with few people and with very many: rate and memory must not depend on it."""
    results = []
    for people in (most // 100, most):
        with ready(people) as bench:
            results.append(bench.ours(people))
    few, many = results
    show([few, many])
    print(f"messages a second with {most:,} people against {most // 100:,}: ", end="")
    print(f"{many.rate / few.rate:.2f}")


def groups(people: int, rows: int = 5) -> None:
    """Ourselves with a row for each message, and with several: rate and memory of both."""
    results, checks = [], []
    for each in (1, rows):
        with ready(people) as bench:
            bench.use_groups(each)
            result = bench.ours(people)
            checks.append(bench.check_seconds)
        results.append(replace(result, name=f"{each} row(s) for each message"))
    alone, grouped = results
    show([grouped, alone])
    print(f"messages a second with {rows} rows for each against one: ", end="")
    print(f"{grouped.rate / alone.rate:.2f}")
    print(f"the checks before took {checks[1]:.2f} s and {checks[0]:.2f} s")
    print(
        f"processor, check included: {grouped.cpu / people * 1e6:,.0f} and "
        f"{alone.cpu / people * 1e6:,.0f} microseconds a message, "
        f"{grouped.cpu / people / rows * 1e6:,.0f} a row"
    )


def main() -> None:
    """Run the contenders and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--framework", action="store_true")
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--groups", action="store_true")
    parser.add_argument("--floor", type=float, default=0.0)
    asked = parser.parse_args()
    if asked.groups:
        groups(asked.people or 20_000)
        return
    if asked.scale:
        scale(asked.people or 1_000_000)
        return
    people = asked.people or (2_000 if asked.quick else 20_000)
    with ready(people) as bench:
        if asked.framework:
            bench.use_framework()
        if not asked.quick:
            bench.write_handlebars()
        for _ in range(ATTEMPTS):
            bench.results = []
            for contend in contenders(bench, quick=asked.quick):
                bench.results.append(contend())
                last = bench.results[-1]
                print(f"  {last.name}: {last.rate:,.0f}/s", file=sys.stderr)
            show(bench.results)
            print(f"the check before the run took {bench.check_seconds:.2f} s")
            ours, limit = bench.results[:2]
            if ours.rate / limit.rate >= asked.floor:
                return
    raise SystemExit(f"none of {ATTEMPTS} runs reached {asked.floor} of the limit")


if __name__ == "__main__":
    main()
