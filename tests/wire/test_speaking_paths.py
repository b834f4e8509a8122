"""Whatever happens to the workers, two who are connected send their media to each other.

Calm parties: nobody leaves before it has talked for a while. At the end of the talk what each was
told last of the other is held against where that one is: end to end, or at two sessions that the
worker bridges. The worker is lost, or a party moves, at each moment of the call in turn.
"""

from collections.abc import Callable

import pytest
from descriptions import contradictions
from spoken import KEY_ROW, SDP_ROW, Asker, SpokenRouter, Voice, compiled
from support.wire import (
    CALLER,
    TARGET,
    Wire,
    left_over,
    placed,
)

from callrouter.call.legs.events import (
    Acknowledged,
    Answered,
    Asked,
    Deadline,
    Failed,
    HungUp,
    Lost,
)
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.simulate.virtual_workers import WORKER_HOST
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.sdp import Audio, usable_audio

ENDS = 16.0
MOMENTS = tuple(step * 0.25 for step in range(48))
CALLS = {
    "5003": ("", ""),  # a greeting
    "5004": ("", ""),  # one that answers
    "5005": ("1", ""),  # a menu
    "5009": ("", ""),  # recorded
    "5010": ("", "1"),  # recorded, and confirmed
    "5012": ("", ""),  # with hold music
    "5013": ("", "1"),  # confirmed
    "5014": ("", "5"),  # three together, confirmed
    "5015": ("", ""),  # a survey
    "5017": ("", ""),  # and a greeting that answers
}


class Calm:
    """One end. leg: its only one that was answered. late: it describes nothing at first."""

    def __init__(self, wire: Wire, place: tuple[str, int], keys: str, *, late: bool) -> None:
        self.stack = wire.stack(place)
        self.stack.core = self
        self.place = place
        self.keys = keys
        self.late = late
        self.leg: Leg | None = None
        self.voice = Voice(place[0], 1)

    def move(self, _now: float) -> None:
        """Take media somewhere else from now on, if that can be said now."""
        leg = self.leg
        if leg is not None and leg.may_offer():
            self.voice.port = 4010
            Asker(leg, self.voice, "INVITE", SDP_ROW, self.voice.describe())

    def call(self, number: str) -> None:
        body = b"" if self.late else self.voice.describe()
        self.voice.offered = body
        inbox = Inbox(self.stack.timers)
        leg = placed(self.stack, inbox, number, body, user="101")
        inbox.start(self._wait(leg, inbox))

    async def _wait(self, leg: BLeg, inbox: Inbox) -> None:
        while True:
            match await inbox.event():
                case Answered() as answered:
                    body = answered.response.body
                    if not leg.late:
                        self.voice.answered(body)
                        leg.ack()
                    else:
                        leg.ack(SDP_ROW, self.voice.answer(body))
                    await self._talk(leg, inbox, self.stack.now + 1.0)
                    return
                case Failed():
                    return
                case _:
                    pass

    def on_request(self, request: Request, flow: Flow) -> None:
        tx = self.stack.accept(request, flow)
        inbox = Inbox(self.stack.timers)
        leg = ALeg(self.stack, inbox, tx, request, contact_uri(request))
        inbox.start(self._take(leg, inbox, request))

    async def _take(self, leg: ALeg, inbox: Inbox, request: Request) -> None:
        voice = Voice(self.place[0], 2)
        body = voice.answer(request.body) if request.body else voice.describe()
        voice.offered = body
        if not isinstance(await inbox.event(self.stack.now + 2.0), Deadline):
            leg.reject(487)
            return
        leg.answer(200, "", SDP_ROW, body)
        if self.leg is None:
            self.voice = voice
            await self._talk(leg, inbox, self.stack.now + 1.5)

    async def _talk(self, leg: Leg, inbox: Inbox, presses: float) -> None:
        self.leg = leg
        while True:
            match await inbox.event(presses):
                case Deadline():
                    presses = 0.0
                    for key in self.keys:
                        Asker(leg, self.voice, "INFO", KEY_ROW, f"Signal={key}\r\n".encode())
                case Acknowledged() as acknowledged:
                    self.voice.answered(acknowledged.request.body)
                case Asked() as asked if asked.request.method == "INVITE":
                    leg.respond(asked.tx, 200, SDP_ROW, self.voice.answer(asked.request.body))
                case Asked() as asked:
                    leg.respond(asked.tx, 200)
                case HungUp() | Lost():
                    self.leg = None
                    return

    def told(self) -> Audio:
        """Where its media goes."""
        theirs = self.voice.theirs
        assert theirs is not None
        audio = usable_audio(theirs)
        assert audio is not None
        return audio


