"""Call-backs on a virtual clock: who is called back when, and what ends it."""

from hypothesis import given
from hypothesis import strategies as st

from callrouter.queues.call_back_book import (
    CALLED_AGAIN,
    CALLING,
    CONNECTED,
    ENDED,
    LEASE_SECONDS,
    TOO_LATE,
    USED_UP,
    WAITING,
    CallBackBook,
    CallBackJob,
    CallBackRule,
    taken_up,
)
from callrouter.queues.distribution import Distribution
from callrouter.queues.queue_events import OfferMade
from callrouter.queues.queue_rules import QueueAgent, QueueRule

RULE = CallBackRule(
    name="missed", queue="support", attempts=2, delay_seconds=3.0, within_seconds=600.0
)


def job(id: str = "a", at: float = 100.0, caller: str = "+8613800138001") -> CallBackJob:
    return CallBackJob(
        id=id,
        rule="missed",
        number="4303",
        called="4303",
        caller=caller,
        dialled=caller,
        missed_at=at,
        due=at,
    )


def book(*jobs: CallBackJob) -> CallBackBook:
    made = CallBackBook()
    for one in jobs:
        assert made.add(one)
    return made


def queued(made: CallBackBook, now: float, *, is_open: bool = True) -> list[str]:
    return [it.id for it in made.to_queue(now, lambda _: RULE if is_open else None)]


def test_who_was_missed_first_has_a_place_first_and_each_has_one() -> None:
    made = book(job("later", 101.0, "1"), job("first", 100.0, "2"))
    assert queued(made, 102.0) == ["first", "later"]
    assert queued(made, 102.0) == []


def test_same_caller_is_called_back_once_for_a_number() -> None:
    made = book(job())
    assert not made.add(job("b", 101.0))
    assert [it.id for it in made.of("+8613800138001", "4303")] == ["a"]
    assert made.of("+8613800138001", "4304") == []


def test_attempts_are_apart_and_no_more_than_the_rule_says() -> None:
    made = book(job())
    assert queued(made, 100.0) == ["a"]
    begun = made.begun("a", 100.0)
    assert begun is not None
    assert (begun.state, begun.attempts, begun.lease) == (CALLING, 1, 100.0 + LEASE_SECONDS)
    assert made.begun("a", 100.0) is None
    made.failed("a", "busy", 110.0, RULE)
    assert (made.jobs["a"].state, made.jobs["a"].why) == (WAITING, "busy")
    assert queued(made, 112.9) == []
    assert made.next_due() == 113.0
    assert queued(made, 113.0) == ["a"]
    made.begun("a", 113.0)
    made.failed("a", "busy", 120.0, RULE)
    assert made.jobs == {}
    last = made.changed[-1]
    assert (last.state, last.why, last.attempts) == (ENDED, USED_UP, 2)


def test_hours_that_are_over_keep_it_waiting_until_who_is_too_late() -> None:
    made = book(job())
    assert queued(made, 200.0, is_open=False) == []
    assert queued(made, 700.1) == []
    assert made.changed[-1].why == TOO_LATE


def test_job_ends_once_and_what_comes_of_its_attempt_then_changes_nothing() -> None:
    made = book(job())
    queued(made, 100.0)
    made.begun("a", 100.0)
    assert made.end("a", CALLED_AGAIN)
    assert not made.end("a", CONNECTED)
    made.failed("a", "no_answer", 101.0, RULE)
    made.held("a", 101.0)
    made.undone("a", 101.0, RULE)
    assert [it.state for it in made.changed] == [WAITING, ENDED]


def test_attempt_that_rang_nobody_does_not_count() -> None:
    made = book(job())
    queued(made, 100.0)
    made.begun("a", 100.0)
    made.undone("a", 101.0, RULE)
    assert (made.jobs["a"].attempts, made.jobs["a"].due) == (0, 104.0)


