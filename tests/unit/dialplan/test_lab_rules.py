"""The lab's numbers for the rules, each with the callers that docs and issue promise it for."""

import datetime
from functools import cache
from pathlib import Path

import pytest

from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts
from callrouter.route.values.snapshot import Snapshot


@cache
def lab() -> Dialplan:
    return load_dialplan(Path(__file__).parents[3] / "dialplans" / "lab.yaml")


MOBILE = "13900139000"


def ports(
    called: str,
    caller: str = MOBILE,
    at: str = "2026-03-06T12:00",
    snapshot: Snapshot | None = None,
) -> list[list[int]] | tuple[int, str]:
    """What rings, by round; or the status and the reason of the refusal."""
    moment = datetime.datetime.fromisoformat(f"{at}+08:00").timestamp()
    facts = Facts(
        trunk="lab",
        source="127.0.0.1",
        caller=caller,
        called=called,
        to_user="",
        to_ext="",
        at=moment,
    )
    plan = decide(lab(), facts, snapshot or Snapshot()).plan
    if plan.hunts:
        return [[t.port for t in together] for hunt in plan.hunts for together in hunt.rounds]
    assert plan.final is not None
    return plan.final.status, plan.final.reason


@pytest.mark.parametrize(
    ("at", "port"),
    [
        ("2026-03-06T08:29", 5082),
        ("2026-03-06T08:30", 5081),
        ("2026-03-06T17:29", 5081),
        ("2026-03-06T17:30", 5082),
        ("2026-03-07T11:59", 5081),
        ("2026-03-07T12:01", 5082),
        ("2026-03-08T10:00", 5082),
        ("2026-10-01T10:00", 5082),
    ],
)
def test_4010_rings_the_land_line_in_hours_and_the_mobile_else(at: str, port: int) -> None:
    assert ports("4010", at=at) == [[port]]


def test_4011_refuses_the_listed_with_403() -> None:
    for caller in ("+8613800138000", "08981234567", "+8613900139000", "0899123456", "+19001"):
        refused = caller != "+19001"
        assert ports("4011", caller) == ((403, "blocked_caller") if refused else [[5080]])
    assert ports("4011", "07561234567") == [[5080]]


def test_4012_is_for_guangdong_and_0756_alone() -> None:
    assert ports("4012", "02012345678") == [[5080]]
    assert ports("4012", "07561234567") == [[5080]]
    for caller in ("01012345678", "anonymous", "+12125551234"):
        assert ports("4012", caller) == (486, "area_refused")


def test_4013_refuses_the_third_call_and_4014_the_third_line() -> None:
    at = datetime.datetime.fromisoformat("2026-03-06T12:00+08:00").timestamp()
    key = ("4013", f"+86{MOBILE}")
    assert ports("4013", snapshot=Snapshot(attempts={key: [at - 9]})) == [[5080]]
    third = Snapshot(attempts={key: [at - 9, at - 1]})
    assert ports("4013", snapshot=third) == (403, "auto_blocked")
    assert ports("4014", snapshot=Snapshot(lines={"number 4014": 1})) == [[5080]]
    assert ports("4014", snapshot=Snapshot(lines={"number 4014": 2})) == (486, "over_limit")


def test_4015_to_4019_ring_as_their_strategies_say() -> None:
    assert ports("4015") == [[5081, 5082, 5083]]
    assert ports("4016") == [[5081], [5082]]
    assert lab().numbers["4016"].route[1].several.hunt.on == {"busy"}
    assert ports("4017", "+12125551234") == (403, "country_refused")
    assert ports("4017") == [[5080]]
    turn = Snapshot(turns={"step 1 of number 4018": 1})
    assert ports("4018", snapshot=turn) == [[5082], [5083], [5081]]
    assert ports("4019") == [[5081, 5082, 5083]]
    targets = lab().numbers["4019"].route[0].several.hunt.targets
    assert [target.delay_seconds for target in targets] == [0.0, 2.0, 4.0]
