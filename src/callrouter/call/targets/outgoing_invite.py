"""The INVITE to a target: what it says of the caller and of us, decided by values alone.

Theory. The caller's INVITE, how both peers are dealt with and the next hop are all that it depends
on. What the caller describes of its media, or we do for it, is no affair of these rows.
"""

from typing import NamedTuple

from callrouter.call.interwork.caller_identity import (
    CALLING,
    identity_rows,
    line_identity,
    line_identity_rows,
    shown_caller,
)
from callrouter.call.interwork.diversion import DiversionTarget, forwarded_rows, reason_of
from callrouter.call.legs.option_tags import supported
from callrouter.call.targets.next_hop import NextHop
from callrouter.route.rules.peer_profile import PeerProfile
from callrouter.route.values.plan import Target
from callrouter.sip.message import Request
from callrouter.sip.uas import ALLOW


class OutgoingInvite(NamedTuple):
    """What an INVITE to a target says. from_value: of From, without its tag.

    rows: all but those of the dialog, those that pass from the caller's INVITE at the end.
    """

    from_value: str
    rows: str


class Forwarding(NamedTuple):
    """That a call was for another number before. called: the one that forwards it.

    goal: where it goes on to, and why.
    """

    called: str
    goal: DiversionTarget


def forwarding(
    target: Target, uri: str, number: int, called: str, last: str, *, timed: bool, trusted: bool
) -> Forwarding:
    """Why a call goes on to a target that is told so.

    uri: the Request-URI. number: of the leg, from 1. last: the result of the target before, ""
    for none. timed: the time of day chose the first. trusted: it may know who wants to be hidden.
    """
    on = target.redirections
    reason = reason_of(on[0].after if on else last, timed=timed)
    told = (target.diversion, target.history_info)
    return Forwarding(called, DiversionTarget(uri, number, reason, *told, on, trusted))


def outgoing_invite(
    invite: Request,
    source: PeerProfile,
    sink: PeerProfile,
    hop: NextHop,
    *,
    hops: int,
    reliable: bool,
    anchored: bool,
    passing: str,
    forwarded: Forwarding | None,
    caller_id: str = "",
) -> OutgoingInvite:
    """The INVITE to a target.

    invite, source: of the caller. hops: its Max-Forwards. reliable: it takes reliable responses.
    anchored: its media may be with us, so that nobody can take its place. passing: the rows that
    pass, with that of the body. forwarded: None where the target is not told. caller_id: the number
    that is shown, "" for the caller's own.
    """
    # An offer in a reliable response needs an answer in its PRACK, the caller's to give.
    reliable = sink.reliable and (reliable or bool(invite.body))
    able = supported(reliable=reliable, replaces=not anchored, timer=True)
    rows = f"{hop.routes}Max-Forwards: {hops - 1}\r\n{ALLOW}{able}"
    if caller_id:
        rows += line_identity_rows(invite, sink, caller_id, hop.host)
    else:
        rows += identity_rows(invite, source, sink, hop.host, CALLING)
    if forwarded is not None:
        rows += forwarded_rows(invite, forwarded.called, forwarded.goal, hop.host)
    shown = (
        line_identity(invite, sink, caller_id, hop.host)
        if caller_id
        else shown_caller(invite, sink, hop.host)
    )
    return OutgoingInvite(shown, f"{rows}{passing}")
