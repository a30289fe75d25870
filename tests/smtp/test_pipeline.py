"""Outgoing transactions: groups, held terminators, and terminators taken back."""

from __future__ import annotations

import pytest

from mailmerge.smtp import Connection, Envelope, Stage, Transaction, Verdict
from mailmerge.smtp.errors import LocalProtocolError
from tests.smtp.machine import GO_AHEAD, STREAMING, message, outcomes, ready, verdicts, written


def test_without_pipelining_each_command_waits_for_its_reply() -> None:
    machine = ready(offers=b"8BITMIME")
    machine.submit(message(1))
    lines = []
    for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        lines.append(b"".join(machine.data_to_send()))
        machine.receive_data(reply)
    assert [line.split()[0] for line in lines] == [b"MAIL", b"RCPT", b"DATA"]
    assert written(machine) == b"Number 1\r\n..\r\n.\r\n"


def test_pipelined_commands_leave_in_one_group() -> None:
    machine = ready()
    machine.submit(message(1))
    (group,) = machine.data_to_send()
    assert [line.split()[0] for line in bytes(group).splitlines()] == [b"MAIL", b"RCPT", b"DATA"]


def test_the_steady_state_is_one_round_trip_a_message() -> None:
    machine = ready()
    for token in range(50):
        machine.submit(message(token))
        out = written(machine)
        machine.receive_data(b"250 ok\r\n" * out.count(b"\r\n.\r\n") + GO_AHEAD)
    written(machine)
    machine.receive_data(b"250 ok\r\n")
    assert verdicts(machine) == [Verdict.SENT] * 50


def test_a_streaming_window_needs_no_reply_at_all() -> None:
    machine = ready(16, offers=STREAMING)
    while machine.room:
        machine.submit(message(machine.in_flight))
    released: list[int] = []
    assert written(machine, released).count(b"BDAT") == 16
    assert released == list(range(16))


def test_shared_chunks_are_handed_on_and_not_copied() -> None:
    machine = ready()
    image = b"x" * 70 + b"\r\n"
    machine.submit(Transaction(1, Envelope("", ("a@b.example",)), (image, b"y\r\n")))
    machine.data_to_send()
    machine.receive_data(GO_AHEAD)
    assert any(chunk is image for chunk in machine.data_to_send())


def test_only_the_held_terminator_can_be_released() -> None:
    machine = ready()
    with pytest.raises(LocalProtocolError, match="no terminator of 1"):
        machine.release(1)
    machine.submit(message(1))
    machine.data_to_send()
    machine.receive_data(GO_AHEAD)
    with pytest.raises(LocalProtocolError, match="no terminator of 2"):
        machine.release(2)
    machine.release(1)
    with pytest.raises(LocalProtocolError, match="no terminator of 1"):
        machine.release(1)


@pytest.mark.parametrize(("lines", "whole"), [(1024, True), (1025, False)])
def test_only_short_content_is_released_before_it_is_written(lines: int, whole: bool) -> None:
    """The limit is 65,536 bytes."""
    machine = Connection()
    machine.receive_data(b"220 x\r\n")
    machine.session.hello("client.example.org")
    machine.receive_data(b"250-x\r\n250 PIPELINING\r\n")
    line = b"x" * 62 + b"\r\n"
    machine.submit(Transaction(1, Envelope("", ("a@b.example",)), (line,) * lines))
    machine.data_to_send()
    machine.receive_data(GO_AHEAD)
    assert machine.held_whole is whole
    machine.data_to_send()
    assert not machine.held_whole


def test_after_421_nothing_more_is_handed_out() -> None:
    """The client awaits the end, because a later terminator has left. It writes no more."""
    machine = ready(3, offers=STREAMING)
    for token in range(3):
        machine.submit(message(token))
    machine.data_to_send()
    machine.release(0)
    machine.data_to_send()
    machine.release(1)
    machine.receive_data(b"250 ok\r\n250 ok\r\n421 bye\r\n")
    assert (machine.session.closed, machine.stopped, machine.held) == (False, True, None)
    assert machine.data_to_send() == []


def test_nothing_is_begun_after_421() -> None:
    """The end of the connection is waited for, since a terminator has left after the command."""
    machine = ready(3, offers=STREAMING)
    machine.submit(message(1))
    machine.submit(message(2))
    written(machine)
    machine.submit(message(3))
    machine.receive_data(b"421 4.3.2 shutting down\r\n")
    assert machine.stopped
    assert not machine.session.closed
    assert machine.data_to_send() == []
    machine.receive_data(b"")
    assert verdicts(machine) == [Verdict.NOT_SENT] * 3


