from __future__ import annotations

import threading
import time

import pytest

from mailmerge.rendering.cache import BoundedCache


def test_least_recently_used_value_is_dropped() -> None:
    cache: BoundedCache[str, str] = BoundedCache(2)
    for name in ("a", "b", "a", "c"):
        assert cache.get(name, name.upper) == name.upper()
    assert len(cache) == 2
    assert cache.get("a", lambda: pytest.fail("it was used lately")) == "A"
    assert cache.get("b", lambda: "made again") == "made again"


def test_cache_counts_questions_and_made_values() -> None:
    cache: BoundedCache[str, str] = BoundedCache(1)
    for name in ("a", "a", "b", "a"):
        cache.get(name, name.upper)
    assert (cache.asked, cache.made) == (4, 3)


def test_nothing_is_kept_when_making_fails() -> None:
    cache: BoundedCache[str, str] = BoundedCache(2)
    with pytest.raises(ZeroDivisionError):
        cache.get("a", lambda: str(1 / 0))
    assert (len(cache), cache.made) == (0, 0)
    assert cache.get("a", lambda: "made") == "made"


def test_value_is_made_once_for_many_threads() -> None:
    cache: BoundedCache[str, object] = BoundedCache(8)
    begin = threading.Barrier(8)
    got: list[object] = []

    def make() -> object:
        time.sleep(0.05)  # so that the other threads ask meanwhile
        return object()

    def ask() -> None:
        begin.wait()
        got.append(cache.get("key", make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.made == 1
    assert len(got) == 8
    assert len(set(map(id, got))) == 1


def test_known_value_does_not_wait_for_one_in_the_making() -> None:
    cache: BoundedCache[str, str] = BoundedCache(8)
    cache.get("known", lambda: "value")
    making, finish = threading.Event(), threading.Event()

    def slow() -> str:
        making.set()
        assert finish.wait(60)
        return "slow"

    thread = threading.Thread(target=cache.get, args=("other", slow))
    thread.start()
    assert making.wait(60)
    assert cache.get("known", lambda: pytest.fail("it is known")) == "value"
    finish.set()
    thread.join(60)
    assert cache.get("other", lambda: pytest.fail("it was made")) == "slow"
