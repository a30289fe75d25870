"""What is compiled for a structure goes with the structure."""

from __future__ import annotations

import gc
import threading

import pytest

from mailmerge.mime.compiled import CompiledStructures
from mailmerge.rendering.structure import Structure


def test_least_recently_used_structure_is_dropped() -> None:
    compiled: CompiledStructures[str] = CompiledStructures(2)
    one, two, three = (Structure((name,)) for name in "abc")
    compiled.keep(one, "one")
    compiled.keep(two, "two")
    assert compiled.find(one) == "one"
    compiled.keep(three, "three")
    assert [compiled.find(each) for each in (one, two, three)] == ["one", None, "three"]
    assert len(compiled) == 2


def test_equal_structure_is_another_one() -> None:
    compiled: CompiledStructures[str] = CompiledStructures(2)
    one = Structure(("a",))
    compiled.keep(one, "one")
    assert compiled.find(Structure(("a",))) is None


def test_dropped_structure_takes_its_value_with_it() -> None:
    compiled: CompiledStructures[str] = CompiledStructures(100)
    kept = Structure(("kept",))
    compiled.keep(kept, "kept")
    for number in range(50):
        compiled.keep(Structure((str(number),)), "gone")
    gc.collect()
    assert len(compiled) == 1
    assert compiled.find(kept) == "kept"


def _structure_with_number(number: int) -> Structure:
    """A structure in the place in memory of a dead one; Python uses it again sooner or later."""
    others = []
    for _ in range(10_000):
        structure = Structure(("new",))
        if id(structure) == number:
            return structure
        others.append(structure)
    pytest.fail("Python did not use the place again")


def test_structure_with_the_number_of_a_dead_one_is_another_one() -> None:
    compiled: CompiledStructures[str] = CompiledStructures(100)
    dead = Structure(("dead",))
    number = id(dead)
    compiled.keep(dead, "dead")
    del dead
    new = _structure_with_number(number)
    assert compiled.find(new) is None
    compiled.keep(new, "new")
    assert compiled.find(new) == "new"
    assert len(compiled) == 1


def test_threads_share_it_while_structures_come_and_go() -> None:
    compiled: CompiledStructures[str] = CompiledStructures(8)
    shared = [Structure((str(number),)) for number in range(4)]
    wrong: list[object] = []
    done: list[int] = []

    def work() -> None:
        for turn in range(2000):
            structure = shared[turn % 4] if turn % 2 else Structure((f"own {turn}",))
            found = compiled.find(structure)
            if found not in (None, structure.static[0]):
                wrong.append(found)
            compiled.keep(structure, structure.static[0])
        done.append(turn)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (wrong, done) == ([], [1999] * 4)
    assert len(compiled) <= 8
