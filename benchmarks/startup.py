"""How long `mailmerge --version` and `--help` take, next to a Typer program that does nothing.

    python benchmarks/startup.py [ROUNDS]

They take turns; of each the best round counts, since what else the machine does can only make a
round slower.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EMPTY = "import typer\napp = typer.Typer()\n@app.command()\ndef main() -> None: ...\napp()\n"


def seconds(command: list[str]) -> float:
    """How long one run takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - started


def main() -> None:
    """Take turns, and print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY)
        commands = {
            "an empty Typer program": [sys.executable, str(empty)],
            "mailmerge --version": [sys.executable, "-m", "mailmerge", "--version"],
            "mailmerge --help": [sys.executable, "-m", "mailmerge", "--help"],
        }
        best = dict.fromkeys(commands, float("inf"))
        for _ in range(rounds):
            for name, command in commands.items():
                best[name] = min(best[name], seconds(command))
    nothing = best["an empty Typer program"]
    for name, one in best.items():
        print(f"{name:<24}{one * 1000:>8.0f} ms{one / nothing:>8.2f}")


if __name__ == "__main__":
    main()
