"""start.py PYTHON.EXE ARGUMENTS...: run a program of Windows under Wine, and end when it ends.

Its standard streams are pipes: this CPython does not start under Wine when one of them is a file.
The first program of Wine starts services of Wine, which have these pipes, too, and live longer. So
their end does not count: after the program has ended, what it has written is read, and no more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import IO

REST = 2.0
"""Seconds for the rest of the output, which lies in the pipe already."""


def copy(source: int, target: int) -> None:
    """Copy bytes as they come."""
    while block := os.read(source, 65_536):
        while block:
            block = block[os.write(target, block) :]


def feed(stream: IO[bytes]) -> None:
    """Give the program the standard input of this process."""
    try:
        copy(sys.stdin.fileno(), stream.fileno())
        stream.close()
    except OSError:
        pass  # it reads no more


def main(words: list[str]) -> int:
    """Run the program; return its exit status."""
    pipe = subprocess.PIPE
    with subprocess.Popen(["wine", *words], stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        threading.Thread(target=feed, args=(process.stdin,), daemon=True).start()
        readers = [
            threading.Thread(target=copy, args=(stream.fileno(), number), daemon=True)
            for number, stream in ((1, process.stdout), (2, process.stderr))
        ]
        for reader in readers:
            reader.start()
        status = process.wait()
        for reader in readers:
            reader.join(REST)
        os._exit(status if status >= 0 else 128 - status)  # nothing else is waited for


if __name__ == "__main__":
    main(sys.argv[1:])
