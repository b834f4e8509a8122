"""A supervisor: hears a conversation of others, is heard by one of both, or by both (D7).

Theory. The supervisor is the only party of a call of its own, with a session at the worker that
bridges the two others. What it hears and by whom it is heard are connections there, so the other
call notices nothing but, if its media went end to end, that it comes by the worker from now on.

Rule. The supervisor's call ends with the conversation, and never the other way round.
"""

from typing import Final, NamedTuple

from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.hunt.hunt import Stopped, hunt
from callrouter.call.flows.ivr.feature_codes import dialled_behind
from callrouter.call.flows.ivr.play_gather import anchor_of, attach, say
from callrouter.call.flows.own_call import RungAlone, give_up
from callrouter.call.legs.events import Deadline
from callrouter.call.services.media import Digit
from callrouter.call.services.record import CallRecord
from callrouter.call.services.supervision import (
    BARGE,
    LISTEN,
    WHISPER,
    SupervisedCall,
    SupervisionOver,
    SupervisorAsks,
    SupervisorLetIn,
)
from callrouter.call.wait import NoMedia, attend, wait
from callrouter.route.values.plan import REFUSED, Hunt, Verdict

_LET_IN_SECONDS: Final = 10.0
"""How long the other call may take: it may have to offer both parties a session first."""
_KEYS: Final = {"4": LISTEN, "5": WHISPER, "6": BARGE}
_REFUSED: Final = "invalid_choice"


class Supervision(NamedTuple):
    """What a supervisor does. who: its extension. mode: one of MODES."""

    who: str
    talk: SupervisedCall
    mode: str


async def supervise_dialled(call: Call, mode: str) -> None:
    """Carry out a feature code: who is dialled behind it is supervised. Raises Over, NoMedia."""
    who = call.facts.extension
    whom = dialled_behind(call)
    outbound, talks = call.dialplan.outbound, call.media.talks
    permission = None if outbound is None else outbound.permissions.get(who)
    talk = None if talks is None else talks.of(whom)
    if permission is None or not permission.supervise:
        await _refuse(call, whom, "its permission has no 'supervise'")
    elif talk is None or talk.id == call.record.id:
        await _refuse(call, whom, "it talks to nobody")
    else:
        await supervise(call, Supervision(who, talk, mode))


async def supervise_called(call: Call, wanted: Hunt, order: Supervision) -> bool:
    """Ring a supervisor, and let it supervise. Raises Over."""
    try:
        answered = await hunt(RungAlone(call, wanted))
    except Stopped:
        answered = None
    if answered is None:
        give_up(call)
    try:
        await supervise(call, order)
    except NoMedia:
        call.record.reason = "no_media"
    call.hung_up(None, NORMAL_CLEARING)
    call.hang_up()
    return True


async def _refuse(call: Call, whom: str, why: str) -> None:
    number = call.number
    place = number.file, number.line
    refused = Verdict("supervise", False, whom, why, *place, result=REFUSED)
    call.record.trace = (*call.record.trace, refused)
    await attach(call, answer=True)
    await say(call, (_REFUSED,))


async def supervise(call: Call, order: Supervision) -> None:
    """Hear a conversation until one side ends it. Raises Over, NoMedia."""
    order.talk.ask(SupervisorAsks(who=order.who, post=call.inbox.post))
    until = call.now + _LET_IN_SECONDS
    let_in = None
    while let_in is None:
        event = await wait(call, until)
        if isinstance(event, SupervisorLetIn):
            let_in = event
        elif isinstance(event, SupervisionOver | Deadline):
            why = event.why if isinstance(event, SupervisionOver) else "it does not answer"
            await _refuse(call, order.talk.id, why)
            return
    number = call.number
    why = f"call {order.talk.id}: {order.mode}"
    heard = Verdict("supervise", True, order.who, why, number.file, number.line)
    call.record.trace = (*call.record.trace, heard)
    anchor_of(call).beside = let_in.slots
    session = await attach(call, answer=True)
    listening = _Listening(call, order, let_in, session)
    call.events.ended.subscribe(listening.ended)
    try:
        await listening.run()
    finally:
        call.events.ended.unsubscribe(listening.ended)


class _Listening:
    """The supervisor, while it is there."""

    __slots__ = ("_call", "_heard_by", "_order", "_others", "_ours", "_session")

    def __init__(
        self, call: Call, order: Supervision, let_in: SupervisorLetIn, session: MediaSession
    ) -> None:
        self._call = call
        self._order = order
        self._session = session
        self._others = (let_in.a_session, let_in.b_session)
        self._ours = let_in.a_session if order.talk.ours_calls else let_in.b_session
        self._heard_by: tuple[str, ...] = ()
        for other in self._others:
            session.slots.hear(session.name, other)
        self._be_heard(order.mode)

    def ended(self, record: CallRecord) -> None:
        """A call is over: perhaps the one that is heard."""
        if record.id == self._order.talk.id:
            self._call.inbox.post(SupervisionOver(why="it is over"))

    async def run(self) -> None:
        """Go on until the conversation is over; 4, 5 and 6 change who hears. Raises Over."""
        while True:
            event = await attend(self._call)
            if isinstance(event, SupervisionOver):
                return
            if isinstance(event, Digit) and event.digit in _KEYS:
                self._be_heard(_KEYS[event.digit])

    def _be_heard(self, mode: str) -> None:
        slots, name = self._session.slots, self._session.name
        wanted: tuple[str, ...] = ()
        if mode == BARGE:
            wanted = self._others
        elif mode == WHISPER:
            wanted = (self._ours,)
        for other in self._others:
            if other in wanted and other not in self._heard_by:
                slots.hear(other, name)
            elif other in self._heard_by and other not in wanted:
                slots.unhear(other, name)
        self._heard_by = wanted
