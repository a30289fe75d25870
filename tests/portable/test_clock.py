"""A clock that starts at the date and never runs backwards, on every platform."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from mailmerge.portable.clock import local_time, wall_clock

NOW = 1_795_400_000.0


class Machine:
    """Clocks that a test sets: the date, and the seconds since the boot."""

    def __init__(self) -> None:
        self.date, self.uptime = NOW, 500.0

    def pass_time(self, seconds: float) -> None:
        self.date += seconds
        self.uptime += seconds


def linux(machine: Machine) -> SimpleNamespace:
    def read(clock: int) -> float:
        assert clock == 7, "the clock that counts sleep"
        return machine.uptime

    return SimpleNamespace(
        CLOCK_BOOTTIME=7, CLOCK_MONOTONIC=1, clock_gettime=read, time=lambda: machine.date
    )


def macos(machine: Machine) -> SimpleNamespace:
    def read(clock: int) -> float:
        assert clock == 6
        return machine.uptime

    return SimpleNamespace(CLOCK_MONOTONIC=6, clock_gettime=read, time=lambda: machine.date)


def windows(machine: Machine) -> SimpleNamespace:
    return SimpleNamespace(monotonic=lambda: machine.uptime, time=lambda: machine.date)


@pytest.mark.parametrize("platform", [linux, macos, windows])
def test_setting_the_date_does_not_change_the_clock(
    platform: Callable[[Machine], SimpleNamespace],
) -> None:
    machine = Machine()
    clock = wall_clock(platform(machine))
    assert clock() == NOW
    machine.pass_time(60.0)
    machine.date -= 3600.0
    assert clock() == NOW + 60.0


def test_this_machine_has_a_clock() -> None:
    clock = wall_clock()
    assert abs(clock() - time.time()) < 1.0
    readings = [clock() for _ in range(1000)]
    assert readings == sorted(readings)
    assert len(set(readings)) > 1


def test_local_time_has_the_zone_of_the_machine() -> None:
    assert local_time(NOW).timestamp() == NOW
    assert local_time(NOW).utcoffset() is not None


def test_first_day_of_1970_has_a_time_on_every_system() -> None:
    assert local_time(1.0).timestamp() == 1.0
