"""Each datagram of calls that are spoken to lost in turn: all of them come to the same end."""

import pytest
from descriptions import contradictions
from spoken import SpokenRouter, compiled
from support.wire import CALLER, ROUTER, TARGET, Wire, left_over
from test_speaking_paths import CALLS, Calm

from callrouter.sip.message import Request, parse

TALKS = 8.0
PLAYED = ("5003", "5005", "5009", "5013")
"""A greeting, a menu, a recording and a confirmation."""
LATEST = 45.0
"""An INVITE or a BYE is sent again within 32 s; the talk follows."""


class Heard:
    """What one call came to."""

    def __init__(self, number: str, lost: int) -> None:
        self.wire = Wire(lambda place: place == lost)
        self.router = SpokenRouter(self.wire, compiled())
        pressed, confirmed = CALLS[number]
        self.caller = Calm(self.wire, CALLER, pressed, late=False)
        self.target = Calm(self.wire, TARGET, confirmed, late=False)
        self.caller.stack.timers.start(TALKS, self._hang_up)
        self.caller.call(number)
        self.wire.run()

    def _hang_up(self, now: float) -> None:
        if self.caller.leg is not None:
            self.caller.leg.hang_up()
        elif now < LATEST:
            self.caller.stack.timers.start(now + 1.0, self._hang_up)

    def check(self, number: str) -> None:
        story = f"{number}\n{self.wire.story()}"
        router = self.router
        assert router.noted.bugs == [], story
        (record,) = router.noted.ended
        assert (record.disposition, record.hung_up_by) == ("ANSWERED", "caller"), story
        assert record.legs[-1].result == "answered", story
        for stack in (router.stack, self.caller.stack, self.target.stack):
            assert left_over(stack) == {}, story
        assert left_over(router.pool.worker.stack) == {}, story
        assert not router.pool.worker.held, story
        recorded = list(router.archive.placed.values())
        assert all(len(reports) == 1 for reports in recorded), story
        assert bool(recorded) == number.startswith("5009"), story
        assert contradictions(self.wire, CALLER) + contradictions(self.wire, TARGET) == [], story
        assert self.caller.voice.faults + self.target.voice.faults == [], story


@pytest.mark.parametrize("number", PLAYED)
def test_one_datagram_lost_and_the_call_goes_through(number: str) -> None:
    whole = Heard(number, -1)
    whole.check(number)
    for lost in range(len(whole.wire.sent)):
        Heard(number, lost).check(f"{number}, without {whole.wire.sent[lost]}")


def test_key_lost_once_is_sent_again_and_counts_once() -> None:
    whole = Heard("5005", -1)
    keys = [
        place
        for place, sent in enumerate(whole.wire.sent)
        if sent.goal == ROUTER
        and isinstance(message := parse(sent.data), Request)
        and message.method == "INFO"
    ]
    assert keys
    for lost in keys:
        (record,) = Heard("5005", lost).router.noted.ended
        assert [which for _, what, which in record.heard or () if what == "key"] == ["1"]
