"""The queue: which delivery is next, for many workers, on a clock that the test sets."""

from __future__ import annotations

import threading

import pytest

from mailmerge.engine.queue import Backlog, NotYet, Queue
from mailmerge.engine.throttle import Throttle
from mailmerge.ledger.states import Delivery, State
from mailmerge.recipients.address import parse_mailbox
from mailmerge.settings import parse_rate
from tests.engine.clocks import START, Clock

INFINITY = float("inf")


def delivery(number: int, domain: str = "example.org") -> Delivery:
    mailbox = parse_mailbox(f"u{number}@{domain}")
    return Delivery(number, mailbox.identity, number + 2, mailbox, {}, State.CLAIMED)


def deliveries(count: int, domain: str = "example.org", first: int = 0) -> list[Delivery]:
    return [delivery(number, domain) for number in range(first, first + count)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def queue_of(clock: Clock, throttle: Throttle | None = None) -> Queue:
    return Queue(throttle or Throttle(connections=2), clock)


def ids(queue: Queue, most: int = 100) -> list[int]:
    """The ids of the deliveries that can be taken now, in their order."""
    taken = []
    for _ in range(most):
        one = queue.take(0)
        if isinstance(one, NotYet):
            break
        taken.append(one.id)
    return taken


def test_deliveries_are_taken_in_the_order_of_their_claims(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(3))
    queue.put(deliveries(2, first=10))
    assert ids(queue) == [0, 1, 2, 10, 11]
    assert queue.take(0) == NotYet(None)


def test_backlog_counts_waiting_and_in_flight(clock: Clock) -> None:
    queue = queue_of(clock)
    assert queue.backlog() == Backlog(0, 0)
    assert queue.backlog().idle
    queue.put(deliveries(3))
    queue.take(0)
    assert queue.backlog() == Backlog(2, 1)
    assert not queue.backlog().idle
    ids(queue)
    for _ in range(3):
        assert not queue.backlog().idle
        queue.settle()
    assert queue.backlog().idle


def test_delivery_that_is_put_back_comes_next(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(3))
    first = queue.take(0)
    assert isinstance(first, Delivery)
    assert queue.blame(first) == 0
    for _ in (1, 2):
        queue.put_back(first, blamed=first)
        assert queue.blame(first) == 1
        assert queue.backlog() == Backlog(3, 0)
        assert queue.take(0) is first
    assert ids(queue) == [1, 2]


def test_last_delivery_is_to_blame_if_others_were_answered(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(2))
    queue.take(0)
    queue.settle(answered=True)
    last = returned_times(queue, 2)
    assert queue.take(0) is last
    assert queue.blame(last) == 2


def test_deliveries_of_one_connection_return_in_their_order(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(6))
    taken = [queue.take(0) for _ in range(4)]
    back = [one for one in taken if isinstance(one, Delivery)]
    queue.put_back(*back, blamed=back[0])
    assert queue.backlog() == Backlog(6, 0)
    assert [queue.blame(one) for one in back] == [1, 0, 0, 0], "the others only came behind it"
    assert ids(queue) == [0, 1, 2, 3, 4, 5]


def test_delivery_may_return_to_the_end(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(3))
    first = queue.take(0)
    assert isinstance(first, Delivery)
    queue.put_last(first)
    assert ids(queue) == [1, 2, 0]
    assert queue.blame(first) == 1


def returned_times(queue: Queue, times: int) -> Delivery:
    """Take the first delivery and put it back this many times."""
    first = queue.take(0)
    assert isinstance(first, Delivery)
    for number in range(times):
        queue.put_back(first, blamed=first)
        if number < times - 1:
            assert queue.take(0) is first
    return first


def test_third_return_goes_behind_the_others(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(3))
    first = returned_times(queue, 3)
    assert ids(queue) == [1, 2, first.id]


def test_third_return_continues_further_behind(clock: Clock) -> None:
    """The next deliveries may end connections, too: their domain may be the reason."""
    queue = queue_of(clock)
    queue.put(deliveries(10))
    first = returned_times(queue, 3)
    assert ids(queue) == [4, 5, 6, 7, 8, 9, 1, 2, 3, first.id]


def test_delivery_is_to_blame_only_if_others_are_answered(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(3))
    first = returned_times(queue, 3)
    queue.take(0)
    queue.settle()
    assert queue.blame(first) == 1, "an outcome without an answer proves nothing"
    queue.take(0)
    queue.settle(answered=True)
    assert queue.blame(first) == 3


def test_rate_says_when_to_ask_again(clock: Clock) -> None:
    queue = queue_of(clock, Throttle([parse_rate("60/minute")]))
    queue.put(deliveries(2))
    assert ids(queue) == [0]
    later = queue.take(0)
    assert isinstance(later, NotYet)
    assert later.until == pytest.approx(START + 1, abs=0.01)
    clock.now += 1.01
    assert ids(queue) == [1]


def test_domain_with_its_own_rate_does_not_hold_up_others(clock: Clock) -> None:
    throttle = Throttle([], {"slow.example": [parse_rate("60/minute")]})
    queue = queue_of(clock, throttle)
    slow = deliveries(3, "slow.example")
    queue.put([*slow, *deliveries(2, first=10)])
    assert ids(queue) == [0, 10, 11]
    assert queue.backlog() == Backlog(2, 3)
    later = queue.take(0)
    assert isinstance(later, NotYet)
    assert later.until == pytest.approx(START + 1, abs=0.01)
    clock.now += 1.01
    queue.put(deliveries(1, first=20))
    assert ids(queue) == [1, 20], "deliveries that waited for the domain go first"
    assert [one.id for one in queue.clear()] == [2]
    assert queue.backlog().waiting == 0


def test_worker_beyond_the_allowed_connections_gets_nothing(clock: Clock) -> None:
    throttle = Throttle(connections=2)
    queue = queue_of(clock, throttle)
    queue.put(deliveries(5))
    assert queue.offers(1)
    throttle.cool_down(clock.now, 600.0)
    assert not queue.offers(1)
    assert queue.take(1) == NotYet(INFINITY)
    assert queue.take(0) == NotYet(START + 600)
    clock.now += 660
    assert queue.offers(1)
    assert isinstance(queue.take(1), Delivery)


def test_connected_workers_come_before_the_others(clock: Clock) -> None:
    throttle = Throttle(connections=4)
    queue = queue_of(clock, throttle)
    queue.put(deliveries(5))
    for worker in (3, 1, 2):
        queue.workers.add(worker)
    assert len(queue.workers) == 3
    throttle.cap(clock.now, 3)
    assert [queue.offers(worker) for worker in range(4)] == [False, True, True, True]
    queue.workers.discard(1)
    assert [queue.offers(worker) for worker in range(4)] == [True, False, True, True]
    queue.workers.discard(1)
    throttle.cap(clock.now, 1)
    assert [queue.offers(worker) for worker in range(4)] == [False, False, False, True]


def test_each_further_connection_needs_a_delivery_of_its_own(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(2))
    assert queue.offers(1, besides=1)
    assert not queue.offers(1, besides=2)


def test_queue_offers_work_only_while_deliveries_wait(clock: Clock) -> None:
    queue = queue_of(clock)
    assert not queue.offers(0)
    queue.put(deliveries(1))
    assert queue.offers(0)
    queue.take(0)
    assert not queue.offers(0)


def test_closed_queue_gives_out_nothing_and_keeps_the_rest(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(3))
    queue.take(0)
    queue.close()
    assert queue.closed
    assert not queue.offers(0)
    assert queue.take(0) == NotYet(None)
    assert [one.id for one in queue.clear()] == [1, 2]


def wakes(sleeper: threading.Thread, act: object) -> bool:
    """Whether a thread that sleeps for a minute ends at once after an action."""
    assert callable(act)
    sleeper.start()
    act()
    sleeper.join(30)
    return not sleeper.is_alive()


def test_put_wakes_a_worker(clock: Clock) -> None:
    queue = queue_of(clock)
    awake = threading.Event()

    def work() -> None:
        while not queue.offers(0):
            queue.wait(60.0)
        awake.set()

    assert wakes(threading.Thread(target=work, daemon=True), lambda: queue.put(deliveries(1)))
    assert awake.is_set()


def test_close_wakes_workers_and_the_run(clock: Clock) -> None:
    queue = queue_of(clock)

    def work() -> None:
        while not queue.closed:
            queue.wait(60.0)

    worker = threading.Thread(target=work, daemon=True)
    run = threading.Thread(target=queue.wait_for_attention, args=(60.0,), daemon=True)
    run.start()
    assert wakes(worker, queue.close)
    run.join(30)
    assert not run.is_alive()


def attention(queue: Queue) -> bool:
    """Whether the run would wake up now."""
    return queue.wait_for_attention(0.0)


def test_low_water_and_the_last_outcome_wake_the_run(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.low_water = 2
    queue.put(deliveries(4))
    calls = []
    for _ in range(4):
        queue.take(0)
        calls.append(attention(queue))
    assert calls == [False, False, True, True]
    queue.low_water = 0
    for _ in range(3):
        queue.settle()
        assert not attention(queue)
    queue.settle()
    assert attention(queue)


def test_settled_delivery_does_not_call_the_run_while_others_wait(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(2))
    for waiting in (True, False):
        queue.take(0)
        queue.settle()
        assert attention(queue) is not waiting


def test_delivery_that_met_a_complaint_goes_to_the_end(clock: Clock) -> None:
    queue = queue_of(clock)
    queue.put(deliveries(3))
    taken = queue.take(0)
    assert not isinstance(taken, NotYet)
    queue.put_last(taken)
    assert queue.blame(taken) == 1
    assert queue.backlog() == Backlog(3, 0)
    assert ids(queue) == [1, 2, 0]


def test_delivery_that_is_set_aside_is_not_in_flight(clock: Clock) -> None:
    """So it does not make the throttle ignore complaints as answers to an earlier pace."""

    def pace(aside: int) -> float | None:
        throttle = Throttle()
        queue = queue_of(clock, throttle)
        queue.put(deliveries(20))
        for _ in range(aside):
            queue.take(0)
            queue.set_aside()
        assert queue.backlog() == Backlog(20 - aside, 0)
        for _ in range(6):
            taken = queue.take(0)
            while isinstance(taken, NotYet):
                assert taken.until is not None
                clock.now = taken.until
                taken = queue.take(0)
            queue.put_last(taken)
            throttle.complained(clock())
        return throttle.per_second

    assert pace(3) == pace(0) is not None
