"""Whether a process runs, from real processes and from what other systems say."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mailmerge.portable.processes import abandon_in_children, process_start, same_process
from tests.platforms import on_posix


class System:
    """A POSIX system without /proc: signal 0 gives this answer."""

    def __init__(self, answer: Exception | None) -> None:
        self._answer = answer

    def kill(self, pid: int, number: int) -> None:
        assert number == 0
        if self._answer is not None:
            raise self._answer


def test_a_running_process_has_a_start_that_stays() -> None:
    start = process_start(os.getpid())
    assert start
    assert start == process_start(os.getpid())
    assert start != process_start(1)


@on_posix
def test_an_ended_process_does_not_run_even_before_it_is_collected() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_start(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process_start(process.pid) is None, "a zombie"
    process.communicate()
    assert process_start(process.pid) is None


@pytest.mark.parametrize("pid", [0, -1])
def test_no_number_is_no_process(pid: int) -> None:
    assert process_start(pid) is None


@pytest.mark.parametrize(
    ("answer", "start"), [(None, ""), (PermissionError(), ""), (ProcessLookupError(), None)]
)
def test_a_system_without_proc_is_asked_by_signal_0(
    tmp_path: Path, answer: Exception | None, start: str | None
) -> None:
    assert process_start(7, "darwin", proc=tmp_path, system=System(answer)) == start


class Kernel:
    """The kernel of Windows, with one process."""

    def __init__(self, *, code: int = 259, start: int = 4711, error: int = 0) -> None:
        self._code, self._start, self._error = code, start, error
        self.closed: list[int | None] = []
        self.OpenProcess = self._Open(0 if error else 2**40 + 5)

    class _Open:
        restype: object = None

        def __init__(self, handle: int) -> None:
            self._handle = handle

        def __call__(self, rights: int, inherited: int, pid: int) -> int:
            assert (rights, inherited, pid) == (0x1000, 0, 7)
            return self._handle

    def WinDLL(self, name: str, *, use_last_error: bool) -> Kernel:
        assert (name, use_last_error) == ("kernel32", True)
        return self

    def get_last_error(self) -> int:
        return self._error

    def GetExitCodeProcess(self, handle: ctypes.c_void_p, code: Any) -> int:
        assert handle.value == 2**40 + 5
        code._obj.value = self._code
        return 1

    def GetProcessTimes(self, handle: ctypes.c_void_p, start: Any, *_: Any) -> int:
        assert handle.value == 2**40 + 5
        start._obj.value = self._start
        return int(self._start != 0)

    def CloseHandle(self, handle: ctypes.c_void_p) -> None:
        self.closed.append(handle.value)


@pytest.mark.parametrize(
    ("kernel", "start", "closed"),
    [
        (Kernel(), "4711", 1),
        (Kernel(start=0), "", 1),
        (Kernel(code=1), None, 1),
        (Kernel(error=5), "", 0),
        (Kernel(error=87), None, 0),
    ],
    ids=["runs", "unknown start", "ended", "of another user", "no process"],
)
def test_windows_is_asked_for_the_times_of_a_process(
    kernel: Kernel, start: str | None, closed: int
) -> None:
    assert process_start(7, "win32", foreign=kernel) == start
    assert kernel.closed == [2**40 + 5] * closed


def test_the_name_of_a_program_may_have_spaces_and_brackets(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    fields = ["S", *map(str, range(4, 22)), "4711", "0"]
    (tmp_path / "7" / "stat").write_text(f"7 (a) b (c) {' '.join(fields)}")
    assert process_start(7, "linux", proc=tmp_path) == "4711"


@pytest.mark.parametrize(
    ("recorded", "found", "same"),
    [("1", "1", True), ("1", "2", False), ("", "2", True), ("1", "", True), ("1", None, False)],
)
def test_an_unknown_start_counts_as_the_same(recorded: str, found: str | None, same: bool) -> None:
    assert same_process(recorded, found) is same


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_abandons_what_is_open() -> None:
    class Open:
        def __init__(self, code: int) -> None:
            self.code = code

        def abandon(self) -> None:
            codes.append(self.code)

    codes: list[int] = []
    kept = Open(7)
    abandon_in_children(kept)
    abandon_in_children(Open(8))  # nothing refers to it any more
    child = os.fork()
    if child == 0:
        os._exit(sum(codes))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == kept.code
    assert codes == []
