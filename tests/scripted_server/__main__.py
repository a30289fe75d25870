"""`python -m tests.scripted_server [--port N] [--log FILE] [--script FILE]`; ends on SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from tests.scripted_server.codec import from_json
from tests.scripted_server.script import Script
from tests.scripted_server.server import ScriptedServer


def main() -> None:
    """Serve until SIGTERM; the port is printed once the server listens on it."""
    arguments = _arguments()
    script = from_json(arguments.script.read_text("utf-8")) if arguments.script else Script()
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    with ScriptedServer(script, journal=arguments.log, port=arguments.port) as server:
        print(f"listening on {server.port}", flush=True)
        _wait_for_the_end()


def _wait_for_the_end() -> None:
    """Wait for SIGTERM; Windows has none, and ends the process at once."""
    if hasattr(signal, "sigwait"):
        signal.sigwait([signal.SIGTERM])
    while sys.platform == "win32":
        time.sleep(3600)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, default=None)
    parser.add_argument("--script", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
