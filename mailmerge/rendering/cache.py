"""A bounded cache whose values are expensive: each is made once, however many threads ask."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class BoundedCache(Generic[_K, _V]):
    """Values by key, made when they are first asked for; the least recently used go first.

    A value is never None. Thread-safe, with two locks. One protects the dictionary and is held
    briefly. The other is held while a value is made, so that no value is made twice. A thread that
    asks for a known value does not wait for the second lock.
    """

    def __init__(self, bound: int) -> None:
        """Keep at most `bound` values."""
        self._bound = bound
        self._made = self._asked = 0
        self._values: OrderedDict[_K, _V] = OrderedDict()
        self._lock = threading.Lock()
        self._making = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    @property
    def made(self) -> int:
        """How many values have been made so far, including those dropped since."""
        return self._made

    @property
    def asked(self) -> int:
        """How often `get` has been called so far."""
        return self._asked

    def get(self, key: _K, make: Callable[[], _V]) -> _V:
        """The value of a key; `make` makes it if it is not known.

        If `make` raises, nothing is kept.
        """
        with self._lock:
            self._asked += 1
            known = self._values.get(key)
            if known is not None:
                self._values.move_to_end(key)
                return known
        with self._making:
            with self._lock:
                known = self._values.get(key)  # another thread may have made it meanwhile
            if known is not None:
                return known
            value = make()
            with self._lock:
                self._made += 1
                self._values[key] = value
                while len(self._values) > self._bound:
                    self._values.popitem(last=False)
            return value