def test_job_of_a_holder_that_is_gone_is_due_again_and_that_attempt_not_counted() -> None:
    made = book(job())
    queued(made, 100.0)
    begun = made.begun("a", 100.0)
    assert begun is not None
    again = taken_up(begun, 116.0)
    assert (again.state, again.attempts, again.due, again.lease) == (WAITING, 0, 116.0, 0.0)


def test_place_lost_before_an_attempt_is_taken_again_later() -> None:
    made = book(job())
    queued(made, 100.0)
    made.unqueue("a", 103.0)
    assert queued(made, 102.0) == []
    assert queued(made, 103.0) == ["a"]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), st.floats(0, 50))))
def test_whatever_happens_no_job_has_two_attempts_at_once_nor_too_many(
    steps: list[tuple[int, int, float]],
) -> None:
    made, now, running = CallBackBook(), 0.0, set[str]()
    for who, what, seconds in steps:
        now += seconds
        who_is = str(who)
        if what == 0:
            made.add(job(who_is, now, who_is))
        elif what == 1:
            queued(made, now)
        elif what == 2 and made.begun(who_is, now) is not None:
            assert who_is not in running
            running.add(who_is)
        elif what == 3:
            made.failed(who_is, "busy", now, RULE)
            running.discard(who_is)
        elif what == 4:
            made.undone(who_is, now, RULE)
            running.discard(who_is)
        elif what == 5 and made.end(who_is, CALLED_AGAIN):
            running.discard(who_is)
        else:
            made.held(who_is, now)
        calling = {it.id for it in made.jobs.values() if it.state == CALLING}
        assert calling == running & made.jobs.keys()
        assert all(0 <= it.attempts <= RULE.attempts for it in made.changed)


def offers(centre: Distribution) -> list[str]:
    made = [it.call for it in centre.outgoing if isinstance(it, OfferMade)]
    centre.outgoing.clear()
    return made


def centre(*agents: str, **more: int) -> Distribution:
    made = Distribution()
    rule = QueueRule(name="support", agents=tuple(QueueAgent(name=it) for it in agents), **more)
    made.serve({"support": rule}, 0.0)
    return made


def come(to: Distribution, call: str, now: float, missed: float | None = None) -> bool:
    joined = to.join(call, "support", now, missed=missed)
    to.ready(call, now)
    return joined


def test_call_back_has_its_place_by_the_time_of_the_missed_call() -> None:
    waits = centre("301")
    waits.away("301", "lunch", 0.0)
    for call, missed in (("waits longer", None), ("missed", 15.0), ("waits", None)):
        assert come(
            waits, call, {"waits longer": 10.0, "missed": 30.0, "waits": 20.0}[call], missed
        )
    waits.back("301", 40.0)
    order = []
    for now in (41.0, 42.0, 43.0):
        (call,) = offers(waits)
        order.append(call)
        waits.leave(call, now)
    assert order == ["waits longer", "missed", "waits"]


def test_no_more_call_backs_are_under_way_than_agents_are_free() -> None:
    waits = centre("301", "302")
    for index in range(5):
        come(waits, f"missed {index}", 10.0 + index, float(index))
    assert offers(waits) == ["missed 0", "missed 1"]


def test_call_back_is_in_no_count_of_the_queue_and_takes_nobodys_place() -> None:
    waits = centre("301", max_length=1, max_wait_seconds=20)
    waits.away("301", "lunch", 0.0)
    assert come(waits, "missed", 1.0, 0.0)
    assert come(waits, "caller", 2.0)
    assert not come(waits, "one too many", 3.0)
    assert come(waits, "missed too", 4.0, 0.5)
    queue = waits.queues["support"]
    assert (queue.length, queue.totals.offered) == (1, 2)
    waits.tick(500.0)
    assert [it.call for it in queue.callers] == ["missed", "missed too"]
    waits.leave("missed", 501.0, CALLED_AGAIN)
    assert queue.totals.overflowed == 2
