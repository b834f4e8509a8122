"""What a caller may ask for in its INVITE, looked at before there is a call."""

from callrouter.call.prack import REL, named_in
from callrouter.call.session_timer import least_row, too_short
from callrouter.route.peers import Peer
from callrouter.sip.message import Request
from callrouter.sip.uas import RefusedError


def check_extensions(request: Request, peer: Peer) -> None:
    """Refuse an INVITE whose terms its trunk is not to have.

    Raises RefusedError: 422 with Min-SE for an interval that is too short (RFC 4028 section 9), 420
    with Unsupported.
    """
    headers = request.headers
    rule = peer.timer
    if rule is not None and "session-expires" in headers and too_short(request, rule):
        raise RefusedError("the session interval is too short", 422, least_row(rule))
    if "require" in headers:
        if not peer.reliable and named_in(request, "require"):
            raise RefusedError("no reliable responses here", 420, f"Unsupported: {REL}\r\n")
        if rule is None and named_in(request, "require", "timer"):
            raise RefusedError("no session timers here", 420, "Unsupported: timer\r\n")
