"""The budget of one rendering: how many steps, how much text, and how much processor time.

A template is a program. A loop in a loop, a text that doubles itself or a width of a billion makes
a process slow or kills it. A process cannot interrupt itself inside one operation of Python, and a
limit of the operating system would end the whole run. So nothing may become too large in the first
place. Four rules hold together:

1. *Every value is small.* No value that a template can name has a size above the limit. The size of
   a list is that of all its elements, counted as often as they occur: `[x, x]` is twice as large as
   x, although both elements are one object, because printing it makes two texts. So a value that
   contains itself many times over (thirty times `{% set x = [x, x] %}`) is refused when it is
   made, and walking over any value takes a bounded time.
2. *One operation grows by a small factor only.* Most operations make at most twelve times as much
   as they get (an escaped character becomes six, a written one at most ten). If the growth depends
   on a number or on a second value (`center`, `replace`, `*`, `%`), growth.py computes the
   size of the result first.
3. *The sum of all results is limited*, whether they are kept or not. That limits the memory, and
   the time of all operations whose time is proportional to their result.
4. *Steps and time are limited*: turns of loops, calls, filters. A turn also pays for the outputs in
   the body of its loop, so that short outputs need no counting of their own; that would cost as
   much as the output itself. The processor time is looked at only now and then. It is the last
   resort, for templates that stay below all other limits and repeat a slow operation. Processor
   time, not the time on the clock: a busy machine or a laptop that was asleep must not change
   whether a message can be made.

The first three rules depend on nothing but the template and the row. So a template that is refused
is refused on every machine.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mailmerge.language import tr
from mailmerge.rendering.settings import DEFAULT_LIMITS, RenderLimits
from mailmerge.rendering.template_errors import LimitExceeded

_STEPS_BETWEEN_LOOKS: Final = 250
"""Steps after which the processor time is looked at."""

_PIECE: Final = 50
"""Bytes of an object of Python, apart from its content."""

ELEMENT: Final = 64
"""The size of an element of a list: a reference and an object, apart from its content."""

_WIDE: Final = 4
"""Bytes of a character, if a text has characters beyond ASCII."""

_NUMBER: Final = 24
_LARGE: Final = 4_096
"""A result of this size is as expensive as a step."""

_SHORT_LIST: Final = 1_000

_VIEWS: Final[tuple[type, ...]] = (type({}.keys()), type({}.values()), type({}.items()))

Containers: Final[tuple[type, ...]] = (list, tuple, set, frozenset, dict, Mapping, *_VIEWS)
"""The types of values that hold other values."""


class Budget:
    """What is left of the limits for one rendering. It belongs to one thread; see `Budgets`."""

    __slots__ = ("_allowed", "_deadline", "_limits", "_made", "_next_look", "_steps")

    def __init__(self, limits: RenderLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        # Nothing is limited while a template is compiled: it contains only what its file contains.
        self._steps = self._made = self._allowed = sys.maxsize
        self._next_look = 0
        self._deadline = 0.0

    def restart(self, source: int = 0) -> None:
        """Begin a new rendering of templates whose texts have `source` characters together.

        A template may write its own text in addition to the limit: a constant does not grow.
        """
        self._steps = steps = self._limits.steps
        self._next_look = steps - _STEPS_BETWEEN_LOOKS
        self._made = self._limits.made + source
        self._allowed = self._limits.characters + source
        self._deadline = 0.0

    def step(self, steps: int = 1) -> None:
        """Count turns of a loop, or calls.

        Raises:
            LimitExceeded: the rendering has used up its steps or its time.
        """
        self._steps = left = self._steps - steps
        if left < 0:
            raise LimitExceeded(
                tr("it does not end within {steps:,} steps", steps=self._limits.steps)
            )
        if left < self._next_look:
            self._next_look = left - _STEPS_BETWEEN_LOOKS
            self.look_at_time()

    def look_at_time(self) -> None:
        """Compare the processor time of this thread with the limit.

        Raises:
            LimitExceeded: the rendering has used up its time.
        """
        now = time.thread_time()
        if not self._deadline:
            self._deadline = now + self._limits.seconds
        elif now > self._deadline:
            raise LimitExceeded(
                tr("it does not end within {seconds:g} seconds", seconds=self._limits.seconds)
            )

    def expect(self, size: int) -> None:
        """Check the size that a value is going to have.

        Raises:
            LimitExceeded: the value would be too large.
        """
        if size > self._allowed:
            raise self._too_large()

    def add(self, size: int) -> None:
        """Count a value that has been made.

        Raises:
            LimitExceeded: the value is too large, or all values together are.
        """
        if size > self._allowed:
            raise self._too_large()
        self._made -= size
        if self._made < 0:
            characters = self._limits.characters
            raise LimitExceeded(
                tr(
                    "all its intermediate texts together are more than {count:,} characters",
                    count=characters,
                )
            )

    def add_text(self, text: str) -> None:
        """Count a text that is kept as an object of its own.

        Raises:
            LimitExceeded: the text is too large, or all values together are.
        """
        # The same as `add(text_size(text) + _PIECE)`, without two calls for each output.
        size = (len(text) if text.isascii() else len(text) * _WIDE) + _PIECE
        self._made = left = self._made - size
        if left < 0 or size > self._allowed:
            self.add(size)

    def counted(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items themselves; each is a step, and is counted as an element.

        Raises:
            LimitExceeded: there are too many.
        """
        for item in items:
            self.step()
            self._made -= ELEMENT
            if self._made < 0:
                raise self._too_large()
            yield item

    def check(self, value: Any) -> Any:
        """Count a result of any type, and return it.

        Raises:
            LimitExceeded: it is too large, or all results together are.
        """
        size = text_size(value) if isinstance(value, (str, bytes)) else self.size(value)
        self.add(size)
        if size > _LARGE:
            self.step(1 + size // _LARGE)
        return value

    def size(self, value: Any) -> int:
        """The size of a value: bytes, with every element counted as often as it occurs.

        Raises:
            LimitExceeded: it is too large.
        """
        if isinstance(value, (str, bytes)):
            return text_size(value)
        if isinstance(value, int):
            return _NUMBER + value.bit_length() // 3
        if type(value) is list and len(value) < _SHORT_LIST and all(map(_is_text, value)):
            return sum(map(text_size, value)) + ELEMENT * len(value)
        if isinstance(value, range):
            return len(value) * ELEMENT
        if not isinstance(value, Containers):
            return _NUMBER
        total, waiting = 0, [value]
        while waiting:
            for element in elements(waiting.pop()):
                if isinstance(element, Containers):
                    waiting.append(element)
                    total += ELEMENT
                else:
                    total += ELEMENT + self.size(element)
                if total > self._allowed:
                    raise self._too_large()
        return total

    def _too_large(self) -> LimitExceeded:
        return LimitExceeded(
            tr("it makes more than {count:,} characters", count=self._limits.characters)
        )


class Budgets(threading.local):
    """The budget of each thread; the threads of a run share one environment."""

    def __init__(self, limits: RenderLimits = DEFAULT_LIMITS) -> None:
        self.budget = Budget(limits)


def _is_text(value: Any) -> bool:
    return type(value) is str


def text_size(text: str | bytes) -> int:
    """The size of a text in bytes; a text beyond ASCII counts four for each character."""
    return len(text) if text.isascii() else len(text) * _WIDE


def elements(container: Any) -> Iterator[Any]:
    """The elements of a container; of a mapping its keys, and then its values."""
    if isinstance(container, Mapping):
        yield from container
        yield from container.values()
        return
    yield from container
