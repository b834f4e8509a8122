"""The far end of another call that Replaces names: taken over into the call of who asks for it.

Rule. Only who has both calls may connect them: the same trunk, or the same address.
"""

from typing import Final

from callrouter.call.call import Call
from callrouter.call.legs.events import TakenOver
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.pair import named_leg
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.services.record import LegRecord

NO_DIALOG: Final = 481
"""What is said when there is none to be taken over."""


def take_over(call: Call, also: Leg, replaces: str, *, rung: bool = False) -> Leg | None:
    """Take over who the named leg of another call talks to; None when there is nobody.

    The other call is over then. also: the leg of who asks. rung: only whom that call has rung.
    """
    named = named_leg(call.stack, replaces)
    inbox = None if named is None else named.inbox
    if named is None or inbox is None or inbox is call.inbox:
        return None
    pair = inbox.pair or inbox.anchored
    if pair is None or pair.busy:
        return None
    far = pair.other(named)
    if (
        far is None
        or far.inbox is not inbox
        or not far.reachable()
        or not _is_same_party(call, also, named)
    ):
        return None
    if rung and not isinstance(far, BLeg):
        return None
    far.inbox = call.inbox
    _note(call, far)  # first, or it would be in no call for a moment, and free for a queue
    inbox.post(TakenOver(named))
    call.events.dialog_begun(call.record, far.call_id, "transferred")
    return far


def waiting_leg(call: Call, also: Leg, replaces: str) -> Leg | None:
    """The named leg, when who asks waits in a queue by it; None when nobody does.

    also: the leg of who asks.
    """
    named = named_leg(call.stack, replaces)
    if named is None or named.inbox is None or not named.inbox.queued:
        return None
    return named if _is_same_party(call, also, named) else None


def _note(call: Call, leg: Leg) -> None:
    """Note that a leg of another call, which is answered there, talks in this one now."""
    entry = LegRecord("transferred", leg.dialog.target, call.ms())
    entry.answered_ms = call.ms()
    entry.status = 200
    entry.result = "answered"
    if isinstance(leg, BLeg) and leg.target is not None:
        entry.extension = leg.target.extension or leg.target.name
        if leg.target.extension:  # the line that the other call held is given back
            call.lines.count_once(f"extension {leg.target.extension}")
    call.record.legs.append(entry)
    if call.events.leg.subscribers:
        call.leg_changed(entry)


def _is_same_party(call: Call, also: Leg, named: Leg) -> bool:
    dialplan = call.dialplan
    mine, other = also.dialog.flow, named.dialog.flow
    trunk = dialplan.trunk_of(mine.remote_host, mine.peers)
    known = trunk is not None and trunk is dialplan.trunk_of(other.remote_host, other.peers)
    return known or mine.remote_host == other.remote_host
