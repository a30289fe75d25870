"""The request to stop, and the queue that it closes."""

from __future__ import annotations

from mailmerge.engine.queue import NotYet, Queue
from mailmerge.engine.stopping import StopRequest
from mailmerge.engine.throttle import Throttle
from tests.engine.clocks import Clock
from tests.engine.test_queue import deliveries


def test_first_request_stops_and_the_second_abandons() -> None:
    stop = StopRequest()
    assert (stop.requested, stop.abandon) == (False, False)
    stop.request()
    assert (stop.requested, stop.abandon) == (True, False)
    stop.request()
    stop.request()
    assert (stop.requested, stop.abandon) == (True, True)


def test_request_closes_the_queue_at_once() -> None:
    stop = StopRequest()
    queue = Queue(Throttle(), Clock(), stop)
    queue.put(deliveries(2))
    assert queue.offers(0)
    stop.request()
    assert queue.closed
    assert not queue.offers(0)
    assert queue.take(0) == NotYet()
    queue.wait(60.0)
    assert len(queue.clear()) == 2
