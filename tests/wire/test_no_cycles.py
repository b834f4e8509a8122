"""Calls leave nothing for the garbage collector: the server lets it look at young objects only."""

import gc

from support.wire import Caller, Router, Target, Wire, talk_and_hang_up


def test_ended_calls_leave_no_reference_cycle() -> None:
    wire = Wire()
    router, target, caller = Router(wire), Target(wire), Caller(wire)
    caller.call(talk_and_hang_up)
    wire.run()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            caller.call(talk_and_hang_up)
            wire.run()
        assert gc.collect() == 0
    finally:
        gc.enable()
    assert (len(router.noted.ended), target.calls) == (21, 21)
