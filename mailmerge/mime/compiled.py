"""A cache of values that are compiled for a structure, and dropped with it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from queue import SimpleQueue
from typing import Generic, TypeVar
from weakref import ref

from mailmerge.rendering.structure import Structure

_C = TypeVar("_C")


class CompiledStructures(Generic[_C]):
    """Values by the identity of their structure. Thread-safe.

    A structure that was made for a single recipient dies after its message, and its value is
    dropped. Among the others, the least recently used are dropped first.

    A weak reference notices that a structure is dead. Its callback may run in any thread at any
    time, even while this object holds its lock. So it only puts a note into a queue
    (`queue.SimpleQueue` is reentrant), and the value is removed later. By then Python may have
    reused the `id` of the dead structure. So a value is found only for the structure that its
    reference leads to, and a note removes a value only if the value has the dead reference.
    """

    def __init__(self, bound: int) -> None:
        """Keep at most `bound` values."""
        self._bound = bound
        self._values: OrderedDict[int, tuple[ref[Structure], _C]] = OrderedDict()
        self._gone: SimpleQueue[tuple[int, ref[Structure]]] = SimpleQueue()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            self._remove_gone()
            return len(self._values)

    def find(self, structure: Structure) -> _C | None:
        """The value compiled for a structure, or None."""
        with self._lock:
            found = self._values.get(id(structure))
            if found is None or found[0]() is not structure:
                return None
            self._values.move_to_end(id(structure))
            return found[1]

    def keep(self, structure: Structure, compiled: _C) -> None:
        """Keep the value compiled for a structure."""
        number, gone = id(structure), self._gone
        reference = ref(structure, lambda dead: gone.put((number, dead)))
        with self._lock:
            self._values[number] = (reference, compiled)
            self._remove_gone()
            while len(self._values) > self._bound:
                self._values.popitem(last=False)

    def _remove_gone(self) -> None:
        while not self._gone.empty():
            number, dead = self._gone.get()
            found = self._values.get(number)
            if found is not None and found[0] is dead:
                del self._values[number]
