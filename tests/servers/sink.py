"""Postfix's smtp-sink and smtp-source: a fast server that keeps nothing, and a fast client."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import programs


@dataclass(frozen=True, slots=True)
class Sink:
    """A running smtp-sink; `dumps` holds the messages that it dumps, `log` what it prints."""

    host: str
    port: int
    folder: Path
    log: Path

    def dumped(self) -> list[bytes]:
        """Every message that it wrote to a file of its own, in no order."""
        return [path.read_bytes() for path in (self.folder / "dumps").iterdir()]


@contextlib.contextmanager
def smtp_sink(*options: str, dump: bool = False, backlog: int = 100) -> Iterator[Sink]:
    """Start smtp-sink with `options` passed through (see smtp-sink(1)).

    `dump` writes one file a message, with the envelope in `X-Mail-Args` and `X-Rcpt-Args`.
    """
    program = programs.require("smtp-sink")
    programs.require_root("smtp-sink -u nobody")
    with programs.server_folder("sink") as folder:
        (folder / "dumps").mkdir(mode=0o777)
        (folder / "dumps").chmod(0o777)
        port, log = programs.free_port(), folder / "log"
        dumping = ["-d", f"{folder}/dumps/%Y%m%d%H%M%S."] if dump else []
        address = f"inet:{programs.LOOPBACK}:{port}"
        command: list[str | Path] = [
            program,
            "-u",
            "nobody",
            *dumping,
            *options,
            address,
            str(backlog),
        ]
        with programs.process(command, log=log):
            programs.wait_until(
                lambda: programs.listens(port), "smtp-sink", log=lambda: programs.text_of(log)
            )
            yield Sink(programs.LOOPBACK, port, folder, log)


def smtp_source(port: int, *options: str, host: str = programs.LOOPBACK) -> str:
    """Run smtp-source (see smtp-source(1)) against a server, to its end."""
    program = programs.require("smtp-source")
    return programs.run([program, *options, f"inet:{host}:{port}"])
