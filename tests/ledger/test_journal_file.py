"""Transitions on disk and back; nothing that was not written whole is ever read."""

from __future__ import annotations

import errno
import mmap
import os
import signal
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import LedgerError
from mailmerge.ledger.journal_file import (
    BYTES_PER_CLAIM,
    HEADER_BYTES,
    JournalFile,
    JournalFiles,
    Mark,
    Tail,
    decode_all,
    encode,
)
from mailmerge.ledger.states import State, Transition
from tests.full_disk import small_space
from tests.platforms import allocated, assert_private, on_posix

if sys.platform != "win32":
    import resource

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
    st.sampled_from(["", "4XyZ1b2c3dz9", "<1@x.org>", "x" * 200]),
)


def sent(number: int, at: float = 1.0) -> Transition:
    return Transition(number, State.SENT, at, reply="250 Ok")


def read_all(content: bytes, generation: int) -> list[Transition]:
    return decode_all(content, generation).transitions


@given(transitions, st.integers(0, 2**31))
def test_a_transition_comes_back_as_it_was(written: Transition, generation: int) -> None:
    line = encode(written, generation, 0)
    assert line.count(b"\n") == 1
    [found] = read_all(line, generation)
    assert found == replace(written, reply=found.reply)
    assert written.reply.startswith(found.reply)
    assert len(found.reply) == len(written.reply) or len(line) > 900
    assert read_all(line, generation + 1) == []
    assert read_all(b"\n" + line, generation) == [], "another place"


def lines_of(written: list[Transition], generation: int) -> list[bytes]:
    lines: list[bytes] = []
    for one in written:
        lines.append(encode(one, generation, sum(map(len, lines))))
    return lines


short = st.lists(st.builds(sent, st.integers(0, 999)), min_size=1, max_size=5)


@given(short, st.data())
def test_an_incomplete_last_line_is_ignored(
    written: list[Transition], chance: st.DataObject
) -> None:
    lines = lines_of(written, 7)
    whole = b"".join(lines)
    cut = chance.draw(st.integers(0, len(whole)))
    complete = sum(len(b"".join(lines[: n + 1])) <= cut for n in range(len(lines)))
    for content in (whole[:cut], whole[:cut] + b"\0" * 100):
        found = decode_all(content, 7)
        assert found.transitions == written[:complete]
        assert found.end == len(b"".join(lines[:complete]))
        assert found.whole


@given(short, st.data())
def test_a_changed_byte_is_noticed(written: list[Transition], chance: st.DataObject) -> None:
    lines = lines_of(written, 7)
    damaged = bytearray(b"".join(lines))
    place = chance.draw(st.integers(0, len(damaged) - 2), label="not the last line feed")
    damaged[place] ^= 1 << chance.draw(st.integers(0, 7))
    found = decode_all(bytes(damaged) + b"\0" * 100, 7)
    hit = sum(len(b"".join(lines[: n + 1])) <= place for n in range(len(lines)))
    assert not found.whole
    assert found.end == len(b"".join(lines[:hit]))
    joined = place == len(b"".join(lines[: hit + 1])) - 1  # the line feed
    assert found.transitions == written[:hit] + written[hit + 1 + joined :], "later lines are true"


@given(st.lists(st.builds(sent, st.integers(0, 999)), min_size=3, max_size=6), st.data())
def test_removed_repeated_and_moved_lines_are_noticed(
    written: list[Transition], chance: st.DataObject
) -> None:
    lines = lines_of(written, 7)
    one = chance.draw(st.integers(0, len(lines) - 2))
    other = chance.draw(st.integers(one + 1, len(lines) - 1))
    removed = lines[:one] + lines[one + 1 :]
    repeated = [*lines[: one + 1], lines[one], *lines[one + 1 :]]
    moved = list(lines)
    moved[one], moved[other] = moved[other], moved[one]
    for damaged in (removed, repeated, moved):
        assert not decode_all(b"".join(damaged), 7).whole


def test_a_long_reply_is_cut() -> None:
    line = encode(Transition(1, State.REJECTED, 1.0, reply="x" * (509)), 1, 0)
    [found] = read_all(line, 1)
    assert found.reply == "x" * 500


@pytest.mark.parametrize("letter", ["\N{PILE OF POO}", "\x01", "\udcff", "é", '"', "a"])
def test_two_lines_fit_into_the_space_of_a_claim(letter: str) -> None:
    """An escaped character takes up to six bytes, a character of UTF-8 up to four."""
    longest = Transition(
        2**53, State.IN_DOUBT, 1e9 / 3, 99, 9, 1e9 / 7, "end-of-data", letter * 509
    )
    longest = replace(longest, server_id="x" * 200)
    sending = replace(longest, state=State.SENDING, reply="", server_id="")
    lines = encode(longest, 99_999_999, 2**31), encode(sending, 99_999_999, 2**31)
    assert sum(map(len, lines)) <= BYTES_PER_CLAIM - 3 * len(lines[1])
    [found] = decode_all(lines[0], 99_999_999, placed=False).transitions or read_all(
        encode(longest, 1, 0), 1
    )
    assert found.reply == letter * len(found.reply)
    assert len(found.reply) > 150


def test_line_without_an_id_is_as_in_earlier_journals() -> None:
    line = encode(sent(1), 1, 0)
    assert line.endswith(b' [1,"sent",1.0,0,0,null,"","250 Ok"]\n')
    assert [one.server_id for one in read_all(line, 1)] == [""]


