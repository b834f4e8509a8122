"""What a call takes of the shared state: given back exactly once, whatever becomes of the call."""

import pytest
from hunted import FACTS, HOLDS, World, decided, hunt, target, together

from callrouter.route.values.plan import AutoBlock, Hold, Refusal
from callrouter.state.lines import LinesInMemory

REFUSED = Refusal(reason="blocked", status=403, cause=21)


@pytest.mark.parametrize(
    ("scripts", "cancel_after", "disposition"),
    [
        (("a: 200 after 1s",), None, "ANSWERED"),
        (("a: 486 after 1s",), None, "BUSY"),
        (("a: 180",), None, "NO_ANSWER"),
        (("a: silence",), None, "UNAVAILABLE"),
        (("a: 180",), 1.0, "CANCELLED"),
    ],
)
def test_lines_are_held_while_the_call_lasts_and_free_afterwards(
    monkeypatch: pytest.MonkeyPatch,
    scripts: tuple[str, ...],
    cancel_after: float | None,
    disposition: str,
) -> None:
    decided(monkeypatch, together("a"))
    world = World(*scripts, cancel_after=cancel_after)
    world.wire.run(until=0.006)
    assert world.lines == dict.fromkeys(HOLDS, 1)
    assert world.play().disposition == disposition
    assert world.lines == {}


def test_call_refused_before_any_leg_gives_its_lines_back(monkeypatch: pytest.MonkeyPatch) -> None:
    decided(monkeypatch, final=REFUSED)
    world = World()
    record = world.play()
    assert (record.status, record.reason, record.legs) == (403, "blocked", [])


def test_bug_in_the_story_gives_the_lines_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    decided(monkeypatch, together("a", "b"))
    monkeypatch.setattr("callrouter.call.flows.hunt.hunt.CallerSide.connect", broken)
    given = []
    give = LinesInMemory._give

    def noted(lines: LinesInMemory, holds: tuple[Hold, ...]) -> None:
        given.append(tuple(hold.name for hold in holds))
        give(lines, holds)

    monkeypatch.setattr(LinesInMemory, "_give", noted)
    world = World("a: 180, 200 after 1s", "b: 180")
    world.wire.run()
    assert given == [HOLDS]
    assert world.lines == {}
    assert len(world.router.noted.bugs) == 1
    (record,) = world.router.noted.ended
    assert (record.status, record.reason) == (500, "internal_error")
    assert world.asked("b") == ["INVITE", "CANCEL", "ACK"]


def test_rotation_turns_once_for_each_hunt_that_is_carried_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed_over = hunt((target("b"),), on=frozenset(("no_answer",)), rotation="second")
    decided(monkeypatch, hunt((target("a"),), rotation="first"), passed_over)
    world = World("a: 486")
    world.play()
    assert dict(world.router.shared.snapshot().turns) == {"first": 1}


def test_call_that_counts_against_its_caller_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    decided(
        monkeypatch, together("a"), rule=AutoBlock(calls=3, within_seconds=10.0, for_seconds=20.0)
    )
    world = World("a: 486")
    world.play()
    attempts = world.router.shared.snapshot().attempts
    assert list(attempts) == [("4000", FACTS.caller)]
    assert [round(at - FACTS.at, 1) for at in attempts["4000", FACTS.caller]] == [0.0]
