"""Headers of the INVITE to a target, beside its addresses and its media."""

from typing import TYPE_CHECKING

from callrouter.call.interwork.caller_identity import CALLING, identity_rows
from callrouter.call.interwork.diversion import DiversionTarget, forwarded_rows, reason_of
from callrouter.call.legs.option_tags import supported
from callrouter.call.targets.next_hop import NextHop
from callrouter.route.rules.peer_profile import PeerProfile
from callrouter.route.values.plan import Target
from callrouter.sip.message import Request
from callrouter.sip.uas import ALLOW

if TYPE_CHECKING:
    from callrouter.call.call import Call


def invite_rows(
    call: "Call", invite: Request, target: Target, peer: PeerProfile, way: NextHop, hops: int
) -> str:
    """The rows, but those that pass. hops: Max-Forwards as it came."""
    host = way.host
    # An offer in a reliable response needs an answer in its PRACK, which is the caller's to give.
    reliable = peer.reliable and (call.a.reliable is not None or bool(invite.body))
    able = supported(reliable=reliable, replaces=call.speech is None, timer=True)
    rows = f"{way.routes}Max-Forwards: {hops - 1}\r\n{ALLOW}{able}"
    rows += identity_rows(invite, call.a.peer, peer, host, CALLING)
    if target.diversion or target.history_info:
        on = target.redirections
        reason = reason_of(on[0].after if on else call.last_result, timed=call.plan.timed)
        number = len(call.record.legs)
        told = (target.diversion, target.history_info)
        goal = DiversionTarget(way.uri, number, reason, *told, on, peer.trusted)
        rows += forwarded_rows(invite, call.dialplan.called_by(call.facts), goal, host)
    return rows
