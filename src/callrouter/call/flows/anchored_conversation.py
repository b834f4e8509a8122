"""A conversation of two parties through the worker: recorded, with hold music (C6, C7, C11)."""

from typing import Final

from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.anchored_media import AnchoredMedia
from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.bridge.dtmf_relay import Crossing
from callrouter.call.flows.bridge.recorder import Recorder
from callrouter.call.flows.hold_music import HoldMusic
from callrouter.call.flows.transfer.anchored_transfer import move
from callrouter.call.legs.events import Asked, Deadline, HungUp, Lost, RecordAsked, TakenOver
from callrouter.call.legs.pair import Pair
from callrouter.call.queue_place import PutInQueue
from callrouter.call.services.media import Digit, Recorded
from callrouter.call.services.supervision import SupervisionOver, SupervisorAsks, SupervisorLetIn
from callrouter.call.teardown import Over
from callrouter.call.wait import NoMedia, attend
from callrouter.route.values.plan import Verdict

RECORD_CODE: Final = "*1"
"""What our side presses to start a recording, or to stop it: the callee, or who calls outside."""
_CODE_SECONDS: Final = 1.5
"""How long a key with which the code may begin waits for the next."""


class Talk:
    """A conversation through the worker, from the answer to its end."""

    __slots__ = (
        "_a_session",
        "_anchor",
        "_asks",
        "_b_session",
        "_begun",
        "_call",
        "_crossing",
        "_hold_music",
        "_recorder",
        "_supervisors",
        "_until",
    )

    def __init__(
        self,
        call: Call,
        anchor: AnchoredMedia,
        a_session: MediaSession,
        b_session: MediaSession,
    ) -> None:
        self._call = call
        self._anchor = anchor
        self._a_session = a_session
        self._b_session = b_session
        self._hold_music = HoldMusic(call, a_session, b_session)
        self._crossing = Crossing(call, anchor)
        self._begun: list[Digit] = []
        self._until = 0.0
        self._supervisors: list[SupervisorAsks] = []
        rule = anchor.recording
        keeping = call.media.keeping
        self._recorder = None
        self._asks = a_session.name if rule is not None and rule.outgoing else b_session.name
        if rule is not None and keeping is not None:
            self._recorder = Recorder(call, anchor, keeping, rule)
            if rule.at_once:
                self._recorder.start()
            if rule.outgoing and rule.notice and not anchor.noticed:
                self._announce(rule.notice)

    def _announce(self, prompt: str) -> None:
        """Let both hear that they are recorded; they hear each other meanwhile."""
        self._anchor.noticed = True
        sounds = [sound.path for sound in self._anchor.sounds((prompt,))]
        if sounds:
            for session in (self._a_session, self._b_session):
                session.slots.play(session.name, sounds)
            self._anchor.note("played", prompt)

    def _dial_behind(self) -> None:
        """Press what was dialled behind the number, once, now that somebody is there."""
        voice = self._call.plan.voice
        if voice is not None and voice.digits and not self._anchor.dialled:
            self._anchor.dialled = True
            for key in voice.digits:
                self._crossing.pass_on(
                    Digit(session=self._a_session.name, digit=key, method="rfc4733"),
                    self._call.b,
                )

    async def run(self, asks: SupervisorAsks | None = None) -> HungUp | Lost:
        """Go on until the callee leaves; returns how. Raises Over when the caller does, NoMedia
        when the worker is lost, PutInQueue when the callee has put the caller there.

        asks: who is to be let in at once.
        """
        if asks is not None:
            self._let_in(asks)
        recorder = self._recorder
        self._anchor.crossing = True
        self._dial_behind()
        how: HungUp | Lost | Over | PutInQueue | None = None
        call = self._call
        if call.b is None:
            raise Over
        pair = call.inbox.anchored = Pair(call.a, call.b)
        try:
            while how is None:
                event = await attend(call, self._until, refers=True)
                if isinstance(event, Asked | HungUp | Lost) and event.leg is call.b:
                    how = await self._left(event, pair)
                elif isinstance(event, TakenOver):
                    how = self._taken_over(event)
                else:
                    self._on(event)
            self._anchor.crossing = False
        except NoMedia:
            if recorder is not None:
                recorder.broken()
            raise
        except (Over, PutInQueue) as ends:
            how = ends
        finally:
            call.inbox.anchored = None
        if recorder is not None:
            await recorder.finish()
        if isinstance(how, Over | PutInQueue):
            raise how
        return how

    def _part(self) -> None:
        """The caller waits in a queue from now on: it hears the callee no more."""
        self._anchor.crossing = False
        slots = self._a_session.slots
        self._hold_music.stop()
        slots.unbridge(self._a_session.name, self._b_session.name)
        for leg in [*self._anchor.callees]:
            self._anchor.recycle(leg)
        for asks in self._supervisors:
            asks.post(SupervisionOver(why="the caller waits in a queue"))

    async def _left(self, event: Asked | HungUp | Lost, pair: Pair) -> HungUp | Lost | None:
        """What the callee does; returns how it left, None while somebody is there."""
        if not isinstance(event, Asked):
            return event
        left = None
        if event.request.method == "REFER":
            call = self._call
            pair.busy = True
            try:
                left = await move(call, self._anchor, event, self._on)
            except PutInQueue:
                self._part()
                raise
            pair.busy = False
            if call.b is not None and call.b is not event.leg:
                pair.replace(event.leg, call.b)
        self._hold_music.renegotiated()
        return left

    def _taken_over(self, event: TakenOver) -> Over:
        """Who the leaving party talked to goes on in another call."""
        self._call.hung_up(event.leg, NORMAL_CLEARING)
        event.leg.let_leave()
        return Over()

    def _on(self, event: object) -> None:
        if isinstance(event, Asked):
            self._hold_music.renegotiated()
        elif isinstance(event, Recorded) and self._recorder is not None:
            self._recorder.ended(event)
        elif isinstance(event, RecordAsked) and self._recorder is not None:
            if event.on != self._recorder.on:
                self._toggle()
        elif isinstance(event, Digit):
            if self._recorder is not None and event.session == self._asks:
                self._code(event)
            else:
                self._pass_on(event)
        elif isinstance(event, Deadline):
            self._let_through()
        elif isinstance(event, SupervisorAsks):
            self._let_in(event)

    def _let_in(self, asks: SupervisorAsks) -> None:
        """Let a supervisor hear both; the record says that it did."""
        call, number = self._call, self._call.number
        why = f"extension {asks.who} supervises, after {call.ms() // 1000} s"
        heard = Verdict("supervise", True, asks.who, why, number.file, number.line)
        call.record.trace = (*call.record.trace, heard)
        self._supervisors.append(asks)
        asks.post(
            SupervisorLetIn(
                slots=self._a_session.slots,
                a_session=self._a_session.name,
                b_session=self._b_session.name,
            )
        )

    def _code(self, event: Digit) -> None:
        """A key of who may dial the code: what cannot begin it crosses, the code never."""
        begun = self._begun
        begun.append(event)
        while begun and not RECORD_CODE.startswith("".join(key.digit for key in begun)):
            self._pass_on(begun.pop(0))
        if len(begun) == len(RECORD_CODE):
            begun.clear()
            self._toggle()
        self._until = self._call.now + _CODE_SECONDS if begun else 0.0

    def _pass_on(self, event: Digit) -> None:
        self._crossing.pass_on(event, self._call.b)

    def _let_through(self) -> None:
        """The code was begun, and not finished in time: the keys are for the other party."""
        for key in self._begun:
            self._pass_on(key)
        self._begun.clear()
        self._until = 0.0

    def _toggle(self) -> None:
        if self._recorder is None:
            return
        if self._recorder.on:
            self._recorder.stop()
        else:
            self._recorder.start()
