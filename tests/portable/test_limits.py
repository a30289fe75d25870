"""A process limits itself where the platform can."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from mailmerge.portable.limits import limit_process, seconds_to_wait


class Limits(ModuleType):
    """A `resource` module that only notes what is set."""

    RLIMIT_AS, RLIMIT_CPU, RLIM_INFINITY = 1, 2, -1

    def __init__(self, soft: int, hard: int, *, refuses: bool = False) -> None:
        super().__init__("resource")
        self.known = soft, hard
        self.refuses = refuses
        self.set: dict[int, tuple[int, int]] = {}

    def getrlimit(self, kind: int) -> tuple[int, int]:
        return self.known

    def setrlimit(self, kind: int, limits: tuple[int, int]) -> None:
        if self.refuses:
            raise ValueError("not here")
        self.set[kind] = limits


@pytest.mark.parametrize(
    ("soft", "hard", "expected"), [(-1, -1, (500, -1)), (300, -1, (300, -1)), (-1, 400, (400, 400))]
)
def test_a_lower_limit_stays(soft: int, hard: int, expected: tuple[int, int]) -> None:
    limits = Limits(soft, hard)
    assert limit_process(500, 500, limits)
    assert limits.set == {1: expected, 2: expected}


def test_the_parent_waits_longer_where_processor_time_is_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "resource", Limits(-1, -1))
    assert seconds_to_wait(10) == 600
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert seconds_to_wait(10) == 60


def test_a_platform_may_refuse_a_limit() -> None:
    limits = Limits(-1, -1, refuses=True)
    assert limit_process(500, 500, limits)
    assert limits.set == {}
