"""Option tags: what an INVITE may ask for, looked at before there is a call, and what we can do."""

from itertools import product
from typing import Final

from callrouter.call.legs.provisional import REL, named_in
from callrouter.call.legs.session_timer import least_row, too_short
from callrouter.route.rules.peer_profile import PeerProfile
from callrouter.sip.message import Request
from callrouter.sip.uas import RefusedError


def _row(reliable: bool, replaces: bool, timer: bool) -> str:
    said = [REL] * reliable + ["replaces"] * replaces + ["timer"] * timer
    return f"Supported: {', '.join(said)}\r\n" if said else ""


_SUPPORTED: Final = {told: _row(*told) for told in product((False, True), repeat=3)}


def supported(*, reliable: bool, replaces: bool, timer: bool) -> str:
    """The row of our extensions in a message of a call (RFC 3262, RFC 3891, RFC 4028).

    replaces: another may take the place of the peer. That is so where two talk end to end; whose
    media is with us talks to nobody who could be connected anew.
    """
    return _SUPPORTED[reliable, replaces, timer]


def check_extensions(request: Request, peer: PeerProfile) -> None:
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