# Terminators taken back: the cases of `Pipeline.take_back`


def group_of(machine: Connection) -> tuple[bytes, int]:
    """Return content 1, its terminator and the commands of 2, and where the terminator ends."""
    machine.submit(message(1))
    machine.submit(message(2))
    machine.data_to_send()
    machine.receive_data(GO_AHEAD)
    assert machine.held_whole
    machine.release(1)
    group = b"".join(machine.data_to_send())
    return group, group.index(b"\r\n.\r\n") + 5


def test_a_message_is_in_doubt_only_if_its_last_byte_was_taken() -> None:
    group, end = group_of(ready())
    for taken in range(len(group) + 1):
        machine = ready()
        group_of(machine)
        machine.take_back(1, [group[taken:]])
        machine.connection_lost("broken pipe")
        first = Verdict.IN_DOUBT if taken >= end else Verdict.NOT_SENT
        assert verdicts(machine) == [first, Verdict.NOT_SENT], taken


def test_a_group_taken_in_two_parts_is_the_same_group() -> None:
    group, end = group_of(ready())
    for taken in range(len(group) + 1):
        machine = ready()
        group_of(machine)
        first_part = group[:taken] + b"".join(machine.take_back(1, [group[taken:]]))
        assert (machine.held == 1) == (taken < end)
        assert not machine.held_whole
        whole = first_part
        if taken < end:
            assert not first_part.endswith(b"\r\n.\r\n")
            machine.release(1)
            whole += b"".join(machine.data_to_send())
        assert whole == group
        machine.receive_data(b"250 ok\r\n" + GO_AHEAD)
        assert [outcome.token for outcome in outcomes(machine)] == [1]
        assert machine.held == 2


def test_the_rest_of_a_terminator_is_held_when_all_content_left() -> None:
    """Case 3: nothing is written before the next release, and then only the rest."""
    machine = ready()
    machine.submit(message(1))
    machine.data_to_send()
    machine.receive_data(GO_AHEAD)
    machine.data_to_send()
    machine.release(1)
    (terminator,) = machine.data_to_send()
    assert machine.take_back(1, [memoryview(terminator)[1:]]) == []
    assert machine.data_to_send() == []
    machine.release(1)
    assert machine.data_to_send() == [b"\r\n"]


def test_a_successor_taken_back_keeps_its_reset() -> None:
    """MAIL 1 stays open after a refusal, so RSET is written before MAIL 2, each time."""
    machine = ready(offers=b"PIPELINING")
    machine.submit(message(1))
    machine.data_to_send()
    machine.receive_data(b"250 ok\r\n550 no\r\n554 no\r\n")
    machine.submit(message(2))
    assert b"".join(machine.data_to_send()).startswith(b"RSET\r\nMAIL")
    machine.receive_data(b"250 reset\r\n" + GO_AHEAD)
    machine.data_to_send()
    machine.submit(message(3))
    machine.release(2)
    group = b"".join(machine.data_to_send())
    assert group.startswith(b".\r\nMAIL")
    assert machine.take_back(2, [group]) == []
    machine.release(2)
    assert b"".join(machine.data_to_send()) == group


def test_an_answered_message_is_not_taken_back() -> None:
    """Case 1: a server sends 250 too early, and then the connection breaks."""
    machine = ready(2, offers=STREAMING)
    machine.submit(message(1))
    group = machine.data_to_send()
    machine.release(1)
    group += machine.data_to_send()
    machine.receive_data(b"250 ok\r\n" * 3)
    assert machine.take_back(1, group) == group
    assert machine.held is None


def test_a_message_taken_back_is_not_sent() -> None:
    machine = ready()
    machine.submit(message(1))
    machine.submit(message(2))
    machine.data_to_send()
    machine.receive_data(GO_AHEAD)
    machine.data_to_send()
    machine.release(1)
    machine.take_back(1, machine.data_to_send())
    assert machine.held == 1
    machine.connection_lost("broken pipe")
    assert verdicts(machine) == [Verdict.NOT_SENT, Verdict.NOT_SENT]


def test_a_refusal_before_a_terminator_taken_back_counts() -> None:
    machine = ready()
    machine.submit(message(1))
    machine.data_to_send()
    machine.receive_data(GO_AHEAD)
    machine.data_to_send()
    machine.release(1)
    machine.take_back(1, machine.data_to_send())
    machine.receive_data(b"552 5.3.4 too big\r\n")
    (outcome,) = outcomes(machine)
    assert (outcome.verdict, outcome.stage) == (Verdict.REJECTED, Stage.CONTENT)
