"""The connected party: what a caller is told of the target that rings or answers."""

from callrouter.call.interwork.caller_identity import CALLED, identity_rows
from callrouter.call.interwork.header_policy import is_private, passed_rows
from callrouter.call.legs.events import Answered, Progress
from callrouter.call.legs.leg import Leg
from callrouter.sip.body import SDP_ROW


def rows_of(event: Progress | Answered, caller: Leg) -> str:
    """The rows of its response, who it is said to be among them (RFC 3325 section 5)."""
    source = event.leg.peer
    if "privacy" in event.response.headers and is_private(event.response):
        event.leg.private = True
    rows = passed_rows(event.response, source, caller.peer, private=event.leg.private)
    if source.trusted:
        host = caller.dialog.flow.sent_by
        rows += identity_rows(event.response, source, caller.peer, host, CALLED)
    return rows


def answer_of(event: Answered, caller: Leg) -> tuple[str, bytes]:
    """The rows and the body of the 2xx, which is the target's own description.

    A target that has described its session in a reliable response may leave it out (RFC 3262
    section 5). So does the 2xx then, to a caller who got it reliably as well. An offer that the
    caller has answered by its PRACK is made once (RFC 3261 section 13.2.1).
    """
    response = event.response
    if event.leg.owes_answer and caller.told(event.fork) and response.body == caller.ours:
        response.body = b""
    rows = rows_of(event, caller)
    body = response.body
    if not body and not caller.told(event.fork):
        return f"{rows}{SDP_ROW}", event.leg.theirs
    return rows, body
