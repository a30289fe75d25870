"""Each boot of the machine has its own id on every platform."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from mailmerge.portable.boot import boot_id, same_boot

NOW = 1_795_400_000.0


def windows(uptime: float, now: float = NOW) -> str:
    return boot_id("win32", uptime=lambda: uptime, now=lambda: now)


def test_linux_reads_the_boot_id_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "boot_id"
    file.write_text("b9f52cbb-634b\n")
    assert boot_id("linux", file=file) == "b9f52cbb-634b"
    assert boot_id("linux", file=tmp_path / "nothing") == ""


def test_this_machine_has_a_boot_id() -> None:
    assert boot_id() == boot_id() != ""


def test_macos_reads_the_boot_id_from_a_command() -> None:
    asked: list[Any] = []

    def run(command: Any, **more: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, stdout="A1B2-C3\n")

    assert boot_id("darwin", run=run) == "A1B2-C3"
    assert asked == [("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")]


@pytest.mark.parametrize("error", [FileNotFoundError(), subprocess.TimeoutExpired("sysctl", 5)])
def test_macos_without_an_answer_has_no_boot_id(error: Exception) -> None:
    def run(*_: Any, **more: Any) -> None:
        raise error

    assert boot_id("darwin", run=run) == ""


def test_windows_uses_the_time_of_its_boot() -> None:
    assert same_boot(windows(100.0), windows(5000.0, NOW + 4900.0))


def test_windows_allows_for_clocks_that_drift() -> None:
    assert same_boot(windows(100.0), windows(86_400.0, NOW + 86_300.0 + 9.0))
    assert not same_boot(windows(100.0), windows(86_400.0, NOW + 86_300.0 + 11.0))


def test_windows_boots_at_different_times_differ() -> None:
    assert not same_boot(windows(100.0), windows(20.0, NOW + 60.0))


@pytest.mark.parametrize(
    ("recorded", "current", "same"),
    [("a", "a", True), ("a", "b", False), ("", "", False), ("a", "", False), ("", "a", False)],
)
def test_an_unknown_boot_is_never_the_same(recorded: str, current: str, same: bool) -> None:
    assert same_boot(recorded, current) is same
    assert not same_boot(recorded, windows(1.0))
