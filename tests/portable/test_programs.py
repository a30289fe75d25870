"""A program of the user is read with limits of size and time, and is stopped with its children."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailmerge.portable.programs import TooMuchOutput, read_output

PYTHON = sys.executable


def test_output_of_a_program_is_returned() -> None:
    assert read_output([PYTHON, "-c", "print('secret')"], seconds=30, size=100).split() == [
        b"secret"
    ]


def test_endless_output_is_stopped_at_once() -> None:
    begin = time.monotonic()
    with pytest.raises(TooMuchOutput):
        read_output([PYTHON, "-c", "while True: print('y' * 1000)"], seconds=60, size=16_384)
    assert time.monotonic() - begin < 20


def test_silent_program_is_stopped_with_its_children(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    child = f"import time; time.sleep(2); open({str(alive)!r}, 'w')"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with pytest.raises(subprocess.TimeoutExpired):
        read_output([PYTHON, "-c", parent], seconds=0.8, size=100)
    time.sleep(2.5)
    assert sys.platform == "win32" or not alive.exists()


def test_failed_program_is_an_error() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        read_output([PYTHON, "-c", "raise SystemExit(3)"], seconds=30, size=100)
    assert caught.value.returncode == 3
    with pytest.raises(OSError, match=r"no-such-program|No such|cannot find|not found"):
        read_output(["no-such-program-here"], seconds=30, size=100)
