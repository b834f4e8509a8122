"""Each message of a PRACK and of a transfer lost in turn: both ends converge, nothing is left."""

from collections.abc import Callable

from mid_dialog import DIALPLAN, NO_TIMERS, SDP_ROW, Party
from support.wire import CALLER, ROUTER, Router, Wire, left_over

from callrouter.call.legs.uas_leg import ALeg
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request

OTHER = "192.0.2.4"
Play = Callable[[frozenset[int]], Wire]


class Behind:
    """Somebody behind the target whom the PRACK is for."""

    unpracked = "1 1 INVITE"


class Ringing(Party):
    """A target that rings reliably once for each call, and whose INVITE may come again."""

    def on_request(self, request: Request, flow: Flow) -> None:
        super().on_request(request, flow)
        assert isinstance(self.leg, ALeg)
        self.leg.meet(NO_TIMERS, request)
        self.leg.ring(183, "", SDP_ROW, self.body, Behind())


def is_over(router: Router, wire: Wire, *parties: Party) -> None:
    story = wire.story()
    assert router.noted.bugs == [], story
    assert len(router.noted.started) == len(router.noted.ended) == 1, story
    for stack in (router.stack, *(party.stack for party in parties)):
        assert left_over(stack) == {}, story


def pracked(lost: frozenset[int]) -> Wire:
    """A call whose ringing is acknowledged from end to end."""
    wire = Wire(lambda number: number in lost)
    router = Router(wire, DIALPLAN % ("", ""))
    desk, caller = Ringing(wire, "192.0.2.3", answers=False), Party(wire, CALLER[0])
    caller.call("4000", "Supported: 100rel\r\n")
    wire.run(8.0)
    story = wire.story()
    assert [one for one in wire.sent if one.goal == ROUTER and one.start[:5] == "PRACK"], story
    assert desk.asked == ["PRACK"], story
    desk.answer()
    wire.run(20.0)
    assert caller.outcome == "answered", story
    assert caller.leg is not None
    caller.leg.hang_up()
    wire.run()
    is_over(router, wire, caller, desk)
    return wire


def transferred(lost: frozenset[int]) -> Wire:
    """A call whose callee has the caller connected with somebody else."""
    wire = Wire(lambda number: number in lost)
    router = Router(wire, DIALPLAN % ("", ""))
    desk, other = Party(wire, "192.0.2.3"), Party(wire, OTHER)
    caller = Party(wire, CALLER[0])
    caller.call("4000")
    wire.run(8.0)
    desk.ask("REFER", f"Refer-To: <sip:4001@{ROUTER[0]}>\r\n")
    wire.run(30.0)
    story = wire.story()
    assert [response.status for response in desk.responses] == [202], story
    assert desk.outcome == "over", story
    assert len(other.invites) == 1, story
    assert caller.leg is not None
    caller.leg.hang_up()
    wire.run()
    assert other.outcome == "over", wire.story()
    is_over(router, wire, caller, desk, other)
    return wire


def each_lost(play: Play) -> None:
    """Play it whole, and then without each of its datagrams."""
    count = len(play(frozenset()).sent)
    assert count > 13
    for number in range(count):
        play(frozenset((number,)))


def test_any_message_of_a_call_with_prack_is_lost_and_it_goes_through() -> None:
    each_lost(pracked)


def test_any_message_of_a_call_that_is_transferred_is_lost_and_it_goes_through() -> None:
    each_lost(transferred)
