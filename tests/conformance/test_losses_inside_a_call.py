"""Each message of a request inside a call lost in turn, then each pair: both ends converge.

A caller, callrouter and a target on the virtual wire; one of the two asks something two seconds
into the call, and hangs up when it has its answer.
"""

from itertools import combinations
from typing import Final

import pytest
from support.wire import ROUTER, SDP, Caller, Router, Target, Wire, concluded, left_over

from callrouter.call.legs.events import Answered, Asked, Deadline, HungUp, Lost
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.sip.message import Request, Response

SDP_ROW: Final = "Content-Type: application/sdp\r\n"
KEY_ROW: Final = "Content-Type: application/dtmf-relay\r\n"
ASKS: Final = {
    "re-INVITE": ("INVITE", SDP_ROW, SDP),
    "late offer": ("INVITE", "", b""),
    "UPDATE": ("UPDATE", SDP_ROW, SDP),
    "refresh": ("UPDATE", "", b""),
    "MESSAGE": ("MESSAGE", "Content-Type: text/plain\r\n", b"hello"),
    "INFO": ("INFO", KEY_ROW, b"Signal=1\r\nDuration=160\r\n"),
}
PATIENCE: Final = 60.0
"""Seconds after which a party hangs up without an answer: a re-INVITE that got 100 may get none."""

SET_UP: Final = 9
"""The datagrams until the first ACK has come: INVITE, 100, INVITE, 180, 180, 200, 200, ACK, ACK."""


class Asker:
    """Asks once in a dialog. done: it has a final response, or knows that there is none."""

    def __init__(self, leg: Leg, ask: tuple[str, str, bytes]) -> None:
        method, extra, body = ask
        self.done = False
        self.status = 0
        self._leg = leg
        self._invites = method == "INVITE"
        self._answer = (SDP_ROW, SDP) if self._invites and not body else ("", b"")
        self._cseq = leg.ask(method, extra, body, self)

    def on_response(self, _tx: object, response: Response) -> None:
        if response.status < 200:
            return
        self.done = True
        self.status = response.status
        concluded(self._leg, response)
        if self._invites and response.status < 300:
            self._leg.send_ack(self._cseq, *self._answer)

    def on_failure(self, _tx: object, status: int) -> None:
        self.done = True
        self.status = status
        self._leg.unanswered()


class Heard:
    """Waits for the ACK to an answer."""

    def on_abandoned(self) -> None:
        pass

    def on_acknowledged(self, request: Request) -> None:
        assert request.method == "ACK"


async def talk(leg: Leg, inbox: Inbox, ask: tuple[str, str, bytes] | None) -> int:
    """Ask, if there is something to ask, and hang up; or answer until hung up on."""
    asker: Asker | None = None
    patience = 0.0
    until = leg.stack.now + 2.0 if ask is not None else 0.0
    while True:
        match await inbox.event(until):
            case Deadline() if ask is not None:
                if asker is None:
                    asker = Asker(leg, ask)
                    patience = leg.stack.now + PATIENCE
                elif asker.done or leg.stack.now > patience:
                    leg.hang_up()
                    return asker.status
                until = leg.stack.now + 1.0
            case Asked() as asked:
                invites = asked.request.method == "INVITE"
                body = SDP if invites or asked.request.method == "UPDATE" else b""
                leg.respond(asked.tx, 200, SDP_ROW if body else "", body, Heard())
            case HungUp() | Lost():
                return asker.status if asker is not None else 0
            case _:
                pass


class Callee(Target):
    """Answers, and perhaps asks."""

    def __init__(self, wire: Wire, ask: tuple[str, str, bytes] | None) -> None:
        super().__init__(wire)
        self.ask = ask
        self.status = 0

    async def _take(self, leg: ALeg, inbox: Inbox) -> None:
        leg.ring(180, "", "", b"")
        until = self.stack.now + self.answer_after
        while not isinstance(await inbox.event(until), Deadline):
            pass
        leg.answer(200, "", SDP_ROW, SDP)
        self.status = await talk(leg, inbox, self.ask)


class Story:
    """One call with a request inside, and what was lost of it."""

    def __init__(self, name: str, asked_by: str, lost: frozenset[int]) -> None:
        ask = ASKS[name]
        self.wire = Wire(lambda number: number in lost)
        self.router = Router(self.wire)
        self.callee = Callee(self.wire, ask if asked_by == "callee" else None)
        self.caller = Caller(self.wire)
        self.status = 0
        mine = ask if asked_by == "caller" else None

        async def script(caller: Caller) -> None:
            leg = caller.leg
            assert leg is not None
            while not isinstance(await caller.inbox.event(), Answered):
                pass
            leg.ack()
            self.status = await talk(leg, caller.inbox, mine)
            caller.over = True

        self.caller.call(script)
        self.wire.run()
        self.status = self.status or self.callee.status

    def check(self) -> None:
        story = self.wire.story()
        assert self.router.noted.bugs == [], story
        assert self.caller.over, story
        assert self.status == 200, story
        for stack in (self.caller.stack, self.router.stack, self.callee.stack):
            assert left_over(stack) == {}, story
        (record,) = self.router.noted.ended
        assert (record.status, record.cause) == (200, 16), story
        assert [leg.result for leg in record.legs] == ["answered"], story


@pytest.mark.parametrize("asked_by", ["caller", "callee"])
@pytest.mark.parametrize("name", ASKS)
def test_any_one_or_two_messages_inside_a_call_are_lost_and_it_ends_as_if_none(
    name: str, asked_by: str
) -> None:
    whole = Story(name, asked_by, frozenset())
    whole.check()
    count = len(whole.wire.sent)
    asked = {datagram.data.split(b" ", 1)[0] for datagram in whole.wire.sent[SET_UP:]}
    assert ASKS[name][0].encode() in asked
    assert whole.wire.sent[SET_UP].goal == ROUTER
    # Two more: what is sent again because of the first loss may be the second.
    for number in range(SET_UP, count):
        Story(name, asked_by, frozenset((number,))).check()
    for pair in combinations(range(SET_UP, count + 2), 2):
        Story(name, asked_by, frozenset(pair)).check()


@pytest.mark.parametrize("asked_by", ["caller", "callee"])
@pytest.mark.parametrize("name", ASKS)
def test_nothing_arrives_any_more_from_a_request_of_ours_on_and_callrouter_ends_the_call(
    name: str, asked_by: str
) -> None:
    sent = Story(name, asked_by, frozenset()).wire.sent
    # Only who asks learns that nobody hears: an answer or an ACK that is lost tells nothing.
    ours = [
        number
        for number in range(SET_UP, len(sent))
        if sent[number].source == ROUTER
        and not sent[number].data.startswith((b"SIP/2.0 ", b"ACK "))
    ]
    assert len(ours) == 2
    for number in ours:
        told = Story(name, asked_by, frozenset(range(number, 1000)))
        story = told.wire.story()
        assert told.router.noted.bugs == [], story
        assert len(told.router.noted.ended) == 1, story
        assert left_over(told.router.stack) == {}, story
