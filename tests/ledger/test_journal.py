"""Marks on disk and back; nothing that was not written whole is ever read."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import LedgerError
from mailmerge.ledger import emergency
from mailmerge.ledger.journal import (
    LONGEST_REPLY,
    RESERVED_AHEAD,
    Journal,
    decode,
    decode_all,
    encode,
    generations,
    journal_path,
    read_journals,
)
from mailmerge.ledger.states import State, Transition

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=LONGEST_REPLY)
marks = st.builds(
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


@given(marks, st.integers(0, 2**31))
def test_a_mark_comes_back_as_it_was(mark: Transition, generation: int) -> None:
    line = encode(mark, generation)
    assert line.count(b"\n") == 1
    back = decode(line[:-1], generation)
    assert back is not None
    if mark.reply:
        assert back == mark
    else:
        assert (back.person, back.state, back.at) == (mark.person, mark.state, mark.at)
    assert decode(line[:-1], generation + 1) is None


@given(st.lists(marks, min_size=1, max_size=5), st.data())
def test_a_torn_or_spoilt_line_ends_the_reading(
    written: list[Transition], chance: st.DataObject
) -> None:
    lines = [encode(mark, 7) for mark in written]
    whole = b"".join(lines)
    cut = chance.draw(st.integers(0, len(whole)))
    complete = sum(len(b"".join(lines[: n + 1])) <= cut for n in range(len(lines)))
    assert len(list(decode_all(whole[:cut], 7))) == complete
    assert len(list(decode_all(whole[:cut] + b"\0" * 100, 7))) == complete
    spoilt = bytearray(whole)
    place = chance.draw(st.integers(0, len(whole) - 1))
    spoilt[place] ^= 1
    before = sum(len(b"".join(lines[: n + 1])) <= place for n in range(len(lines)))
    assert len(list(decode_all(bytes(spoilt), 7))) == before


def test_generations_are_read_in_their_order_from_the_offset_on(tmp_path: Path) -> None:
    offset = 0
    for generation in (3, 4, 5):
        journal = Journal(tmp_path, "ledger", generation)
        for person in range(2):
            journal.append(encode(Transition(person, State.SENDING, float(generation)), generation))
            offset = offset or journal.offset
        journal.close()
        journal.close()
    Journal(tmp_path, "other", 4).close()
    assert generations(tmp_path, "ledger") == [3, 4, 5]
    found = read_journals(tmp_path, "ledger", 3, offset)
    assert found is not None
    assert [(mark.person, mark.at) for mark in found] == [
        (1, 3.0), (0, 4.0), (1, 4.0), (0, 5.0), (1, 5.0),
    ]  # fmt: skip
    assert read_journals(tmp_path, "ledger", 2, 0) is None
    assert read_journals(tmp_path, "ledger", 6, 0) is None


@pytest.fixture(params=["posix_fallocate", "zeros"])
def allocation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How space is reserved: by the system, or as where it has no call for it (macOS)."""
    if request.param == "zeros":
        monkeypatch.delattr(os, "posix_fallocate")
    return str(request.param)


@pytest.mark.usefixtures("allocation")
def test_space_is_reserved_and_does_not_look_like_marks(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "ledger", 1)
    journal.reserve(1000)
    journal.reserve(10)
    journal.append(encode(Transition(1, State.SENT, 1.0, reply="250"), 1))
    journal.reserve(RESERVED_AHEAD)
    journal.append(encode(Transition(2, State.SENT, 1.0, reply="250"), 1))
    journal.close()
    path = journal_path(tmp_path, "ledger", 1)
    assert path.stat().st_size >= 2 * RESERVED_AHEAD
    assert path.stat().st_blocks * 512 >= 2 * RESERVED_AHEAD, "the space is there"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(read_journals(tmp_path, "ledger", 1, 0) or []) == 2


def in_a_small_space(most: int, action: str, folder: Path) -> int:
    """Do something where no file may be larger than `most`; 0 if it raised LedgerError."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    status = 1
    try:
        journal = Journal(folder, "ledger", 1)
        if action == "reserve":
            journal.reserve(most + 1)
        line = encode(Transition(1, State.SENDING, 1.0), 1)
        while action == "append":
            journal.append(line)
    except LedgerError:
        status = 0
        if action == "append":
            try:
                journal.append(line)
                status = 2
            except LedgerError:
                status = 0
    finally:
        os._exit(status)


@pytest.mark.usefixtures("allocation")
@pytest.mark.parametrize("action", ["reserve", "append"])
def test_a_full_disk_is_an_error_and_nothing_is_written_behind_a_torn_line(
    tmp_path: Path, action: str
) -> None:
    assert in_a_small_space(1000, action, tmp_path) == 0
    found = read_journals(tmp_path, "ledger", 1, 0) or []
    assert len(found) == (1000 // len(encode(Transition(1, State.SENDING, 1.0), 1))) * (
        action == "append"
    )


def test_a_journal_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be written"):
        Journal(tmp_path / "nowhere", "ledger", 1)


def test_the_emergency_file_goes_to_the_users_folder_where_the_first_fails(
    tmp_path: Path, state_home: Path
) -> None:
    mark = Transition(1, State.SENT, 1.0, 1, 0, None, "content", "250 Ok")
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    saved = emergency.save(blocked / "folder", b"secret", mark)
    assert saved is not None
    assert saved.parent == state_home
    assert emergency.read(tmp_path, b"secret") == [mark]
    assert emergency.read(tmp_path, b"another") == []
    assert emergency.save(tmp_path, b"secret", mark) != saved
    assert emergency.read(tmp_path, b"secret") == [mark, mark]
    emergency.remove(tmp_path, b"secret")
    assert emergency.read(tmp_path, b"secret") == []
