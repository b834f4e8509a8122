"""What extensions have called outside, and what was shown: bounded, and taken over."""

from decimal import Decimal

import pytest

from callrouter.route.values.snapshot import DAY, RunningCost
from callrouter.state import outgoing_calls
from callrouter.state.extensions_in_memory import ForwardsInMemory
from callrouter.state.journal import Key, Value
from callrouter.state.outgoing_calls import HOUR, MOST, OutgoingInMemory

NOW = 1_772_769_600.0


class Journal:
    """Keeps the last value of each key."""

    def __init__(self) -> None:
        self.kept: dict[Key, Value] = {}

    def __call__(self, _kind: str, key: Key, value: Value) -> None:
        if value is None:
            del self.kept[key]
        else:
            self.kept[key] = value


def test_call_counts_for_its_extension_and_for_all_while_it_goes_on_and_for_an_hour() -> None:
    journal = Journal()
    calls = OutgoingInMemory(journal)
    calls.began("101", "a", NOW, None)
    calls.began("102", "a", NOW, None)
    calls.answered("101", "a", NOW + 10, None)
    for whose, count in (("101", 1), ("102", 1), ("", 2)):
        assert calls.use[whose].count(NOW - 1) == count
    assert calls.use["101"].seconds(NOW, NOW + 70) == 60
    calls.expire(NOW + 2 * HOUR)
    assert set(calls.use) == {"101", ""}  # it is still talked to
    calls.ended("101", "a", NOW + 3 * HOUR, None, Decimal(0))
    assert calls.use[""].seconds(NOW + 2 * HOUR, NOW + 3 * HOUR) == HOUR
    calls.expire(NOW + 4 * HOUR)
    assert (dict(calls.use), journal.kept) == ({}, {})


def test_what_the_journal_was_told_is_taken_over_and_a_call_cut_off_counts_as_begun() -> None:
    journal = Journal()
    before = OutgoingInMemory(journal)
    before.began("101", "over", NOW, None)
    before.answered("101", "over", NOW + 1, None)
    before.ended("101", "over", NOW + 61, None, Decimal(0))
    before.began("101", "lost", NOW + 5, None)
    before.answered("101", "lost", NOW + 6, None)
    after = OutgoingInMemory(Journal())
    for key, value in journal.kept.items():
        assert value is not None
        after.restore(key, value)
    assert after.use["101"].count(NOW - 1) == 2
    assert after.use[""].seconds(NOW, NOW + HOUR) == 60


def test_end_of_a_call_that_nobody_saw_begin_is_no_fault() -> None:
    calls = OutgoingInMemory(Journal())
    calls.ended("101", "a", NOW, None, Decimal(0))
    assert calls.use["101"].seconds(NOW - HOUR, NOW) == 0


def test_calls_that_are_kept_are_bounded_the_oldest_go() -> None:
    journal = Journal()
    calls = OutgoingInMemory(journal)
    for number in range(MOST + 5):
        calls.began("101", str(number), NOW, None)
    assert (len(calls.use["101"].calls), len(calls.use[""].calls)) == (MOST, MOST)
    assert (len(journal.kept), "5" in calls.use["101"].calls) == (MOST, True)
    assert "4" not in calls.use["101"].calls


def test_what_was_shown_is_kept_for_a_day_from_the_last_time_and_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outgoing_calls, "MOST_SHOWN", 2)
    journal = Journal()
    calls = OutgoingInMemory(journal)
    calls.showed("+8613800138000", "1", NOW)
    calls.showed("+8613800138001", "2", NOW + 1)
    calls.showed("+8613800138000", "1", NOW + 2)
    calls.expire(NOW + 1 + DAY)
    assert (list(calls.shown), len(journal.kept)) == (["+8613800138000"], 1)
    for number in "123":
        calls.showed(number, "9", NOW + 3)
    assert (list(calls.shown), len(journal.kept)) == (["2", "3"], 2)
    after = OutgoingInMemory(Journal())
    after.restore_shown("2", "9", NOW + 3)
    assert after.shown == {"2": ("9", NOW + 3)}


def test_forward_is_switched_to_nowhere_too_and_back() -> None:
    journal = Journal()
    forwards = ForwardsInMemory(journal)
    assert forwards.forward("101", "all", "102")
    assert forwards.forward("101", "busy", "")
    assert forwards.switched() == {"101 all": "102", "101 busy": ""}
    assert forwards.unswitch("101", "all")
    assert not forwards.unswitch("101", "all")
    again = ForwardsInMemory(Journal())
    for (switch,), value in journal.kept.items():
        assert value is not None
        again.restore(switch, str(value[0]))
    assert again.goals == {"101 busy": ""}


def test_what_was_spent_counts_for_an_hour_and_a_day_and_is_taken_over() -> None:
    journal = Journal()
    calls = OutgoingInMemory(journal)
    running = RunningCost("out", "+8613800138000", NOW)
    calls.began("101", "a", NOW, None)
    calls.answered("101", "a", NOW, running)
    assert calls.use["101"].running == {"a": running}
    assert calls.use[""].running == {"101 a": running}
    calls.ended("101", "a", NOW + 60, None, Decimal("1.5"))
    calls.began("102", "b", NOW + 60, None)
    calls.ended("102", "b", NOW + 61, None, Decimal("0.25"))
    assert not calls.use["101"].running
    assert (calls.use["101"].cost(NOW), calls.use[""].cost(NOW)) == (
        Decimal("1.5"),
        Decimal("1.75"),
    )
    assert calls.use["101"].cost(NOW + 2 * HOUR) == 0
    after = OutgoingInMemory(Journal())
    for key, value in journal.kept.items():
        assert value is not None
        if len(value) == 1:
            after.restore_spent(key, str(value[0]))
    assert (after.use["101"].cost(NOW), after.use[""].cost(NOW)) == (
        Decimal("1.5"),
        Decimal("1.75"),
    )
    calls.expire(NOW + DAY + HOUR)
    assert (dict(calls.use), journal.kept) == ({}, {})
    with pytest.raises(ValueError, match="expected an amount"):
        after.restore_spent(("101", "1"), "much")
