"""Transitions on disk and back; nothing that was not written whole is ever read."""

from __future__ import annotations

import errno
import os
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import LedgerError
from mailmerge.ledger.journal_file import (
    JournalFile,
    JournalFiles,
    decode_all,
    encode,
)
from mailmerge.ledger.states import State, Transition

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=500)
transitions = st.builds(
    Transition,
    st.integers(0, 2**40),
    st.sampled_from(State),
    st.floats(0, 4e9),
    st.integers(0, 99),
    st.integers(0, 9),
    st.none() | st.floats(0, 4e9),
    texts,
    texts,
)


def sent(number: int, at: float = 1.0) -> Transition:
    return Transition(number, State.SENT, at, reply="250 Ok")


@given(transitions, st.integers(0, 2**31))
def test_a_transition_comes_back_as_it_was(written: Transition, generation: int) -> None:
    line = encode(written, generation)
    assert line.count(b"\n") == 1
    assert list(decode_all(line, generation)) == [written]
    assert list(decode_all(line, generation + 1)) == []


@given(st.lists(transitions, min_size=1, max_size=5), st.data())
def test_a_torn_or_damaged_line_ends_the_reading(
    written: list[Transition], chance: st.DataObject
) -> None:
    lines = [encode(one, 7) for one in written]
    whole = b"".join(lines)
    cut = chance.draw(st.integers(0, len(whole)))
    complete = sum(len(b"".join(lines[: n + 1])) <= cut for n in range(len(lines)))
    assert list(decode_all(whole[:cut], 7)) == written[:complete]
    assert list(decode_all(whole[:cut] + b"\0" * 100, 7)) == written[:complete]
    damaged = bytearray(whole)
    place = chance.draw(st.integers(0, len(whole) - 1))
    damaged[place] ^= 1
    before = sum(len(b"".join(lines[: n + 1])) <= place for n in range(len(lines)))
    assert list(decode_all(bytes(damaged), 7)) == written[:before]


def test_a_long_reply_is_cut() -> None:
    line = encode(Transition(1, State.REJECTED, 1.0, reply="x" * (509)), 1)
    [found] = decode_all(line, 1)
    assert found.reply == "x" * 500


def test_generations_are_read_in_order_from_the_offset_on(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, "ledger")
    offset = 0
    for generation in (3, 4, 5):
        file = JournalFile(files, generation)
        for number in range(2):
            file.append(encode(sent(number, float(generation)), generation))
            offset = offset or file.offset
        file.close()
        file.close()
    JournalFile(JournalFiles(tmp_path, "other"), 4).close()
    assert files.generations() == [3, 4, 5]
    found = files.read(3, offset)
    assert found is not None
    assert [(one.delivery_id, one.at) for one in found] == [
        (1, 3.0), (0, 4.0), (1, 4.0), (0, 5.0), (1, 5.0),
    ]  # fmt: skip


@pytest.mark.parametrize("generation", [2, 6])
def test_a_missing_generation_makes_transitions_unknown(tmp_path: Path, generation: int) -> None:
    files = JournalFiles(tmp_path, "ledger")
    JournalFile(files, 3).close()
    assert files.read(3, 0) == []
    assert files.read(generation, 0) is None


def test_old_generations_are_removed_and_those_of_others_stay(tmp_path: Path) -> None:
    files, others = JournalFiles(tmp_path, "ledger"), JournalFiles(tmp_path, "ledger.2")
    for generation in (1, 2, 3):
        JournalFile(files, generation).close()
        JournalFile(others, generation).close()
    files.remove(before=3)
    assert (files.generations(), others.generations()) == ([3], [1, 2, 3])
    files.remove()
    assert (files.generations(), others.generations()) == ([], [1, 2, 3])


def test_a_file_in_use_is_removed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows removes no file that another process reads."""
    files = JournalFiles(tmp_path, "ledger")
    JournalFile(files, 1).close()

    def refuse(self: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "used by another process")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        files.remove()
    assert files.generations() == [1]
    files.remove()
    assert files.generations() == []


@pytest.fixture(params=["posix_fallocate", "zeros"])
def allocation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How space is reserved: by the system, or as where it has no call for it (macOS)."""
    if request.param == "zeros":
        monkeypatch.delattr(os, "posix_fallocate")
    return str(request.param)


@pytest.mark.usefixtures("allocation")
def test_reserved_space_does_not_look_like_transitions(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, "ledger")
    file = JournalFile(files, 1)
    file.reserve(1000)
    file.reserve(10)
    file.append(encode(sent(1), 1))
    file.reserve(262_144)
    file.append(encode(sent(2), 1))
    file.close()
    found = files.path(1).stat()
    assert found.st_size >= 2 * 262_144
    assert found.st_blocks * 512 >= 2 * 262_144, "the space is there"
    assert found.st_mode & 0o777 == 0o600
    assert files.read(1, 0) == [sent(1), sent(2)]


def in_a_small_space(most: int, action: str, files: JournalFiles) -> int:
    """Do something where no file may be larger than `most`; 0 if it raised LedgerError."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    status = 1
    try:
        file = JournalFile(files, 1)
        if action == "reserve":
            file.reserve(most + 1)
        line = encode(sent(1), 1)
        while action == "append":
            file.append(line)
    except LedgerError:
        status = 0
        if action == "append":
            try:
                file.append(line)
                status = 2
            except LedgerError:
                status = 0
    finally:
        os._exit(status)


@pytest.mark.usefixtures("allocation")
@pytest.mark.parametrize("action", ["reserve", "append"])
def test_nothing_is_written_behind_a_torn_line(tmp_path: Path, action: str) -> None:
    files = JournalFiles(tmp_path, "ledger")
    assert in_a_small_space(1000, action, files) == 0
    complete = 1000 // len(encode(sent(1), 1)) if action == "append" else 0
    assert len(files.read(1, 0) or []) == complete


def test_a_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be written") as error:
        JournalFile(JournalFiles(tmp_path / "nowhere", "ledger"), 1)
    assert error.value.problem.file == "ledger-00000001.journal"


def test_each_durable_step_is_observed(tmp_path: Path) -> None:
    seen: list[str] = []
    files = JournalFiles(tmp_path, "ledger", seen.append)
    file = JournalFile(files, 1)
    file.reserve(10)
    file.append(encode(sent(1), 1))
    file.close()
    files.remove()
    steps = ["journal made", "journal reserved", "journal line", "journal removed"]
    assert seen == [f"{when} {step}" for step in steps for when in ("before", "after")]
