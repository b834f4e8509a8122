"""Gateway feedback of calls: whether they are taken."""

import re
from typing import Final

from callrouter.call.legs.events import Failed
from callrouter.call.services.record import LegRecord
from callrouter.call.services.shared_state import GatewayHealth
from callrouter.route.values.plan import Target
from callrouter.sip.message import Response

_NOT_TAKEN: Final = frozenset((408, 503))
_SECONDS: Final = re.compile(r"[ \t]*([0-9]{1,10})(?![0-9])")


def leg_record(target: Target, ms: int) -> LegRecord:
    """Begin the record of a leg."""
    entry = LegRecord(target.name, target.uri, ms)
    if target.gateway:
        entry.gateway = target.gateway
        entry.place = target.place
    entry.rate_plan = target.rate_plan
    entry.extension = target.extension
    entry.caller_id = target.caller_id
    return entry


def answered(health: GatewayHealth, entry: LegRecord) -> None:
    """A gateway brought a call to its end."""
    if entry.gateway:
        health.tried(entry.gateway, entry.place, "", 0.0)


def unreached(health: GatewayHealth, target: Target, status: int) -> None:
    """A gateway never said anything (408), or nothing could be sent to it (503)."""
    if target.gateway and status in _NOT_TAKEN:
        why = "calls are not responded to" if status == 408 else "calls cannot be sent to it"
        health.tried(target.gateway, target.place, why, 0.0)


def ended(health: GatewayHealth, target: Target, event: Failed) -> None:
    """A gateway's leg ended by itself; whatever else it says, it is there."""
    if event.response is None:
        unreached(health, target, event.status)
    elif target.gateway:
        taken = event.status not in _NOT_TAKEN
        rest = retry_after(event.response) if event.status == 503 else 0.0
        why = "" if taken else f"calls are answered {event.status}"
        health.tried(target.gateway, target.place, why, rest)


def by_another_way(event: Failed) -> bool:
    """Whether the next way may do what this one did not (RFC 3263 section 4.3)."""
    return event.response is None or event.status == 503


def retry_after(response: Response) -> float:
    """The seconds of Retry-After, 0 when there are none (RFC 3261 section 20.33)."""
    found = _SECONDS.match(response.get("retry-after"))
    return 0.0 if found is None else float(found[1])
