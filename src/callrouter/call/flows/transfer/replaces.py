"""An INVITE that takes the place of a party of a call in progress (RFC 3891)."""

from callrouter.call.call import Call
from callrouter.call.flows.bridge.connect import introduce, resumed
from callrouter.call.interwork.header_policy import passed_rows
from callrouter.call.legs.events import Replacing
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.pair import Pair
from callrouter.errors import ParseError
from callrouter.sip.headers import parse_params
from callrouter.sip.stack import Stack

_NOT_ACCEPTABLE = 488


def replaced_leg(stack: Stack, value: str) -> Leg | None:
    """The leg that a Replaces value names by its Call-ID and both tags; None for none of ours.

    Only one that talks to another can be replaced (section 3).
    """
    call_id, semicolon, rest = value.partition(";")
    try:
        params = parse_params(semicolon + rest)
    except ParseError:
        return None
    ours, theirs = params.get("to-tag", ""), params.get("from-tag", "")
    leg = stack.dialogs.get(ours)
    if leg is None or not theirs or leg.call_id != call_id.strip(" \t"):
        return None
    if not isinstance(leg, Leg) or leg.dialog.remote_tag != theirs:
        return None
    pair = None if leg.inbox is None else leg.inbox.pair
    return leg if pair is not None and not pair.busy else None


async def replace(call: Call, pair: Pair, event: Replacing) -> None:
    """Connect who came with who the replaced leg talks to. Raises Over."""
    old, new = event.leg, event.by
    stays = pair.other(old)
    if stays is None or pair.busy or not event.request.body:
        new.reject(_NOT_ACCEPTABLE)
        return
    pair.busy = True
    answer = await introduce(call, stays, resumed(event.request.body))
    pair.busy = False
    if not answer:
        new.reject(_NOT_ACCEPTABLE)
        return
    rows = passed_rows(event.request, new.peer, new.peer)
    new.answer(200, "", rows, answer)
    pair.replace(old, new)
    call.moved()
    old.hang_up()
    if old is not call.a:
        old.release()
