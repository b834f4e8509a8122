"""The state in memory: what is counted, what is bounded, what ends."""

import random

import pytest

from callrouter.call.services.shared_state import Busy, LineReservation, Shared
from callrouter.route.values.plan import AutoBlock, Hold
from callrouter.route.values.snapshot import KnownNumber
from callrouter.state import blocks_in_memory as module
from callrouter.state.journal import Key, Value
from callrouter.state.memory import Memory

RULE = AutoBlock(calls=3, within_seconds=10.0, for_seconds=20.0)


class Journal:
    """What a memory told: the last value of each key."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, Key], Value] = {}

    def put(self, kind: str, key: Key, value: Value) -> None:
        self.values[kind, key] = value

    def entries(self) -> list[tuple[str, Key, tuple[object, ...]]]:
        return [(kind, key, it) for (kind, key), it in self.values.items() if it is not None]


def fresh() -> tuple[Memory, Journal]:
    journal = Journal()
    return Memory(journal.put, seed=1), journal


def restored(journal: Journal) -> Memory:
    memory = Memory(Journal().put, seed=2)
    memory.restore(journal.entries())
    return memory


def test_memory_is_what_calls_share() -> None:
    shared: Shared = fresh()[0].ports
    assert shared.snapshot().lines == {}


def test_what_a_decision_reads_cannot_be_changed_by_it() -> None:
    memory, _ = fresh()
    snapshot = memory.snapshot()
    for name in ("lines", "turns", "blocks", "attempts", "away", "arrivals", "overrides"):
        with pytest.raises(TypeError):
            getattr(snapshot, name)["x"] = 1


def test_what_is_known_of_a_number_is_found_however_it_is_written() -> None:
    memory, _ = fresh()
    virtual = KnownNumber(text="virtual", country="", groups=frozenset())
    memory.live({}, {"13800000001": virtual}, "CN")
    assert memory.snapshot().known["+8613800000001"] is virtual
    memory.live({}, {}, "CN")
    assert not memory.snapshot().known


def hold(*names: str, lines: int = 0) -> tuple[Hold, ...]:
    return tuple(Hold(name, lines) for name in names)


def test_lines_are_zero_again_after_any_order_of_calls() -> None:
    memory, _ = fresh()
    chance = random.Random(7)
    up: list[LineReservation] = []
    for _ in range(10_000):
        if up and chance.random() < 0.5:
            up.pop(chance.randrange(len(up))).release()
        else:
            names = chance.choices(["number 4000", "trunk lab", "extension 801"], k=2)
            granted = memory.lines.reserve(hold(*names))
            assert isinstance(granted, LineReservation)
            up.append(granted)
        assert sum(memory.snapshot().lines.values()) == 2 * len(up)
    for granted in up:
        granted.release()
    assert memory.snapshot().lines == {}


def test_reservation_that_is_released_twice_gives_its_lines_back_once() -> None:
    memory, _ = fresh()
    first, second = (memory.lines.reserve(hold("number 4000")) for _ in range(2))
    assert isinstance(first, LineReservation)
    first.release()
    first.release()
    assert memory.snapshot().lines == {"number 4000": 1}
    assert second is not first


def test_bug_that_gives_back_more_than_is_held_costs_no_call_its_end() -> None:
    memory, _ = fresh()
    granted = memory.lines.reserve(hold("number 4000"))
    assert isinstance(granted, LineReservation)
    memory.lines.reserve(hold("trunk lab"))
    memory.lines._give(granted.holds)
    memory.lines._give((*granted.holds, *hold("trunk lab")))
    assert memory.snapshot().lines == {}
    granted.release()
    assert memory.snapshot().lines == {}


def test_lines_are_reserved_all_or_none() -> None:
    memory, _ = fresh()
    assert isinstance(memory.lines.reserve(hold("trunk lab", lines=1)), LineReservation)
    both = (Hold("number 4000", 5), Hold("trunk lab", 1))
    assert memory.lines.reserve(both) == Busy("trunk lab")
    assert memory.snapshot().lines == {"trunk lab": 1}
    assert memory.lines.count(["trunk lab", "number 4000"]) == {"trunk lab": 1, "number 4000": 0}


def test_snapshot_is_live_and_each_has_a_seed_of_its_own() -> None:
    memory, _ = fresh()
    snapshot = memory.snapshot()
    first = snapshot.seed
    memory.rotations.turned("sales")
    assert snapshot.turns == {"sales": 1}
    assert memory.snapshot().seed != first


def test_call_too_often_blocks_the_caller_for_as_long_as_the_rule_says() -> None:
    memory, _ = fresh()
    for at in (100.0, 101.0):
        memory.blocks.attempted("4013", "+861", at, RULE)
        assert not memory.snapshot().blocks
    memory.blocks.attempted("4013", "+861", 102.0, RULE)
    assert memory.snapshot().blocks == {("4013", "+861"): 122.0}
    assert not memory.snapshot().attempts


def test_calls_outside_the_window_do_not_add_up() -> None:
    memory, _ = fresh()
    for at in (100.0, 105.0, 110.0, 115.0, 120.0):
        memory.blocks.attempted(
            "4013", "+861", at, AutoBlock(calls=3, within_seconds=10.0, for_seconds=20.0)
        )
    assert not memory.snapshot().blocks


def test_calls_while_blocked_do_not_make_the_block_longer() -> None:
    memory, _ = fresh()
    for at in (100.0, 101.0, 102.0, 110.0, 111.0, 112.0):
        memory.blocks.attempted("4013", "+861", at, RULE)
    assert memory.snapshot().blocks == {("4013", "+861"): 122.0}


def test_ended_blocks_overrides_and_attempts_are_forgotten() -> None:
    memory, journal = fresh()
    for at in (100.0, 101.0, 102.0):
        memory.blocks.attempted("4013", "+861", at, RULE)
    memory.blocks.attempted("4013", "+862", 103.0, RULE)
    memory.blocks.block("", "+863", 0.0)
    memory.overrides.override("office", open=False, until=110.0)
    memory.overrides.override("shop", open=True, until=0.0)
    memory.expire(112.9)
    assert set(memory.snapshot().attempts) == {("4013", "+862")}
    assert set(memory.snapshot().overrides) == {"shop"}
    memory.expire(122.0)
    assert not memory.snapshot().attempts
    assert set(memory.snapshot().blocks) == {("", "+863")}
    assert {kind for kind, _, _ in journal.entries()} == {"block", "override"}


def test_flood_of_made_up_callers_keeps_its_bound_and_drops_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CALLERS", 100)
    memory, journal = fresh()
    for index in range(1000):
        memory.blocks.attempted("4013", f"+86{index}", 100.0, RULE)
    assert len(memory.snapshot().attempts) == 100
    assert ("4013", "+86999") in memory.snapshot().attempts
    assert memory.blocks.dropped == 900
    assert len(journal.entries()) == 100


def test_flood_of_blocks_does_not_push_out_what_was_blocked_by_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CALLERS", 100)
    memory, _ = fresh()
    for index in range(10):
        memory.blocks.block("", f"hand{index}", 0.0)
    for index in range(1000):
        memory.blocks.attempted(
            "4013", f"+86{index}", 100.0, AutoBlock(calls=1, within_seconds=10.0, for_seconds=20.0)
        )
    blocks = list(memory.blocks.newest(101.0))
    assert len(blocks) == 100
    assert {block.caller for block in blocks if block.by_hand} == {f"hand{i}" for i in range(10)}


def test_too_many_blocks_by_hand_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BY_HAND", 2)
    memory, _ = fresh()
    assert [memory.blocks.block("", caller, 0.0) for caller in "abc"] == [True, True, False]


def test_first_digits_that_are_blocked_are_known_by_their_length_until_the_last_is_gone() -> None:
    memory, journal = fresh()
    for caller in ("+86898*", "+86899*", "47*", "+86138"):
        memory.blocks.block("", caller, 0.0)
        memory.blocks.block("", caller, 500.0)
    assert sorted(memory.snapshot().begun) == [2, 6]
    assert sorted(restored(journal).snapshot().begun) == [2, 6]
    assert memory.blocks.unblock("", "+86898*")
    assert sorted(memory.snapshot().begun) == [2, 6]
    memory.expire(501.0)
    assert not memory.snapshot().blocks
    assert not memory.snapshot().begun
    assert not memory.snapshot().by_hand


def test_released_caller_starts_from_nothing() -> None:
    memory, journal = fresh()
    for at in (100.0, 101.0, 102.0):
        memory.blocks.attempted("4013", "+861", at, RULE)
    assert memory.blocks.unblock("4013", "+861")
    assert not memory.blocks.unblock("4013", "+861")
    memory.blocks.attempted("4013", "+861", 103.0, RULE)
    assert not memory.snapshot().blocks
    assert [kind for kind, _, _ in journal.entries()] == ["attempts"]


def test_restart_knows_all_but_the_lines() -> None:
    memory, journal = fresh()
    memory.lines.reserve(hold("number 4000"))
    memory.rotations.turned("sales")
    memory.rotations.turned("sales")
    memory.blocks.attempted("4013", "+861", 100.0, RULE)
    memory.blocks.attempted("4013", "+861", 101.0, RULE)
    memory.blocks.block("", "+862", 500.0)
    memory.overrides.override("office", open=False, until=400.0)
    memory.presence.leave("801", "on leave")
    again = restored(journal)
    assert again.snapshot().lines == {}
    assert again.snapshot().turns == {"sales": 2}
    assert again.snapshot().blocks == {("", "+862"): 500.0}
    assert again.snapshot().away == {"801": "on leave"}
    assert again.snapshot().overrides["office"].until == 400.0
    again.blocks.attempted("4013", "+861", 102.0, RULE)
    assert again.snapshot().blocks["4013", "+861"] == 122.0


def test_what_was_cleared_stays_cleared_over_a_restart() -> None:
    memory, journal = fresh()
    memory.overrides.override("office", open=False, until=0.0)
    memory.presence.leave("801", "away")
    assert memory.overrides.end("office")
    assert memory.presence.come_back("801")
    assert not memory.overrides.end("office")
    assert not memory.presence.come_back("801")
    again = restored(journal)
    assert (again.overrides.standing(), again.presence.away()) == ({}, {})


@pytest.mark.parametrize(
    "entry",
    [
        ("turn", ("sales",), ("many",)),
        ("block", ("4000",), (1.0, True)),
        ("attempts", ("4000", "+861"), ()),
        ("override", ("office",), (True, None)),
        ("moon", ("x",), (1,)),
    ],
)
def test_state_that_is_not_ours_is_refused(
    entry: tuple[str, Key, tuple[object, ...]],
) -> None:
    with pytest.raises((ValueError, TypeError)):
        Memory(Journal().put, seed=1).restore([entry])


def test_arrivals_are_kept_as_long_as_they_count_and_never_more_than_two_seconds_worth() -> None:
    memory, journal = fresh()
    for call in range(10_000):
        memory.lines.arrived("trunk lab", call / 1000, 10)
    times = memory.snapshot().arrivals["trunk lab"]
    assert len(times) <= 20
    assert list(times) == sorted(times)
    assert times[-1] == 9.999
    assert list(times[-10:]) == [call / 1000 for call in range(9_990, 10_000)]
    memory.expire(10.9)
    assert memory.snapshot().arrivals
    memory.expire(11.0)
    assert memory.snapshot().arrivals == {}
    assert journal.values == {}
