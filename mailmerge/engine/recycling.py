"""Where connections end -> after how many messages to end them ourselves.

Many servers close a connection after a number of messages. Each of them says so in another way, or
not at all: 421, 451 or 452 to the next MAIL, or only a closed connection. That costs a reconnect
and nothing else. Two things can make it cost more. The message that meets the close travels twice.
And if the server closes after the last byte of a message instead of answering it, that message is
in doubt. So the number is learned, and connections are ended in time.

* One close proves nothing, since networks break anywhere. Two closes in a row after the same number
  of messages are a limit: from then on, connections end at this number.
* Two closes may be equal by chance, and servers change. So after some connections that were ended
  at the learned number, one connection may continue. If the server closes it at that number, the
  limit is confirmed, and the next such question comes after twice as many connections. If it
  carries more, the number is forgotten.
* A close that put messages in doubt is expensive: it happens where messages are streamed, or where
  the server closes instead of answering. Then the question is asked hardly ever.
* A close that another reason explains teaches nothing: a complaint about the speed, a connection
  that was idle, or one that carried no message.

The value is frozen, and each method returns the next one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Recycling:
    """What is known of the number of messages that the server takes on one connection.

    Attributes:
        most: the learned number; None if there is none.
        last: the number of messages at which the server closed a connection last; 0 if it never
            did.
        ended: the connections that were ended at `most` since the server was asked last.
        ask_after: the number of such connections after which it is asked again.
        asking: the worker whose connection may carry more than `most`, or None.
    """

    most: int | None = None
    last: int = 0
    ended: int = 0
    ask_after: int = 25
    asking: int | None = None

    LONGEST: ClassVar[int] = 3200
    """The maximum of `ask_after`, and its value after a close that put messages in doubt."""

    def limit(self, worker: int) -> int | None:
        """Return the number of messages after which this worker ends a connection, or None."""
        return None if worker == self.asking else self.most

    def closed(self, worker: int, count: int, *, in_doubt: bool = False) -> Recycling:
        """Return what is known after the server closed a connection that carried `count`.

        `in_doubt` says whether messages are in doubt because of it.
        """
        known = replace(self, ask_after=self.LONGEST) if in_doubt else self
        if worker == known.asking and known.most is not None and count >= known.most:
            return known._answered(count)
        known = known._asked(worker)
        if count in {0, known.most}:
            return known
        if count == known.last:
            return replace(known, most=count, ended=0, asking=None)
        return replace(known, last=count)

    def _answered(self, count: int) -> Recycling:
        """Return what is known after the connection that asks was closed at `most` or later."""
        if count != self.most:
            return replace(self, most=None, last=count, ended=0, asking=None)
        ask_after = min(self.ask_after * 2, self.LONGEST)
        return replace(self, last=count, ended=0, ask_after=ask_after, asking=None)

    def ended_by_us(self, worker: int, count: int) -> Recycling:
        """Return what is known after this side ended a connection that carried `count`."""
        if self.most is None:
            return self
        if worker == self.asking:
            forgotten = replace(self, most=None, last=0, ended=0, asking=None)
            return forgotten if count > self.most else self._asked(worker)
        if count < self.most:
            return self
        ended = self.ended + 1
        return replace(self, ended=ended, asking=worker if ended >= self.ask_after else self.asking)

    def _asked(self, worker: int) -> Recycling:
        """Return the same without this worker's question, which has no answer: it is repeated."""
        return replace(self, asking=None) if worker == self.asking else self
