"""The distribution of calls, case by case: the faults that queues of others are known for."""

from collections.abc import Sequence

import pytest

from callrouter.queues import queue_events as events
from callrouter.queues.distribution import PLACE_SECONDS, Distribution
from callrouter.queues.queue_events import OfferMade, OfferWithdrawn, Overflowed, SentAway
from callrouter.queues.queue_rules import (
    LONGEST_IDLE,
    RING_ALL,
    ROUND_ROBIN,
    SKILLS,
    QueueAgent,
    QueueRule,
    RetryDelays,
)
from callrouter.queues.service_level import ABANDONED, ANSWERED


def agents(*names: str) -> tuple[QueueAgent, ...]:
    return tuple(QueueAgent(name=name) for name in names)


def centre(*rules: QueueRule) -> Distribution:
    made = Distribution()
    made.serve({rule.name: rule for rule in rules}, 0.0)
    return made


def one(strategy: str = LONGEST_IDLE, **more: object) -> Distribution:
    """A queue `support` with the agents 301, 302 and 303."""
    rule = QueueRule(name="support", agents=agents("301", "302", "303"), strategy=strategy)
    for key, value in more.items():
        setattr(rule, key, value)
    return centre(rule)


def come(
    made: Distribution, call: str, now: float, queue: str = "support", priority: int = 0
) -> None:
    assert made.join(call, queue, now, priority)
    made.ready(call, now)


def offers(made: Distribution) -> list[OfferMade]:
    """Take what is to be done; what is no offer is not looked at."""
    taken, made.outgoing = made.outgoing, []
    return [it for it in taken if isinstance(it, OfferMade)]


def rung(made: Distribution) -> list[str]:
    return [offer.agent for offer in offers(made)]


def withdrawn(made: Distribution) -> list[tuple[str, str]]:
    taken, made.outgoing = made.outgoing, []
    return [(it.agent, it.why) for it in taken if isinstance(it, OfferWithdrawn)]


def connect(made: Distribution, now: float) -> OfferMade:
    """The only agent who is offered anything answers, and is connected."""
    (offer,) = offers(made)
    made.has_call(offer.agent, offer.call)
    assert made.picked_up(offer.token, now)
    assert made.accepted(offer.token, now)
    return offer


def test_longest_idle_agent_is_rung_and_the_next_when_it_does_not_answer() -> None:
    made = one(ring_seconds=5.0)
    come(made, "first", 0.0)
    assert rung(made) == ["301"]
    assert made.deadline() == 5.0
    made.tick(5.0)
    ended, following = made.outgoing
    assert isinstance(ended, OfferWithdrawn)
    assert (ended.agent, ended.why) == ("301", events.NO_ANSWER)
    assert isinstance(following, OfferMade)
    assert following.agent == "302"


def test_agent_who_did_not_answer_is_not_rung_again_before_all_others() -> None:
    made = one(ring_seconds=5.0, retry=RetryDelays(no_answer=1.0))
    come(made, "first", 0.0)
    seen = rung(made)
    for _ in range(4):
        now = made.deadline()
        assert now is not None
        made.tick(now)
        seen += rung(made)
    assert seen == ["301", "302", "303"]  # two ticks are the ends of pauses


def test_agent_with_the_longest_rest_is_rung_first() -> None:
    made = one()
    come(made, "first", 0.0)
    connect(made, 1.0)
    made.left_call("301", "first", 10.0)
    come(made, "second", 11.0)
    connect(made, 12.0)
    made.left_call("302", "second", 13.0)
    for call, agent in (("third", "303"), ("fourth", "301"), ("fifth", "302")):
        come(made, call, 20.0)
        assert rung(made) == [agent]


def test_turns_go_on_after_the_agent_who_was_offered_last() -> None:
    made = one(ROUND_ROBIN)
    for number, agent in enumerate(("301", "302", "303", "301")):
        come(made, f"call{number}", 10.0 * number)
        assert connect(made, 10.0 * number + 1).agent == agent
        made.left_call(agent, f"call{number}", 10.0 * number + 2)


def test_specialists_are_kept_for_who_asks_for_them() -> None:
    rule = QueueRule(
        name="support",
        agents=(
            QueueAgent(name="301", skills=frozenset({"vi", "zh", "billing"})),
            QueueAgent(name="302", skills=frozenset({"vi"})),
        ),
        strategy=SKILLS,
    )
    made = centre(rule)
    assert made.join("first", "support", 0.0, 0, ["vi"])
    made.ready("first", 0.0)
    assert rung(made) == ["302"]
    assert made.join("second", "support", 0.0, 0, ["zh"])
    made.ready("second", 0.0)
    assert rung(made) == ["301"]


