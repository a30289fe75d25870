"""Reads and plays a transcript: the client's calls, the bytes on the wire, and the outcomes.

    # why this dialogue is here
    > connection window=2 lmtp           how the machine is made; the default is all defaults
    S: 220 mail.example.org              the server's line
    S~ 220 mail                          the server's bytes without CRLF, Python escapes allowed
    S* EOF                               the server closes the connection
    > hello client.example.org           a call of the machine: hello, helo, starttls, secured,
                                         auth, answer, quit, lost, hold, release
    > submit 1 a@example.org b@example.net,c@example.net utf8 envid=x
    | Subject: Hello                     the lines of its content (a submit needs one at least)
    C: MAIL FROM:<a@example.org>         the client's line
    C~ bytes                             the client's bytes without CRLF
    = 1 sent content 250                 an outcome: token, verdict, stage, code or -, refused paths
    ! malformed-reply                    the session has failed with this code
    . ready usable room=1                the state in the end

A block of S lines is fed whole or in any pieces; all must give the same. Terminators are released
at once unless `hold` was called.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path

from hypothesis import strategies as st

from mailmerge.smtp import Connection, Envelope, Outcome, Transaction
from mailmerge.smtp.exchange import Event

FOLDER = Path(__file__).parent / "transcripts"


@dataclass(frozen=True)
class Line:
    number: int
    mark: str
    text: str


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


def read(name: str) -> list[Line]:
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [
        Line(number, line[:2].strip(), line[2:].removeprefix(" "))
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith("#")
    ]


Cut = Callable[[bytes], Iterable[bytes]]
"""What the server says at once -> the pieces in which it comes; none of them is empty."""


def whole(said: bytes) -> Iterable[bytes]:
    """Return the bytes as one piece."""
    return [said] if said else []


def byte_by_byte(said: bytes) -> Iterable[bytes]:
    """Return each byte as a piece."""
    return (said[place : place + 1] for place in range(len(said)))


def drawn(draw: st.DataObject) -> Cut:
    """Pieces of any lengths, as Hypothesis draws them."""

    def cut(said: bytes) -> Iterable[bytes]:
        places = st.sets(st.integers(1, max(len(said) - 1, 1)), max_size=6)
        chosen = [0, *sorted(draw.draw(places)), len(said)]
        return [said[start:end] for start, end in pairwise(chosen) if start < end]

    return cut


@dataclass
class Player:
    """Plays one transcript against one machine; `cut` divides the server's bytes into pieces."""

    cut: Cut = whole
    machine: Connection = field(default_factory=Connection)
    hold: bool = False
    happened: list[Event] = field(default_factory=list)
    unchecked: list[Outcome] = field(default_factory=list)
    _words: list[str] = field(default_factory=list)

    def play(self, lines: list[Line]) -> None:
        for mark, block in groupby(lines, key=lambda line: line.mark[:1]):
            self._play(mark, list(block))
        assert not self.unchecked, f"outcomes that the transcript does not have: {self.unchecked}"

    def _play(self, mark: str, block: list[Line]) -> None:
        where = f"line {block[0].number}"
        if mark == ">":
            for line in block:
                self._call(line)
        elif mark == "|":
            self._submit([line.text for line in block])
        elif mark == "S":
            self._feed(block)
        elif mark == "C":
            expected = b"".join(map(_bytes_of, block))
            assert self._sent() == expected, where
        elif mark == "=":
            for line in block:
                assert self.unchecked, f"line {line.number}: there is no such outcome"
                assert _shown(self.unchecked.pop(0)) == line.text, f"line {line.number}"
        elif mark == "!":
            assert self.machine.session.failure is not None, where
            assert self.machine.session.failure.code == block[0].text, where
        else:
            assert _state(self.machine) == block[0].text, where

    def _feed(self, block: list[Line]) -> None:
        said = b"".join(_bytes_of(line) for line in block if line.mark != "S*")
        for piece in self.cut(said):
            self.machine.receive_data(piece)
        if any(line.mark == "S*" for line in block):
            self.machine.receive_data(b"")
        self._collect()

    def _collect(self) -> None:
        for event in self.machine.events():
            self.happened.append(event)
            if isinstance(event, Outcome):
                self.unchecked.append(event)

    def _sent(self) -> bytes:
        out = b"".join(self.machine.data_to_send())
        while not self.hold and (token := self.machine.held) is not None:
            self.machine.release(token)
            out += b"".join(self.machine.data_to_send())
        self._collect()
        return out

    def _call(self, line: Line) -> None:
        call, *words = line.text.split()
        machine = self.machine
        if call == "connection":
            self.machine = _machine(words)
        elif call == "submit":
            self._words = words
        elif call == "hello":
            machine.session.hello(words[0], extended=words[1:] != ["old"])
        elif call == "auth":
            machine.session.authenticate(words[0], words[1] if words[1:] else None)
        elif call == "answer":
            machine.session.answer(words[0])
        elif call == "hold":
            self.hold = True
        elif call == "release":
            machine.release(int(words[0]))
        elif call == "lost":
            machine.connection_lost("lost")
        else:
            {
                "starttls": machine.session.start_tls,
                "secured": machine.session.tls_started,
                "quit": machine.session.quit,
            }[call]()
        self._collect()

    def _submit(self, content: list[str]) -> None:
        token, reverse_path, forward_paths, *more = self._words
        given = dict(word.partition("=")[::2] for word in more)
        envelope = Envelope(
            reverse_path.strip("<>"),
            tuple(forward_paths.split(",")),
            smtputf8="utf8" in given,
            eightbit="eightbit" in given,
            envid=given.get("envid", ""),
            ret=given.get("ret", ""),
            notify=given.get("notify", ""),
        )
        whole = b"".join(line.encode() + b"\r\n" for line in content)
        self.machine.submit(Transaction(int(token), envelope, (whole,)))
        self._collect()


def _machine(words: list[str]) -> Connection:
    given = dict(word.partition("=")[::2] for word in words)
    return Connection(
        protocol="lmtp" if "lmtp" in given else "smtp",
        window=int(given.get("window", "1")),
        pipelining="one-by-one" not in given,
        chunking="no-chunking" not in given,
    )


def _bytes_of(line: Line) -> bytes:
    if line.mark.endswith("~"):
        return codecs.decode(line.text, "unicode_escape").encode("latin-1")
    return line.text.encode() + b"\r\n"


def _shown(outcome: Outcome) -> str:
    code = outcome.reply.code if outcome.reply else "-"
    refused = "".join(f" {path}:{reply.code}" for path, reply in outcome.refused)
    return f"{outcome.token} {outcome.verdict} {outcome.stage} {code}{refused}"


def _state(machine: Connection) -> str:
    usable = f"usable room={machine.room}" if machine.usable else "used-up"
    return f"{machine.session.state.name.lower()} {usable} in-flight={machine.in_flight}"
