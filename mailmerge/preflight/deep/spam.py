"""The scores that SpamAssassin and rspamd give to a message, where one of them runs here.

Asked in this order: spamd on loopback (its protocol, SPAMC/1.5), the program `spamassassin`
without the network, and rspamd on loopback (HTTP, /checkv2). Nothing leaves this machine. A filter
that is not there, or does not answer, is left out: receivers have filters of their own, and the
score is a hint.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from mailmerge.language import tr
from mailmerge.preflight.deep.page import Finding, Flaw, Note
from mailmerge.preflight.positions import Place

_SCORE = re.compile(
    rb"^Spam: *(?:True|False|Yes|No) *; *(-?[\d.]+) */ *(-?[\d.]+)", re.MULTILINE | re.IGNORECASE
)
_STATUS = re.compile(
    r"^X-Spam-Status:.*?score=(-?[\d.]+) required=(-?[\d.]+)", re.MULTILINE | re.DOTALL
)
_RULE = re.compile(r"^ *(-?\d+(?:\.\d+)?) +([A-Z][A-Z0-9_]+)\b", re.MULTILINE)
_NOTICED: Final = 2.0
"""A score of SpamAssassin from which it is a warning; messages are junk from 5."""

_SHOWN: Final = 4
_NO_ACTION: Final = "no action"


@dataclass(frozen=True, slots=True)
class SpamServers:
    """Where the filters are: `HOST:PORT` of spamd and of rspamd's worker; "" asks none."""

    spamd: str = "127.0.0.1:783"
    rspamd: str = "127.0.0.1:11333"
    program: str = "spamassassin"


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict of one filter.

    Attributes:
        name: of the filter.
        score: its points.
        required: the points from which a message is junk.
        rules: each rule that gave points, the most first.
        action: of rspamd.
    """

    name: str
    score: float
    required: float
    rules: tuple[tuple[str, float], ...] = ()
    action: str = _NO_ACTION

    @property
    def is_noticed(self) -> bool:
        """Whether the message should be changed."""
        if self.name == "rspamd":
            return self.action != _NO_ACTION
        return self.score >= min(_NOTICED, self.required)


def scores_of(message: bytes, servers: SpamServers, timeout: float = 30.0) -> list[Score]:
    """The scores of all filters that answer."""
    assassin = _by_spamd(message, servers.spamd, timeout)
    if assassin is None:
        assassin = _by_program(message, servers.program, timeout)
    found = (assassin, _by_rspamd(message, servers.rspamd, timeout))
    return [one for one in found if one is not None]


def spam_findings(scores: list[Score], file: str) -> Iterator[Finding]:
    """Each score in one sentence."""
    if not scores:
        text = tr(
            "not known: the spam score; neither SpamAssassin nor rspamd runs on this computer"
        )
        yield Note("spam-score", text, Place(file))
    for one in scores:
        rules = ", ".join(f"{name} {points:g}" for name, points in one.rules[:_SHOWN])
        values = {"name": one.name, "score": f"{one.score:.1f}", "required": f"{one.required:g}",
                  "rules": rules or "-", "action": one.action}  # fmt: skip
        if one.name == "rspamd":
            text = tr("{name}: {action}, score {score} of {required} ({rules})", **values)
        else:
            text = tr("{name}: score {score} of {required} ({rules})", **values)
        if one.is_noticed:
            hint = tr("change what these rules name")
            yield Flaw("spam-score", text, hint, Place(file))
        else:
            yield Note("spam-score", text, Place(file))


def _by_spamd(message: bytes, address: str, timeout: float) -> Score | None:
    host, _, port = address.rpartition(":")
    if not host:
        return None
    head = f"REPORT SPAMC/1.5\r\nContent-length: {len(message)}\r\n\r\n".encode()
    try:
        with socket.create_connection((host, int(port)), timeout) as connection:
            connection.sendall(head + message)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    except (OSError, ValueError):
        return None
    found = _SCORE.search(answer)
    return (
        None if found is None else _assassin(found[1], found[2], answer.decode("utf-8", "replace"))
    )


def _by_program(message: bytes, program: str, timeout: float) -> Score | None:
    path = shutil.which(program) if program else None
    if path is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - the program that the user has installed
            [path, "--local", "--test-mode"], input=message, capture_output=True,
            timeout=timeout, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    answer = done.stdout.decode("utf-8", "replace")
    found = _STATUS.search(answer)
    return None if found is None else _assassin(found[1], found[2], answer)


def _assassin(score: str | bytes, required: str | bytes, report: str) -> Score:
    rules = [(name, float(points)) for points, name in _RULE.findall(report)]
    counting = sorted((one for one in rules if one[1] > 0), key=lambda one: -one[1])
    return Score("SpamAssassin", float(score), float(required), tuple(dict(counting).items()))


def _by_rspamd(message: bytes, address: str, timeout: float) -> Score | None:
    if not address:
        return None
    request = urllib.request.Request(f"http://{address}/checkv2", message, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            return _of_rspamd(json.load(answer))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _of_rspamd(answer: dict[str, Any]) -> Score:
    symbols = [(name, float(one.get("score", 0))) for name, one in answer["symbols"].items()]
    counting = sorted((one for one in symbols if one[1] > 0), key=lambda one: -one[1])
    return Score("rspamd", float(answer["score"]), float(answer["required_score"]),
                 tuple(counting), str(answer["action"]))  # fmt: skip