def test_caller_with_a_skill_that_no_free_agent_has_does_not_hold_up_the_next() -> None:
    rule = QueueRule(name="support", agents=agents("301"), strategy=SKILLS)
    made = centre(rule)
    assert made.join("first", "support", 0.0, 0, ["zh"])
    made.ready("first", 0.0)
    come(made, "second", 1.0)
    assert rung(made) == ["301"]


def test_first_of_two_who_answer_at_once_has_the_call_and_the_other_is_told() -> None:
    made = one(RING_ALL)
    come(made, "first", 0.0)
    first, second, third = offers(made)
    assert made.picked_up(first.token, 1.0)
    assert made.picked_up(second.token, 1.0)
    assert made.accepted(first.token, 1.1)
    assert not made.accepted(second.token, 1.1)
    assert withdrawn(made) == [
        (second.agent, events.ELSEWHERE),
        (third.agent, events.ELSEWHERE),
    ]
    assert made.agents[second.agent].missed == 0


def test_others_ring_on_when_the_first_who_answers_hangs_up_at_once() -> None:
    made = one(RING_ALL)
    come(made, "first", 0.0)
    first, second, _ = offers(made)
    assert made.picked_up(first.token, 1.0)
    made.failed(first.token, events.HUNG_UP, 1.02)
    assert made.outgoing == []
    assert made.queues["support"].position(made.callers["first"]) == 1
    assert made.picked_up(second.token, 2.0)
    assert made.accepted(second.token, 2.1)


def test_agent_who_becomes_free_rings_with_the_others() -> None:
    made = one(RING_ALL)
    made.away("303", "break", 0.0)
    come(made, "first", 0.0)
    assert rung(made) == ["301", "302"]
    made.back("303", 2.0)
    assert rung(made) == ["303"]


def test_wrap_up_of_one_queue_counts_in_all_six() -> None:
    rules = [
        QueueRule(name=f"queue{index}", agents=agents("301"), wrap_up_seconds=30.0)
        for index in range(6)
    ]
    made = centre(*rules)
    come(made, "first", 0.0, "queue0")
    connect(made, 1.0)
    for index in range(1, 6):
        come(made, f"later{index}", 10.0 + index, f"queue{index}")
    made.left_call("301", "first", 100.0)
    assert made.outgoing == []
    made.tick(129.9)
    assert made.outgoing == []
    assert made.deadline() == 130.0
    made.tick(130.0)
    assert [offer.call for offer in offers(made)] == ["later1"]


def test_longest_waiting_of_all_queues_is_first_and_the_weight_decides_among_equals() -> None:
    made = centre(
        QueueRule(name="light", agents=agents("301")),
        QueueRule(name="heavy", agents=agents("301"), weight=5),
    )
    made.away("301", "break", 0.0)
    come(made, "second", 5.0, "light")
    come(made, "third", 5.0, "heavy")
    come(made, "first", 4.0, "light")
    made.back("301", 10.0)
    seen = []
    for now in (11.0, 12.0, 13.0):
        seen.append(connect(made, now).call)
        made.left_call("301", seen[-1], now + 0.5)
    assert seen == ["first", "third", "second"]


def test_priority_goes_before_the_time_of_waiting() -> None:
    made = one()
    for agent in ("301", "302", "303"):
        made.away(agent, "break", 0.0)
    come(made, "patient", 0.0)
    come(made, "urgent", 50.0, priority=5)
    assert made.queues["support"].position(made.callers["urgent"]) == 1
    made.back("302", 60.0)
    assert [offer.call for offer in offers(made)] == ["urgent"]


def test_agent_who_has_put_the_caller_into_the_queue_is_rung_after_the_others() -> None:
    made = one(ring_seconds=5.0)
    made.has_call("301", "first")
    come(made, "first", 0.0)
    made.left_call("301", "first", 0.0)
    assert rung(made) == ["302"]
    made.tick(5.0)
    assert rung(made) == ["303"]
    made.tick(10.0)
    assert rung(made) == ["301"]


def test_caller_who_hangs_up_while_the_agent_rings_costs_no_wrap_up() -> None:
    made = one(wrap_up_seconds=30.0)
    come(made, "first", 0.0)
    (offer,) = offers(made)
    made.has_call("301", "first")
    assert made.picked_up(offer.token, 1.0)
    made.over("first", 1.05)
    assert withdrawn(made) == [("301", ABANDONED)]
    assert not made.accepted(offer.token, 1.1)
    assert made.agents["301"].state(1.1) == "ready"
    assert made.queues["support"].totals.abandoned == 1


