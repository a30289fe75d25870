"""Control keys on a terminal, and streams that are none."""

from __future__ import annotations

import io
import os
import pty
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from mailmerge.portable.terminals import control_keys_unseen

LOCAL_MODES = 3


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        yield stream
    os.close(ours)


def shows_control_keys(stream: TextIO) -> bool:
    return bool(termios.tcgetattr(stream.fileno())[LOCAL_MODES] & termios.ECHOCTL)


def test_control_keys_are_unseen_only_meanwhile(terminal: TextIO) -> None:
    assert shows_control_keys(terminal)
    with control_keys_unseen(terminal):
        assert not shows_control_keys(terminal)
    assert shows_control_keys(terminal)


def test_other_streams_are_left_alone() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as pipe, control_keys_unseen(pipe):
        pipe.write("x")
    assert os.read(reading, 9) == b"x"
    os.close(reading)
    with control_keys_unseen(io.StringIO()):
        pass


def test_a_terminal_that_is_closed_meanwhile_is_no_error() -> None:
    ours, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w", encoding="utf-8")
    with control_keys_unseen(stream):
        stream.close()
    os.close(ours)


def test_a_platform_without_such_terminals_changes_nothing(terminal: TextIO) -> None:
    with control_keys_unseen(terminal, "win32"):
        assert shows_control_keys(terminal)
