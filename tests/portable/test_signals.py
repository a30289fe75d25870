"""The signals that ask a program to stop, on every platform."""

from __future__ import annotations

import signal
from types import SimpleNamespace

from mailmerge.portable.signals import stop_signals


def test_windows_has_one_for_a_closed_terminal() -> None:
    windows = SimpleNamespace(SIGINT=2, SIGTERM=15, SIGBREAK=21)
    assert stop_signals(windows) == (2, 15, 21)


def test_posix_has_two() -> None:
    assert stop_signals(SimpleNamespace(SIGINT=2, SIGTERM=15)) == (2, 15)


def test_the_platform_has_its_own() -> None:
    assert {signal.SIGINT, signal.SIGTERM} <= set(stop_signals())