class Path:
    """One call, and what happens to it at a moment."""

    def __init__(self, number: str, *, late: bool = False) -> None:
        self.wire = Wire()
        self.router = SpokenRouter(self.wire, compiled())
        pressed, confirmed = CALLS[number]
        self.caller = Calm(self.wire, CALLER, pressed, late=late)
        self.target = Calm(self.wire, TARGET, confirmed, late=False)
        self.caller.call(number)

    def at(self, moment: float, act: Callable[[float], None]) -> None:
        self.router.stack.timers.start(moment, act)

    def lose(self, _now: float) -> None:
        self.router.pool.lose()

    def check(self, story: str) -> bool:
        """Talk to the end; whether the two were connected."""
        self.wire.run(ENDS)
        story = f"{story}\n{self.wire.story()}"
        (record,) = self.router.noted.started
        assert self.router.noted.bugs == [], story
        connected = any(leg.result == "answered" for leg in record.legs)
        if connected and record.ended_ms == 0:
            self.connected(story)
        self.router.calls.end_all()
        self.wire.run()
        assert left_over(self.router.stack) == {}, story
        assert self.caller.voice.faults + self.target.voice.faults == [], story
        assert contradictions(self.wire, CALLER) + contradictions(self.wire, TARGET) == [], story
        for file, reports in self.router.archive.placed.items():
            assert len(reports) == 1, (story, file)
        return connected

    def connected(self, story: str) -> None:
        """Each sends its media to where the other is."""
        here, there = self.caller.told(), self.target.told()
        ends = [(CALLER[0], self.caller.voice.port), (TARGET[0], self.target.voice.port)]
        if WORKER_HOST not in {here.host, there.host}:
            assert [(there.host, there.port), (here.host, here.port)] == ends, story
            return
        sessions = [
            next(
                (session, slots)
                for slots in self.router.pool.worker.held
                for session in slots.sessions.values()
                if audio.host == WORKER_HOST and session.port == audio.port
            )
            for audio in (here, there)
        ]
        (mine, slots), (theirs, _) = sessions
        assert frozenset((mine.name, theirs.name)) in slots.bridged, story
        heard = [
            session.audio and (session.audio.host, session.audio.port) for session in (mine, theirs)
        ]
        assert heard == ends, story


@pytest.mark.parametrize("number", CALLS)
@pytest.mark.parametrize("late", [False, True])
def test_undisturbed_call_is_connected_and_both_hear_each_other(number: str, late: bool) -> None:
    assert Path(number, late=late).check(number)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("number", CALLS)
def test_worker_lost_at_any_moment_and_who_is_connected_still_hears(
    number: str, late: bool
) -> None:
    for moment in MOMENTS:
        path = Path(number, late=late)
        path.at(moment, path.lose)
        path.check(f"{number}, lost at {moment}")


@pytest.mark.parametrize("number", CALLS)
def test_caller_who_moves_at_any_moment_is_found_again(number: str) -> None:
    for moment in MOMENTS:
        path = Path(number)
        path.at(moment, path.caller.move)
        path.check(f"{number}, caller moves at {moment}")


@pytest.mark.parametrize("number", CALLS)
def test_target_that_moves_at_any_moment_is_found_again(number: str) -> None:
    for moment in MOMENTS:
        path = Path(number)
        path.at(moment, path.target.move)
        path.check(f"{number}, target moves at {moment}")
