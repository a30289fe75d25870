"""Copies (`Envelope.copies`): their replies are known, and decide nothing about the message."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.smtp import Connection, Envelope, Outcome, Reply, Stage, Transaction, Verdict
from mailmerge.smtp.content import prepare
from mailmerge.smtp.copied import CopiedProgress
from mailmerge.smtp.state import Step
from tests.smtp.machine import STREAMING, outcomes, ready, written

TO, BOSS, ARCHIVE = "to@x.example", "boss@x.example", "archive@y.example"


def message(token: int, *copies: str, to: tuple[str, ...] = (TO,)) -> Transaction:
    envelope = Envelope("news@x.example", to, copies=copies)
    return Transaction(token, envelope, (b"Number: %d\r\n\r\nx\r\n" % token,))


def lmtp() -> Connection:
    machine = Connection(protocol="lmtp")
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org")
    machine.receive_data(b"250-x\r\n250 PIPELINING\r\n")
    machine.data_to_send()
    return machine


@pytest.mark.parametrize(
    ("window", "offers", "opens"),
    [(1, b"PIPELINING", b"DATA\r\n"), (2, STREAMING, b"BDAT ")],
)
def test_content_waits_for_the_replies_to_copies(window: int, offers: bytes, opens: bytes) -> None:
    machine = ready(window, offers=offers)
    machine.submit(message(1, BOSS))
    if machine.room:
        machine.submit(message(2))
    group = written(machine)
    assert group.count(b"RCPT TO:") == 2
    assert not re.search(rb"^(DATA|BDAT|RSET)", group, re.MULTILINE)
    machine.receive_data(b"250 ok\r\n250 ok\r\n550 no boss\r\n")
    assert written(machine).startswith(opens)


@pytest.mark.parametrize(
    ("window", "offers"), [(1, b"PIPELINING"), (1, b"8BITMIME"), (2, STREAMING)]
)
def test_a_refused_recipient_gives_the_message_up_by_rset(window: int, offers: bytes) -> None:
    machine = ready(window, offers=offers)
    machine.submit(message(1, BOSS))
    out, replies = written(machine), [b"250 ok\r\n", b"550 5.1.1 no\r\n", b"250 ok\r\n"]
    while replies and out:
        for _ in range(out.count(b"\r\n")):
            machine.receive_data(replies.pop(0))
        out = written(machine)
    (outcome,) = outcomes(machine)
    assert (outcome.verdict, outcome.stage) == (Verdict.REJECTED, Stage.RCPT)
    assert [path for path, _ in outcome.refused] == [TO]
    machine.submit(message(2))
    assert written(machine).startswith(b"RSET\r\n")


def test_a_refused_mail_is_no_refusal_of_copies() -> None:
    machine = ready(offers=b"PIPELINING")
    machine.submit(message(1, BOSS))
    written(machine)
    machine.receive_data(b"451 later\r\n503 no mail\r\n503 no mail\r\n")
    (outcome,) = outcomes(machine)
    assert (outcome.verdict, outcome.stage, outcome.refused) == (Verdict.DEFERRED, Stage.MAIL, ())
    machine.submit(message(2))
    assert written(machine).startswith(b"MAIL")


def test_one_of_several_recipients_is_enough() -> None:
    machine = ready(offers=b"PIPELINING")
    machine.submit(message(1, BOSS, to=("a@x.example", TO)))
    written(machine)
    machine.receive_data(b"250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n")
    assert written(machine) == b"DATA\r\n"


def test_lmtp_decides_by_the_reply_for_the_recipient() -> None:
    machine = lmtp()
    machine.submit(message(1, BOSS, ARCHIVE))
    written(machine)
    machine.receive_data(b"250 ok\r\n" * 4)
    written(machine)
    machine.receive_data(b"354 go\r\n")
    written(machine)
    machine.receive_data(b"452 full\r\n250 boss has it\r\n")
    assert outcomes(machine) == []
    machine.receive_data(b"550 no archive\r\n")
    (outcome,) = outcomes(machine)
    assert (outcome.verdict, str(outcome.reply)) == (Verdict.DEFERRED, "452 full")
    assert [path for path, _ in outcome.refused] == [TO, ARCHIVE]


def in_lmtp(*replies: Reply) -> CopiedProgress:
    """A message of which LMTP has answered for these, in the order To, copy."""
    progress = CopiedProgress(7, [], (TO,), (BOSS,))
    progress.plan_data(prepare((b"x\r\n",), stuffing=True))
    for _ in range(2):
        progress.recipient_answered(Reply(250, ("ok",)))
    for step in (Step.OFFER, Step.GO_AHEAD, Step.RELEASE):
        progress.move(step)
    for reply in replies:
        progress.delivery_answered(reply)
    return progress


@pytest.mark.parametrize(
    ("reply", "verdict"), [(250, Verdict.SENT), (550, Verdict.REJECTED), (452, Verdict.DEFERRED)]
)
def test_an_end_before_the_reply_for_a_copy_changes_nothing(reply: int, verdict: Verdict) -> None:
    progress = in_lmtp(Reply(reply, ("said",)))
    assert progress.interrupted_outcome("lost", None, unprocessed=False).verdict is verdict
    silent = in_lmtp().interrupted_outcome("lost", None, unprocessed=False)
    assert silent.verdict is Verdict.IN_DOUBT


class DrawnServer:
    """Answers each command with a drawn code, and remembers who got which message."""

    def __init__(self, draw: st.DataObject, *, lmtp: bool = False) -> None:
        self.got: dict[int, list[str]] = {}
        self.refused: dict[int, list[str]] = {}
        self.gone = False
        self._draw, self._lmtp = draw, lmtp
        self._unread = b""
        self._open = self._data = False
        self._accepted: list[str] = []
        self._denied: list[str] = []
        self._verbs: dict[str, Callable[..., int]] = {
            "MAIL": self._mail, "RCPT": self._rcpt, "DATA": self._begin, "RSET": self._rset,
        }  # fmt: skip

    def answer(self, received: bytes) -> bytes:
        self._unread += received
        replies = b""
        while not self.gone and (reply := self._next()) is not None:
            replies += reply
        return replies

    def _code(self, *codes: int) -> int:
        code = self._draw.draw(st.sampled_from(codes))
        self.gone = code == 421
        return code

    def _next(self) -> bytes | None:
        if self._data:
            found = re.match(rb"(?s:(.*?))(?:\A|(?<=\r\n))\.\r\n", self._unread)
            if found is None:
                return None
            self._unread, self._data = self._unread[found.end() :], False
            return self._take(found[1])
        line, ended, rest = self._unread.partition(b"\r\n")
        if not ended:
            return None
        verb, *words = line.decode().split(" ", 1)
        if verb == "BDAT":
            size = int(words[0].split()[0])
            if len(rest) < size:
                return None
            self._unread = rest[size:]
            return self._take(rest[:size])
        self._unread = rest
        code = self._verbs[verb](*words)
        return b"%d said\r\n" % code

    def _mail(self, _: str) -> int:
        assert not self._open, "MAIL inside a transaction"
        code = self._code(250, 250, 250, 250, 550, 451, 421)
        self._open, self._accepted, self._denied = code == 250, [], []
        return code

    def _rcpt(self, words: str) -> int:
        if not self._open:
            return 503
        code = self._code(250, 250, 251, 550, 450, 421)
        path = words.partition("<")[2].partition(">")[0]
        (self._accepted if code < 300 else self._denied).append(path)
        return code

    def _begin(self) -> int:
        if not self._open or not self._accepted:
            return 503
        code = self._code(354, 354, 354, 554, 451, 421)
        self._data = code == 354
        return code

    def _rset(self) -> int:
        self._open = False
        return 250

    def _take(self, content: bytes) -> bytes:
        token = int(content.split()[1]) if content else -1
        self._open = False
        replies = b""
        for path in self._accepted if self._lmtp else [""]:
            code = self._code(250, 250, 550, 452, 421) if self._accepted else 503
            if code == 250:
                self.got.setdefault(token, []).extend([path] if path else self._accepted)
            else:
                self._denied.append(path)
            replies += b"%d said\r\n" % code
            if self.gone:
                break
        self.refused[token] = self._denied
        return replies


WAYS = [(1, b"PIPELINING"), (1, b"8BITMIME"), (3, STREAMING), (0, b"")]


@given(st.data(), st.sampled_from(WAYS), st.lists(st.integers(0, 3), min_size=1, max_size=5))
@settings(max_examples=400, deadline=None)
def test_copies_never_change_which_messages_are_sent(
    data: st.DataObject, way: tuple[int, bytes], copies: list[int]
) -> None:
    """Sent means that To has it; no address has a message that is rejected, deferred or not sent.

    Only LMTP can deliver to a copy what it refuses for To.
    """
    window, offers = way
    machine = ready(window, offers=offers) if window else lmtp()
    server = DrawnServer(data, lmtp=not window)
    found: list[Outcome] = []
    waiting = [
        message(token, *(f"c{n}@x.example" for n in range(many)))
        for token, many in enumerate(copies)
    ]
    while True:
        while waiting and machine.room:
            machine.submit(waiting.pop(0))
        out = written(machine)
        replies = server.answer(out)
        if not out and not replies:
            break
        machine.receive_data(replies)
        if server.gone:
            machine.receive_data(b"")
        found += outcomes(machine)
    machine.connection_lost("over")
    found += outcomes(machine)
    assert max(Counter(one.token for one in found).values()) == 1
    for one in found:
        got = server.got.get(one.token, [])
        if one.verdict is Verdict.SENT:
            assert TO in got
            refused = [path for path, _ in one.refused]
            assert set(refused) <= set(server.refused[one.token])
            if not server.gone:
                assert refused == server.refused[one.token]
        elif one.verdict is not Verdict.IN_DOUBT:
            assert TO not in got
            assert not got or not window
