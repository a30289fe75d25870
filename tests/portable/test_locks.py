"""Locks of both kinds of platforms on real files; POSIX emulates the calls of Windows."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.portable.locks import Locking, RangeLocking, WholeFileLocking, system_locking
from tests.platforms import on_posix

if sys.platform != "win32":
    import fcntl


class Msvcrt:
    """Emulates `msvcrt` of Windows by flock(2): a lock belongs to a descriptor."""

    LK_NBLCK = 2
    LK_UNLCK = 0

    def __init__(self) -> None:
        self.places: list[int] = []

    def locking(self, file: int, mode: int, size: int) -> None:
        self.places.append(os.lseek(file, 0, os.SEEK_CUR))
        assert size == 1
        release = mode == self.LK_UNLCK
        fcntl.flock(file, fcntl.LOCK_UN if release else fcntl.LOCK_EX | fcntl.LOCK_NB)


MSVCRT = Msvcrt()


def kinds_of_locking() -> Iterator[tuple[str, Locking]]:
    """On POSIX both kinds, on Windows the real one."""
    if sys.platform == "win32":
        yield "Windows", system_locking()
    else:
        yield "POSIX", WholeFileLocking(fcntl)
        yield "Windows", RangeLocking(MSVCRT)


@pytest.fixture(params=list(kinds_of_locking()), ids=lambda kind: kind[0])
def locking(request: pytest.FixtureRequest) -> Locking:
    found: Locking = request.param[1]
    return found


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Two descriptors of one file, as in two processes."""
    path = tmp_path / "x.lock"
    path.write_bytes(b"content")
    files = [os.open(path, os.O_RDWR) for _ in range(2)]
    yield files[0], files[1]
    for file in files:
        os.close(file)


def test_only_one_descriptor_holds_the_lock(locking: Locking, two: tuple[int, int]) -> None:
    first, second = two
    assert locking.lock(first)
    assert not locking.lock(second)


def test_a_closed_descriptor_releases_the_lock(locking: Locking, two: tuple[int, int]) -> None:
    first, second = two
    holder = os.dup(first)
    os.close(holder)
    assert locking.lock(second)


@on_posix
def test_asking_does_not_take_the_lock(locking: Locking, two: tuple[int, int]) -> None:
    first, second = two
    assert not locking.is_locked(second)
    os.close(os.open(f"/proc/self/fd/{second}", os.O_RDONLY))
    fcntl.flock(second, fcntl.LOCK_UN)
    assert locking.lock(first)
    assert locking.is_locked(second)


def test_the_content_can_be_read_while_it_is_locked(locking: Locking, two: tuple[int, int]) -> None:
    first, second = two
    locking.lock(first)
    assert os.read(first, 9) == os.read(second, 9) == b"content"


@on_posix
def test_windows_locks_a_byte_far_behind_the_content(two: tuple[int, int]) -> None:
    MSVCRT.places.clear()
    os.lseek(two[0], 3, os.SEEK_SET)
    RangeLocking(MSVCRT).lock(two[0])
    assert MSVCRT.places == [1 << 30]
    assert os.lseek(two[0], 0, os.SEEK_CUR) == 3


@on_posix
@pytest.mark.parametrize(
    ("number", "free"), [(errno.ENOLCK, True), (errno.EOPNOTSUPP, True), (errno.EWOULDBLOCK, False)]
)
def test_a_file_system_without_locks_refuses_no_process(
    two: tuple[int, int], number: int, free: bool
) -> None:
    locking = WholeFileLocking(_Failing(number))
    assert locking.lock(two[0]) is free
    assert locking.is_locked(two[1]) is not free


class _Failing:
    """The module `fcntl` on a file system that answers each lock with this error."""

    LOCK_EX, LOCK_SH, LOCK_NB = 2, 1, 4

    def __init__(self, number: int) -> None:
        self._number = number

    def flock(self, file: int, how: int) -> None:
        raise OSError(self._number, os.strerror(self._number))


def test_the_platform_has_its_own_locking() -> None:
    expected = RangeLocking if sys.platform == "win32" else WholeFileLocking
    assert isinstance(system_locking(), expected)
