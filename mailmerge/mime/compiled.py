"""What is compiled for a structure, found by the structure itself and dropped with it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from queue import SimpleQueue
from typing import Generic, TypeVar
from weakref import ref

from mailmerge.rendering.structure import Structure

C = TypeVar("C")


class CompiledStructures(Generic[C]):
    """Values by the identity of their structure. Thread-safe.

    A structure that was made for a single recipient is gone after its message, and what was
    compiled for it is dropped. Of those that live on, the least recently used go first.

    A weak reference tells that a structure is gone. Its callback runs in any thread at any time,
    maybe while this very object holds its lock. So it only puts a note into a queue, which is safe
    there (`queue.SimpleQueue` is reentrant), and the next call removes the value. The number of an
    object (`id`) may be given to another one as soon as the callback has run. So all notes are read
    before a value is added, and a note removes a value only if the dead reference is its own.
    """

    def __init__(self, bound: int) -> None:
        """Keep at most `bound` values."""
        self._bound = bound
        self._values: OrderedDict[int, tuple[ref[Structure], C]] = OrderedDict()
        self._gone: SimpleQueue[tuple[int, ref[Structure]]] = SimpleQueue()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            self._remove_gone()
            return len(self._values)

    def find(self, structure: Structure) -> C | None:
        """What was compiled for a structure, or None."""
        with self._lock:
            found = self._values.get(id(structure))
            if found is None or found[0]() is not structure:
                return None
            self._values.move_to_end(id(structure))
            return found[1]

    def keep(self, structure: Structure, compiled: C) -> None:
        """Keep what was compiled for a structure."""
        number, gone = id(structure), self._gone
        reference = ref(structure, lambda dead: gone.put((number, dead)))
        with self._lock:
            self._remove_gone()
            self._values[number] = (reference, compiled)
            while len(self._values) > self._bound:
                self._values.popitem(last=False)

    def _remove_gone(self) -> None:
        while not self._gone.empty():
            number, dead = self._gone.get()
            found = self._values.get(number)
            if found is not None and found[0] is dead:
                del self._values[number]