def test_break_during_an_offer_ends_it_once_and_the_next_agent_is_rung() -> None:
    made = one()
    come(made, "first", 0.0)
    (offer,) = offers(made)
    made.away("301", "break", 1.0)
    ended, following = made.outgoing
    assert isinstance(ended, OfferWithdrawn)
    assert ended.token == offer.token
    assert isinstance(following, OfferMade)
    assert following.agent == "302"
    made.outgoing.clear()
    made.back("301", 2.0)
    assert made.outgoing == []  # the caller rings at 302 already


@pytest.mark.parametrize("strategy", [RING_ALL, LONGEST_IDLE])
def test_agent_whose_telephone_is_not_reachable_is_never_offered(strategy: str) -> None:
    made = one(strategy)
    for agent in ("301", "303"):
        made.reachable(agent, 0.0, is_reachable=False)
    come(made, "first", 0.0)
    assert rung(made) == ["302"]
    assert made.agents["301"].state(0.0) == "unreachable"


def test_agent_on_another_call_is_offered_when_that_is_over() -> None:
    made = centre(QueueRule(name="support", agents=agents("301")))
    made.has_call("301", "outbound")
    come(made, "first", 0.0)
    assert made.agents["301"].state(0.0) == "on_call"
    assert made.outgoing == []
    made.left_call("301", "outbound", 9.0)
    assert rung(made) == ["301"]


def test_agent_is_free_when_the_call_ends_though_its_own_end_was_never_told() -> None:
    made = one()
    come(made, "first", 0.0)
    connect(made, 1.0)
    made.over("first", 50.0)
    assert made.agents["301"].state(50.0) == "ready"


def test_agent_is_away_after_three_missed_offers_in_a_row() -> None:
    made = centre(
        QueueRule(
            name="support",
            agents=agents("301"),
            ring_seconds=5.0,
            retry=RetryDelays(no_answer=1.0),
            away_after=3,
        )
    )
    come(made, "first", 0.0)
    for now in (5.0, 6.0, 11.0, 12.0, 17.0, 18.0, 30.0):
        made.tick(now)
    sent = [it for it in made.outgoing if isinstance(it, SentAway)]
    assert sent == [SentAway("301", "missed 3 calls of queue support")]
    assert sum(isinstance(it, OfferMade) for it in made.outgoing) == 3
    assert made.deadline() is None


@pytest.mark.parametrize(
    ("why", "seconds"), [(events.NO_ANSWER, 2.0), (events.BUSY, 3.0), (events.REJECTED, 4.0)]
)
def test_each_kind_of_miss_has_its_own_delay(why: str, seconds: float) -> None:
    delays = RetryDelays(no_answer=2.0, busy=3.0, reject=4.0)
    made = centre(QueueRule(name="support", agents=agents("301"), retry=delays))
    come(made, "first", 0.0)
    (offer,) = offers(made)
    made.failed(offer.token, why, 1.0)
    assert made.deadline() == 1.0 + seconds
    made.tick(1.0 + seconds)
    assert rung(made) == ["301"]


def test_full_queue_takes_nobody_and_counts_who_came() -> None:
    made = one(max_length=2)
    for agent in ("301", "302", "303"):
        made.away(agent, "break", 0.0)
    come(made, "first", 0.0)
    come(made, "second", 1.0)
    assert not made.join("third", "support", 2.0)
    totals = made.queues["support"].totals
    assert (totals.offered, totals.overflowed) == (3, 1)


def test_caller_overflows_after_the_longest_wait_and_whoever_rings_is_let_go() -> None:
    made = one(max_wait_seconds=20.0, ring_seconds=60.0)
    come(made, "first", 0.0)
    (offer,) = offers(made)
    made.tick(20.0)
    assert made.outgoing == [
        OfferWithdrawn(offer.token, "first", "301", events.TIMEOUT),
        Overflowed("first", "support", events.TIMEOUT),
    ]
    assert not made.picked_up(offer.token, 20.1)


def test_longest_wait_does_not_take_a_caller_from_an_agent_who_has_answered() -> None:
    made = one(max_wait_seconds=20.0, ring_seconds=60.0)
    come(made, "first", 0.0)
    (offer,) = offers(made)
    assert made.picked_up(offer.token, 19.95)
    made.tick(20.0)
    assert made.accepted(offer.token, 20.05)
    come(made, "second", 30.0)
    (offer,) = offers(made)
    assert made.picked_up(offer.token, 49.95)
    made.tick(50.0)
    made.failed(offer.token, events.HUNG_UP, 50.05)
    assert made.deadline() == 50.0
    made.tick(50.1)
    assert "second" not in made.callers


