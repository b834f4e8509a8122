"""A recorded caller is transferred, and the recording goes on with whom it talks to then."""

import pytest
from mid_dialog import Party
from spoken import SpokenRouter, compiled
from support.wire import CALLER, ROUTER, TARGET, Wire, left_over

from callrouter.sip.dialog import Dialog

REFER = f"Refer-To: <sip:5003@{ROUTER[0]}>\r\n"


def dialog_of(party: Party) -> Dialog:
    assert party.leg is not None
    return party.leg.dialog


@pytest.mark.parametrize("moves", [0, 1, 3])
def test_recording_is_one_file_however_often_the_caller_is_transferred(moves: int) -> None:
    wire = Wire()
    router = SpokenRouter(wire, compiled())
    desk, caller = Party(wire, TARGET[0]), Party(wire, CALLER[0])
    caller.call("5009")
    wire.run(20.0)
    assert caller.outcome == "answered"
    for number in range(moves):
        before = dialog_of(desk)
        desk.ask("REFER", REFER)
        wire.run(20.0 + 10.0 * (number + 1))
        assert dialog_of(desk) is not before
        assert caller.asked == []
    assert caller.leg is not None
    caller.leg.hang_up()
    wire.run()
    assert router.noted.bugs == []
    (record,) = router.noted.ended
    assert [leg.result for leg in record.legs] == ["answered"] * (moves + 1)
    assert all(leg.ended_ms is not None for leg in record.legs)
    (kept,) = record.recordings
    assert kept.result == "complete"
    assert record.answered_ms is not None
    assert record.ended_ms is not None
    assert kept.ms == pytest.approx(record.ended_ms - record.answered_ms, abs=100)
    for stack in (router.stack, caller.stack, desk.stack):
        assert left_over(stack) == {}, wire.story()