def test_generations_are_read_in_order_from_the_offset_on(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, "ledger")
    offset = 0
    earlier: JournalFile | None = None
    for generation in (3, 4, 5):
        file = JournalFile(files, generation)
        if earlier is not None:
            earlier.continue_in(file)
        for number in range(2):
            file.append(sent(number, float(generation)))
            offset = offset or file.offset
        earlier = file
    file.close()
    file.close()
    JournalFile(JournalFiles(tmp_path, "other"), 4).close()
    assert files.generations() == [3, 4, 5]
    found = files.read(3, offset)
    assert not found.damage
    assert [(one.delivery_id, one.at) for one in found.transitions] == [
        (1, 3.0), (0, 4.0), (1, 4.0), (0, 5.0), (1, 5.0),
    ]  # fmt: skip


@pytest.mark.parametrize("generation", [2, 6])
def test_a_missing_generation_makes_transitions_unknown(tmp_path: Path, generation: int) -> None:
    files = JournalFiles(tmp_path, "ledger")
    JournalFile(files, 3).close()
    assert files.read(3, HEADER_BYTES) == Tail([])
    found = files.read(generation, HEADER_BYTES)
    assert found.damage == f"ledger-{generation:08d}.journal is missing"


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
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    return str(request.param)


@pytest.mark.usefixtures("allocation")
def test_reserved_space_does_not_look_like_transitions(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, "ledger")
    file = JournalFile(files, 1)
    file.reserve(1000)
    file.reserve(10)
    file.append(sent(1))
    file.reserve(262_144)
    file.append(sent(2))
    file.close()
    found = files.path(1).stat()
    assert found.st_size >= 2 * 262_144
    assert allocated(files.path(1)) >= 2 * 262_144, "the space is there"
    assert_private(files.path(1))
    assert files.read(1, HEADER_BYTES).transitions == [sent(1), sent(2)]


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
        while action == "append":
            file.append(sent(1))
    except LedgerError:
        status = 0
        if action == "append":
            try:
                file.append(sent(1))
                status = 2
            except LedgerError:
                status = 0
    finally:
        os._exit(status)


@on_posix
@pytest.mark.usefixtures("allocation")
@pytest.mark.parametrize("action", ["reserve", "append"])
def test_nothing_is_written_behind_a_torn_line(tmp_path: Path, action: str) -> None:
    files = JournalFiles(tmp_path, "ledger")
    assert in_a_small_space(HEADER_BYTES + 1000, action, files) == 0
    complete = 1000 // len(encode(sent(1), 1, 0)) if action == "append" else 0
    found = files.read(1, HEADER_BYTES)
    assert len(found.transitions) == complete
    assert not found.damage


def test_a_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be written") as error:
        JournalFile(JournalFiles(tmp_path / "nowhere", "ledger"), 1)
    assert error.value.problem.file == "ledger-00000001.journal"


def test_no_line_follows_one_that_was_cut_off(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, "ledger")
    file = JournalFile(files, 1)
    file.append(sent(1))
    with small_space(file.offset + 10), pytest.raises(LedgerError, match="no disk space is left"):
        file.append(sent(2))
    with pytest.raises(LedgerError, match="an earlier write failed"):
        file.append(sent(3))
    file.close()
    assert files.read(1, HEADER_BYTES).transitions == [sent(1)]


def test_journal_without_space_for_its_header_is_an_error(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, "ledger")
    with small_space(HEADER_BYTES - 1):
        with pytest.raises(LedgerError, match="cannot be written"):
            JournalFile(files, 1)
        with pytest.raises(OSError):
            Mark(files)


def test_header_is_written_where_files_cannot_be_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENODEV, "no such device")

    monkeypatch.setattr(mmap, "mmap", refuse)
    files = JournalFiles(tmp_path, "ledger")
    file, later = JournalFile(files, 1), JournalFile(files, 2)
    file.append(sent(1))
    file.committed(7, restorable=True)
    file.continue_in(later)
    later.append(sent(2))
    later.close()
    mark = Mark(files)
    mark.store(9, 4)
    mark.close()
    found = files.read(1, HEADER_BYTES)
    assert (found.transitions, found.sequence, found.base) == ([sent(1), sent(2)], 9, 4)


def test_a_journal_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, "ledger")
    JournalFile(files, 1).close()
    files.path(2).mkdir()
    assert "cannot be read: " in files.read(1, HEADER_BYTES).damage


def test_a_journal_that_vanishes_while_it_is_looked_for_is_missing(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, "ledger")
    files.path(1).symlink_to(tmp_path / "gone")
    assert "is missing" in files.read(1, HEADER_BYTES).damage


def test_a_journal_has_content_from_its_first_line_on(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path, "ledger")
    file = JournalFile(files, 1)
    assert not files.has_content()
    file.append(sent(1))
    assert files.has_content()
    file.close()


def test_a_state_that_is_not_known_is_not_read() -> None:
    payload = b'[1,"delivered",1.0,0,0,null,"",""]'
    line = b"%08x %b\n" % (zlib.crc32(payload, 3), payload)
    known = payload.replace(b"delivered", b"sent")
    assert read_lines(line, 3) == []
    assert read_lines(b"%08x %b\n" % (zlib.crc32(known, 3), known), 3) == [
        replace(sent(1), reply="")
    ]


def read_lines(content: bytes, generation: int) -> list[Transition]:
    """The transitions of a journal of the first edition."""
    return decode_all(content, generation, placed=False).transitions


def test_each_durable_step_is_observed(tmp_path: Path) -> None:
    seen: list[str] = []
    files = JournalFiles(tmp_path, "ledger", seen.append)
    file = JournalFile(files, 1)
    file.reserve(10)
    file.append(sent(1))
    file.close()
    files.remove()
    steps = ["journal made", "journal reserved", "journal line", "journal removed"]
    assert seen == [f"{when} {step}" for step in steps for when in ("before", "after")]
