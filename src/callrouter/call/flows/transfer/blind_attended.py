"""Blind and attended transfer by REFER, between two who talk end to end (RFC 3515, RFC 5589).

A party asks that the other one be connected with somebody else.

Theory. We do it ourselves, and the party that stays never hears of it: it is offered another
description inside its dialog. To a number of the dialplan the call is rung as a new target (blind);
to a call of ours that Replaces names, its far end is taken over (attended). The party that asked is
told how it went by NOTIFY. When it went well it has a while to hang up, on both of its calls where
there are two, before we do; else the call is as it was.
"""

from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.bridge.connect import introduce, resumed
from callrouter.call.flows.transfer.refer import Referral, goal_of, replaces_of
from callrouter.call.flows.transfer.taken_over import NO_DIALOG, take_over, waiting_leg
from callrouter.call.legs.events import Asked
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.pair import Pair
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.teardown import Over
from callrouter.sip.uri import Uri


async def transfer(call: Call, pair: Pair, asked: Asked) -> None:
    """Answer a REFER and do what it asks for; who talks afterwards is in the pair. Raises Over."""
    leg = asked.leg
    uri = goal_of(call, asked)
    stays = pair.other(leg)
    if uri is not None and stays is not None:
        work = _Transfer(call, pair, leg, stays)
        work.accept(asked)
        pair.busy, pair.leaving = True, leg
        await work.carry_out(uri)
        pair.busy, pair.leaving = False, None


class _Transfer(Referral):
    """Between two who talk end to end."""

    __slots__ = ("_pair",)

    def __init__(self, call: Call, pair: Pair, also: Leg, stays: Leg) -> None:
        super().__init__(call, also, stays)
        self._pair = pair

    async def carry_out(self, uri: Uri) -> None:
        """Do it, and say how it went. Raises Over when nobody is left to talk to."""
        replaces = replaces_of(uri)
        user = uri.subscriber()
        new = await (self._attended(replaces, user) if replaces else self._blind(user))
        if new is not None:
            self._pair.replace(self._also, new)
            self.done()
            return
        self.failed()
        if self._left is not None:
            self.call.hung_up(None, NORMAL_CLEARING)
            self.call.hang_up()
            raise Over

    async def _blind(self, user: str) -> Leg | None:
        """Ring a number, and connect who stays with the target that answers."""
        call = self.call
        before = call.b
        new = None
        answered = await self._answered(user)
        if answered is not None:
            leg = answered.leg
            call.connected(leg, answered.response.status)
            leg.ack()
            body, known = leg.theirs, self._told
            theirs = resumed(self._stays.theirs)
            if theirs.count(b"\nm=") != known.count(b"\nm="):
                # Who stays has got more lines meanwhile, and none of them may vanish.
                body = await introduce(call, leg, theirs)
                known = theirs
            new = await self._join(leg, body, known)
        if new is None:
            call.b = before
        return new

    async def _join(self, leg: Leg, body: bytes, known: bytes) -> Leg | None:
        """Connect who stays with another leg, which is hung up on when that fails.

        body: what that one describes. known: what it was told of who stays, b"" for nothing.
        """
        answer = b""
        if body:
            answer = await introduce(self.call, self._stays, body)
        if answer and answer != known:
            answer = await introduce(self.call, leg, answer)
        if answer:
            return leg
        self._unusable(leg)
        return None

    async def _attended(self, replaces: str, user: str) -> Leg | None:
        """Take over the far end of the call that is named, or the queue in which that waits."""
        self._place = waiting_leg(self.call, self._also, replaces)
        if self._place is not None:
            return await self._blind(user)
        far = take_over(self.call, self._also, replaces)
        if far is None:
            self._status = NO_DIALOG
            return None
        new = await self._join(far, resumed(far.theirs), b"")
        if isinstance(new, BLeg) and self._stays is self.call.a:
            self.call.b = new  # as if it had been rung here
        return new
