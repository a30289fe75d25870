"""end_to_end.py DIR: the wheel, used from a command line of Windows, from init to the export.

DIR is what .ci/windows/build has made. The wheel is unpacked for DIR/installed. Then:

1. Each starter: init, check, send --sandbox, status.
2. A campaign with CRLF, backslashes in paths and a name with spaces and non-ASCII letters, sent to
   a server on this machine. The process is killed in the middle, several times. To kill a process
   of Wine is TerminateProcess: nothing of it is called any more. Then send again, status, export.

The law that is asserted is the promise: each recipient is sent once, except those that status calls
in doubt, which are at most as many as one window of one connection after each kill.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from tests.scripted_server import Script, ScriptedServer  # noqa: E402 - found by the line above

RECIPIENTS = 600
KILLS = (40, 200, 430)
"""The process is killed when the server has this many messages."""
WINDOW = 8

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
        """Start `mailmerge WORDS`."""
        return subprocess.Popen(
            [self._program, "-m", "mailmerge", *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self._environment,
        )  # fmt: skip

    def run(self, *words: object, status: int = 0) -> str:
        """Run `mailmerge WORDS` to its end, and return its standard output."""
        process = self.start(*words)
        out, err = process.communicate(timeout=240)
        assert process.returncode == status, f"{words}: {process.returncode}\n{err.decode()}"
        assert b"Traceback" not in err, err.decode()
        return out.decode()

    def kill(self) -> None:
        """End every interpreter that sends, as TerminateProcess does."""
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[0].lower().endswith(b"python.exe") and b"send" in words:
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
    listed = windows.run("init", "--list").splitlines()
    for starter in [line.split()[0] for line in listed if line.strip()]:
        folder = place / f"try {starter}"
        windows.run("init", f"Z:{folder}", "--template", starter)
        windows.run("check", f"Z:{folder}")
        sent = json.loads(windows.run("send", f"Z:{folder}", "--sandbox", "--yes", "--json"))
        assert sent["states"]["sent"] == sent["total"] > 0, sent
        print(f"  {starter}: {sent['total']} sent into the sandbox", flush=True)


def write_campaign(folder: Path, port: int) -> None:
    """A campaign as a Windows user has it."""
    for name in ("Liste", "Vorlagen", "Anlagen"):
        (folder / name).mkdir(parents=True)
    rows = "".join(f"u{n}@kunde-{n % 7}.de;Kunde {n}\r\n" for n in range(RECIPIENTS))
    (folder / "Liste/Empfänger 2026.csv").write_bytes(f"email;name\r\n{rows}".encode("cp1252"))
    (folder / "Vorlagen/text.txt").write_bytes("Grüße, {{ name }}\r\n".encode())
    (folder / "Anlagen/Preise 2026.txt").write_bytes(b"42\r\n")
    text = SETTINGS.replace("PORT", str(port)).replace("WINDOW", str(WINDOW))
    (folder / "campaign.toml").write_bytes(text.replace("\n", "\r\n").encode())


def send_with_kills(windows: Windows, folder: Path, server: ScriptedServer) -> None:
    """Send; kill the process at each of KILLS; let the last run end."""
    for number in KILLS:
        process = windows.start("send", f"Z:{folder}", "--yes")
        until = time.monotonic() + 120
        while len(server.taken) < number and process.poll() is None:
            assert time.monotonic() < until, "nothing is sent"
            time.sleep(0.002)
        windows.kill()
        _, err = process.communicate(timeout=60)
        assert process.returncode, err.decode()
        print(f"  killed after {len(server.taken)} messages", flush=True)
    process = windows.start("send", f"Z:{folder}", "--yes")
    _, err = process.communicate(timeout=240)
    assert b"Traceback" not in err, err.decode()


def judge(windows: Windows, folder: Path, server: ScriptedServer) -> None:
    """Compare what the server has with what status and the export say."""
    found = json.loads(windows.run("status", f"Z:{folder}", "--json"))
    states, total = found["states"], found["total"]
    taken = Counter(path for one in server.taken for path in one.forward_paths)
    assert max(taken.values()) == 1, "a recipient got two messages"
    assert total == RECIPIENTS, found
    assert states["in_doubt"] <= WINDOW * len(KILLS), states
    assert states["sent"] + states["in_doubt"] == RECIPIENTS, states
    assert states["sent"] <= len(taken) <= RECIPIENTS, (states, len(taken))
    windows.run("status", f"Z:{folder}", "--export", f"Z:{folder}/Ergebnis.csv")
    with (folder / "Ergebnis.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert len(rows) == RECIPIENTS, len(rows)
    sent = {row["email"] for row in rows if "sent" in row.values()}
    assert len(sent) == states["sent"], (len(sent), states)
    assert sent <= set(taken), sent - set(taken)
    print(f"  {states['sent']} sent once, {states['in_doubt']} in doubt", flush=True)


def main(folder: Path) -> None:
    """Run everything in a new folder of DIR."""
    place = folder / f"end-to-end-{os.getpid()}"
    place.mkdir()
    windows = Windows(folder, place / "state home")
    unpack_wheel(folder)
    print(windows.run("--version").strip(), flush=True)
    try_starters(windows, place)
    campaign = place / "Meine Kampagne – Frühling"
    with ScriptedServer(Script()) as server:
        write_campaign(campaign, server.port)
        windows.run("check", f"Z:{campaign}")
        send_with_kills(windows, campaign, server)
        judge(windows, campaign, server)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
