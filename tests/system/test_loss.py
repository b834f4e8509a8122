"""Calls over a path that loses datagrams in both directions, on both legs."""

from support.phones import Phones
from support.relay import Relay
from support.stage import Scene, story

_RATE = 40.0
_HOLD = 0.2


async def calls_get_through(scene: Scene, loss: float, seed: int) -> None:
    """Make calls through two relays; none may fail, and each leaves one right record."""
    count = 500 if scene.full else 200
    server = scene.server_address()
    near = await Relay.open(server, loss, seed, 0)
    far = await Relay.open(server, loss, seed + 2, scene.ports[0])
    callers = await Phones.open(("127.0.0.1", near.inner), contact=near.outer)
    callees = await Phones.open(("127.0.0.1", far.inner), contact=far.outer)
    near.phones, far.phones = ("127.0.0.1", callers.port), ("127.0.0.1", callees.port)
    for closing in (near.close, far.close, callers.close, callees.close):
        scene.closing(closing)
    made = await callers.calls(scene.number, count, _RATE, _HOLD)
    assert [outcome.status for outcome in made] == [200] * count
    assert all(outcome.closed for outcome in made)
    records = await scene.serving.records(scene.number, count)
    assert {record["call_id"] for record in records} == {outcome.call_id for outcome in made}
    for record in records:
        assert (record["disposition"], record["status"]) == ("ANSWERED", 200)
        assert (record["cause"], record["hung_up_by"]) == (16, "caller")
        assert [leg["result"] for leg in record["legs"]] == ["answered"]
    for relay in (near, far):
        share = relay.dropped / (relay.dropped + relay.passed)
        assert loss / 2 < share < loss * 2


@story(progress="32s")
async def test_no_call_fails_when_2_percent_of_all_datagrams_are_lost(scene: Scene) -> None:
    await calls_get_through(scene, 0.02, seed=2)


@story(progress="32s")
async def test_no_call_fails_when_10_percent_of_all_datagrams_are_lost(scene: Scene) -> None:
    await calls_get_through(scene, 0.10, seed=10)
