"""end_to_end.py DIR [RECIPIENTS]: the wheel, used from a command line of Windows, init to export.

DIR is what .ci/windows/build has made. The wheel is unpacked for DIR/installed. Then:

1. Each starter: init, check, send --sandbox, status. One interpreter does them all, because each
   start of one takes seconds under Wine.
2. A campaign with CRLF, backslashes in paths and a name with spaces and non-ASCII letters, sent to
   a server on this machine. The process is killed in the middle, several times. To kill a process
   of Wine is TerminateProcess: nothing of it is called any more. While one sends, a second one is
   refused. Then send again, status, export.

The law that is asserted is the promise: each recipient is sent once, except those that status calls
in doubt, which are at most as many as one window of one connection after each kill.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from tests.scripted_server import (  # noqa: E402 - found by the line above
    Rule,
    Script,
    ScriptedServer,
    Sleep,
    Stage,
    Usual,
    When,
)

RECIPIENTS = 600
KILLS = (0.1, 0.35, 0.7)
"""The process is killed when the server has this part of the messages."""
PAUSE = 0.01
"""Seconds that the server takes for a message, so that a kill comes in the middle."""
GREETING = 20.0
"""Seconds before the first greeting, in which the second sender must start."""
WINDOW = 8
HELD = 75
"""The exit status of a second sender."""
SOME_IN_DOUBT = 5
"""The exit status of a sender that ends with recipients in doubt; a kill may leave some."""
PATIENCE = 600.0
"""Seconds that one command may take on a loaded machine."""

STARTERS = """\
import contextlib, io, json, sys
from mailmerge.cli import main

def run(*words):
    sys.argv = ["mailmerge", *words]
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            main()
    except SystemExit as end:
        if end.code not in (0, None):
            sys.exit(f"{words}: {end.code}: {out.getvalue()}")
    return out.getvalue()

place = sys.argv[1]
for starter in [line.split()[0] for line in run("init", "--list").splitlines() if line.strip()]:
    folder = place + "/try " + starter
    run("init", folder, "--template", starter)
    run("check", folder)
    found = json.loads(run("send", folder, "--sandbox", "--yes", "--json"))
    assert found["states"]["sent"] == found["total"] > 0, found
    print(starter, found["total"], flush=True)