def test_place_is_kept_for_a_minute_for_who_left_by_a_key() -> None:
    made = one()
    for agent in ("301", "302", "303"):
        made.away(agent, "break", 0.0)
    for number, call in enumerate(("first", "second", "third")):
        come(made, call, float(number))
    for call in ("first", "second"):
        made.leave(call, 10.0, events.KEY)
    come(made, "second", 10.0 + PLACE_SECONDS)
    assert [it.call for it in made.queues["support"].callers] == ["third", "second"]
    made.leave("third", 100.0, events.KEY)
    come(made, "fourth", 101.0)
    come(made, "third", 110.0)
    assert [it.call for it in made.queues["support"].callers] == ["third", "second", "fourth"]


def test_caller_is_offered_to_nobody_before_it_can_be_connected() -> None:
    made = one()
    assert made.join("first", "support", 0.0)
    assert made.outgoing == []
    made.ready("first", 0.5)
    assert rung(made) == ["301"]


def test_expected_wait_follows_from_how_fast_callers_left() -> None:
    made = one()
    for number in range(4):
        come(made, f"call{number}", 60.0 * number)
        connect(made, 60.0 * number + 1)
        made.left_call("301", f"call{number}", 60.0 * number + 2)
        made.outgoing.clear()
    queue = made.queues["support"]
    assert queue.expected_wait(2, 241.0) == pytest.approx(2 * 240 / 4)
    assert queue.expected_wait(2, 241.0 + 3600) is None


@pytest.mark.parametrize("kept", [("support",), ()])
def test_reload_keeps_who_waits_and_overflows_who_waits_for_what_is_gone(
    kept: Sequence[str],
) -> None:
    rule = QueueRule(name="support", agents=agents("301"))
    made = centre(rule)
    made.away("301", "break", 0.0)
    come(made, "first", 0.0)
    more = QueueRule(name="support", agents=agents("301", "302"))
    made.serve(dict.fromkeys(kept, more), 10.0)
    if kept:
        assert rung(made) == ["302"]
    else:
        assert made.outgoing == [Overflowed("first", "support", events.REMOVED)]


def test_history_tells_the_story_of_a_caller() -> None:
    made = one(ring_seconds=5.0)
    come(made, "first", 0.0)
    made.tick(5.0)
    offer = [it for it in made.outgoing if isinstance(it, OfferMade)][-1]
    made.picked_up(offer.token, 7.0)
    made.accepted(offer.token, 7.1)
    made.left_call("302", "first", 60.0)
    told = [(row.at, row.kind, row.agent, row.why) for row in made.history]
    assert told == [
        (0.0, events.JOINED, "", ""),
        (0.0, events.OFFERED, "301", ""),
        (5.0, events.MISSED, "301", events.NO_ANSWER),
        (5.0, events.OFFERED, "302", ""),
        (7.0, events.PICKED_UP, "302", ""),
        (7.1, ANSWERED, "302", ""),
        (60.0, events.TALK_ENDED, "302", ""),
    ]
    assert made.history[-2].waited_seconds == 7.1


def test_moved_caller_keeps_its_place_by_time_and_lets_go_of_who_rings() -> None:
    made = centre(
        QueueRule(name="sales", agents=agents("301"), max_wait_seconds=60.0),
        QueueRule(name="support", agents=agents("302"), max_wait_seconds=60.0),
    )
    made.away("302", "lunch", 0.0)
    come(made, "waits", 0.0, "support")
    come(made, "moved", 1.0, "sales")
    come(made, "later", 2.0, "support")
    (offer,) = offers(made)
    assert made.move("moved", "support", 10.0)
    assert withdrawn(made) == [("301", events.MOVED)]
    assert [it.call for it in made.queues["support"].callers] == ["waits", "moved", "later"]
    assert not made.picked_up(offer.token, 10.0)
    assert made.callers["moved"].joined == 10.0
    assert made.move("later", "support", 11.0, front=True)
    assert [it.call for it in made.queues["support"].callers] == ["later", "waits", "moved"]
    made.back("302", 12.0)
    assert [it.call for it in offers(made)] == ["later"]
    for name, count in (("sales", (1, 1)), ("support", (3, 0))):
        totals = made.queues[name].totals
        assert (totals.offered, totals.overflowed) == count


def test_who_is_answered_or_does_not_wait_is_not_moved() -> None:
    made = one()
    come(made, "first", 0.0)
    (offer,) = offers(made)
    assert made.picked_up(offer.token, 1.0)
    assert not made.move("first", "support", 1.0, front=True)
    assert not made.move("nobody", "support", 1.0)
    assert not made.move("first", "nowhere", 1.0)
