"""Real programs of the system -> started, waited for, and ended again, without a service manager.

Everything a server writes lies in a temporary folder; every port is a free one on loopback.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

LOOPBACK = "127.0.0.1"
_SYSTEM_FOLDERS = "/usr/sbin:/sbin:/usr/lib/dovecot:/usr/libexec"
_PATIENCE = 60.0


def find(program: str, *, variable: str = "") -> Path | None:
    """The program's file: from the environment variable `variable`, else from the search path."""
    named = os.environ.get(variable, "") if variable else ""
    search = os.pathsep.join([os.environ.get("PATH", ""), _SYSTEM_FOLDERS])
    found = shutil.which(named or program, path=search)
    return Path(found) if found else None


def require(program: str, *, variable: str = "") -> Path:
    """The program's file; where it is missing, a test is skipped, but fails if `CI` is set."""
    found = find(program, variable=variable)
    if found is None:
        unavailable(
            f"{program} is not installed" + (f" and {variable} not set" if variable else "")
        )
    return found


def unavailable(reason: str) -> NoReturn:
    """End the test that needs something this machine has not: skipped here, a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; with CI set every real server must be there")
    pytest.skip(reason)


def require_root(purpose: str) -> None:
    """Servers that give up privileges need them first."""
    if os.geteuid() != 0:
        unavailable(f"{purpose} needs root to start")


def free_port() -> int:
    """A TCP port of loopback on which no program listens, and which no other test is given.

    A socket of this process stays bound to it and never listens: the system gives the port to no
    other, and a server that sets SO_REUSEADDR, as servers do, may listen there all the same.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind((LOOPBACK, 0))
    port = int(reserved.getsockname()[1])
    reserved.detach()  # it stays open as long as this process
    return port


@contextlib.contextmanager
def server_folder(name: str) -> Iterator[Path]:
    """A folder that every user of the system may enter, and that is gone at the end.

    pytest's own temporary folders are 0700, and a server that gave up root cannot enter them.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"mailmerge-{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until(condition: Callable[[], bool], what: str, *, log: Callable[[], str] = str) -> None:
    """Poll `condition`; after a minute fail with `what` and the end of the server's log."""
    end = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what} did not happen in {_PATIENCE:g} s\n{log()[-4000:]}")
        time.sleep(0.02)


def greets(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether a server on this port says 220 by itself."""
    try:
        with socket.create_connection((host, port), timeout=5) as connection:
            greeting = connection.recv(512)
            connection.sendall(b"QUIT\r\n")
            _read_to_end(connection)
    except OSError:
        return False
    return greeting.startswith(b"220")


def _read_to_end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while connection.recv(512):
            pass


def listens(port: int, *, host: str = LOOPBACK) -> bool:
    """Whether a program accepts connections on this port."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=5):
        return True
    return False


def run(
    command: Sequence[str | Path],
    *,
    standard_input: str = "",
    environ: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end and return what it printed; its failure is the test's."""
    done = subprocess.run(
        [str(part) for part in command],
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
        env={**os.environ, **environ} if environ else None,
    )
    if done.returncode:
        pytest.fail(f"{command[0]} ended with {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


@contextlib.contextmanager
def process(
    command: Sequence[str | Path], *, log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own, with its output in `log`; its whole group is ended."""
    with log.open("ab") as output:
        started = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, **environ} if environ else None,
        )
    try:
        yield started
    finally:
        _end(started)


def _end(started: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGTERM)
    try:
        started.wait(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait(timeout=60)


def text_of(path: Path) -> str:
    """A log as text; empty while it does not exist."""
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