"""

SETTINGS = """\
[campaign]
name = "Frühling"
[recipients]
file = 'Liste\\Empfänger 2026.csv'
[message]
from = "Beispiel <news@firma-beispiel.de>"
subject = "Hallo {{ name }}"
text = 'Vorlagen\\text.txt'
attachments = ['Anlagen\\Preise 2026.txt']
[delivery]
window = WINDOW
connections = 1
[smtp]
host = "127.0.0.1"
port = PORT
security = "none"
"""


class Windows:
    """The installed command under Wine."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._program = str(folder / "installed")
        self._environment = {**os.environ, "MAILMERGE_STATE_HOME": f"Z:{home}", "LANG": "C.UTF-8"}

    def start(self, *words: object) -> subprocess.Popen[bytes]:
        """Start `python WORDS`."""
        return subprocess.Popen(
            [self._program, *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self._environment,
        )  # fmt: skip

    def run(self, *words: object, status: int = 0) -> str:
        """Run `mailmerge WORDS` to its end, and return its standard output."""
        return self.end(self.start("-m", "mailmerge", *words), status)[0]

    def end(self, process: subprocess.Popen[bytes], *statuses: int) -> tuple[str, str]:
        """Wait for a program; return its standard output and standard error."""
        out, err = process.communicate(timeout=PATIENCE)
        said = err.decode("cp1252", errors="replace")  # a pipe has the code page of the system
        assert process.returncode in statuses, f"{process.args}: {process.returncode}\n{said}"
        assert b"Traceback" not in err, said
        return out.decode("cp1252", errors="replace"), said

    def kill(self, campaign: Path) -> None:
        """End the interpreter that sends this campaign, as TerminateProcess does."""
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            of_windows = any(word.lower().endswith(b"python.exe") for word in words)
            started = any(word.endswith(b"start.py") for word in words)
            if of_windows and not started and any(word.endswith(bytes(campaign)) for word in words):
                os.kill(int(folder.name), signal.SIGKILL)


def unpack_wheel(folder: Path) -> None:
    """Build the wheel of this checkout, and unpack it where DIR/installed finds it."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder / "dist", PROJECT],
        check=True,
    )
    for wheel in (folder / "dist").glob("mailmerge*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / "wheel")


def try_starters(windows: Windows, place: Path) -> None:
    """Make a campaign of each starter, check it and send it into a sandbox."""
    out, _ = windows.end(windows.start("-c", STARTERS, f"Z:{place}"), 0)
    assert len(out.splitlines()) >= 3, out
    for line in out.splitlines():
        print(f"  {line} sent into the sandbox", flush=True)


def write_campaign(folder: Path, port: int, recipients: int) -> None:
    """A campaign as a Windows user has it."""
    for name in ("Liste", "Vorlagen", "Anlagen"):
        (folder / name).mkdir(parents=True)
    rows = "".join(f"u{n}@kunde-{n % 7}.de;Kunde {n}\r\n" for n in range(recipients))
    (folder / "Liste/Empfänger 2026.csv").write_bytes(f"email;name\r\n{rows}".encode("cp1252"))
    (folder / "Vorlagen/text.txt").write_bytes("Grüße, {{ name }}\r\n".encode())
    (folder / "Anlagen/Preise 2026.txt").write_bytes(b"42\r\n")
    text = SETTINGS.replace("PORT", str(port)).replace("WINDOW", str(WINDOW))
    (folder / "campaign.toml").write_bytes(text.replace("\n", "\r\n").encode())


def refuse_the_second(windows: Windows, folder: Path) -> None:
    """Start two senders: one of them sends, the other is refused with one line; kill the first."""
    both = [windows.start("-m", "mailmerge", "send", f"Z:{folder}", "--yes") for _ in range(2)]
    until = time.monotonic() + PATIENCE
    while not (ended := [one for one in both if one.poll() is not None]):
        assert time.monotonic() < until, "two senders at once"
        time.sleep(0.05)
    windows.kill(folder)
    err = windows.end(ended[0], HELD)[1]
    assert "is being sent by process" in err, err
    print(f"  the second sender is refused: {err.strip().splitlines()[0]}", flush=True)
    for one in both:
        one.communicate(timeout=PATIENCE)


def send_with_kills(
    windows: Windows, folder: Path, server: ScriptedServer, recipients: int
) -> None:
    """Send; kill the process at each of KILLS; let the last run end."""
    for part in KILLS:
        process = windows.start("-m", "mailmerge", "send", f"Z:{folder}", "--yes")
        until = time.monotonic() + PATIENCE
        while len(server.taken) < part * recipients and process.poll() is None:
            assert time.monotonic() < until, "nothing is sent"
            time.sleep(0.002)
        windows.kill(folder)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode, f"it ended before it was killed: {err!r}"
        print(f"  killed after {len(server.taken)} messages", flush=True)
    process = windows.start("-m", "mailmerge", "send", f"Z:{folder}", "--yes")
    windows.end(process, 0, SOME_IN_DOUBT)


def judge(windows: Windows, folder: Path, server: ScriptedServer, recipients: int) -> None:
    """Compare what the server has with what status and the export say."""
    found = json.loads(windows.run("status", f"Z:{folder}", "--json"))
    states, total = found["states"], found["total"]
    taken = Counter(path for one in server.taken for path in one.forward_paths)
    assert max(taken.values()) == 1, "a recipient got two messages"
    assert total == recipients, found
    assert states["in_doubt"] <= WINDOW * (len(KILLS) + 1), states
    assert states["sent"] + states["in_doubt"] == recipients, states
    assert states["sent"] <= len(taken) <= recipients, (states, len(taken))
    assert not server.violations, server.violations
    windows.run("status", f"Z:{folder}", "--export", f"Z:{folder}/Ergebnis.csv")
    with (folder / "Ergebnis.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == recipients, len(rows)
    sent = {row["email"] for row in rows if "sent" in row.values()}
    assert len(sent) == states["sent"], (len(sent), states)
    assert sent <= set(taken), sent - set(taken)
    print(f"  {states['sent']} sent once, {states['in_doubt']} in doubt", flush=True)


def main(folder: Path, recipients: int) -> None:
    """Run everything in a new folder of DIR."""
    place = folder / f"end-to-end-{os.getpid()}"
    place.mkdir()
    windows = Windows(folder, place / "state home")
    unpack_wheel(folder)
    print(windows.run("--version").strip(), flush=True)
    try_starters(windows, place)
    campaign = place / "Meine Kampagne – Frühling"
    late = Rule(When(Stage.GREETING, times=1), (Sleep(GREETING), Usual()))
    slow = Rule(When(Stage.END_OF_DATA), (Sleep(PAUSE), Usual()))
    with ScriptedServer(Script(rules=(late, slow))) as server:
        write_campaign(campaign, server.port, recipients)
        windows.run("check", f"Z:{campaign}")
        refuse_the_second(windows, campaign)
        send_with_kills(windows, campaign, server, recipients)
        judge(windows, campaign, server, recipients)
    shutil.rmtree(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int([*sys.argv, RECIPIENTS][2]))
