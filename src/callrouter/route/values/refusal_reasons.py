"""Refusal reasons, and what is answered to each when nobody says otherwise."""

from collections.abc import Mapping
from typing import Final

from callrouter.route.values.plan import Refusal

UNKNOWN_TRUNK: Final = "unknown_trunk"
UNKNOWN_NUMBER: Final = "unknown_number"
NOT_FROM_HERE: Final = "not_from_here"
SUSPENDED: Final = "suspended"
NOT_LISTED: Final = "not_listed"
BLOCKED_CALLER: Final = "blocked_caller"
AUTO_BLOCKED: Final = "auto_blocked"
BLOCKED_BY_HAND: Final = "blocked_by_hand"
AREA_REFUSED: Final = "area_refused"
COUNTRY_REFUSED: Final = "country_refused"
OVER_LIMIT: Final = "over_limit"
OUT_OF_HOURS: Final = "out_of_hours"
NO_TARGET_LEFT: Final = "no_target_left"
AWAY: Final = "away"
BARRED: Final = "barred"
OUTGOING_LIMIT: Final = "outgoing_limit"
FORWARDED_TOO_OFTEN: Final = "forwarded_too_often"
UNUSABLE_OFFER: Final = "unusable_offer"
NOT_RECORDABLE: Final = "not_recordable"
QUEUE_FULL: Final = "queue_full"
QUEUE_TIMEOUT: Final = "queue_timeout"
NO_CREDIT: Final = "no_credit"
NOT_CONNECTED: Final = "not_connected"
DISCONNECTED: Final = "disconnected"
RECLAIMED: Final = "reclaimed"

USUAL: Final[Mapping[str, Refusal]] = {
    refusal.reason: refusal
    for refusal in (
        Refusal(reason=UNKNOWN_TRUNK, status=403, cause=21),
        Refusal(reason=UNKNOWN_NUMBER, status=404, cause=1),
        Refusal(reason=NOT_FROM_HERE, status=404, cause=1),
        Refusal(reason=SUSPENDED, status=480, cause=31),
        Refusal(reason=NOT_LISTED, status=403, cause=21),
        Refusal(reason=BLOCKED_CALLER, status=403, cause=21),
        Refusal(reason=AUTO_BLOCKED, status=403, cause=21),
        Refusal(reason=BLOCKED_BY_HAND, status=403, cause=21),
        Refusal(reason=AREA_REFUSED, status=486, cause=17),
        Refusal(reason=COUNTRY_REFUSED, status=403, cause=21),
        Refusal(reason=OVER_LIMIT, status=486, cause=17),
        Refusal(reason=OUT_OF_HOURS, status=480, cause=18),
        Refusal(reason=NO_TARGET_LEFT, status=503, cause=34),
        Refusal(reason=AWAY, status=480, cause=20),
        Refusal(reason=BARRED, status=403, cause=21),
        Refusal(reason=OUTGOING_LIMIT, status=403, cause=21),
        Refusal(reason=FORWARDED_TOO_OFTEN, status=482, cause=25),
        Refusal(reason=UNUSABLE_OFFER, status=488, cause=88),
        Refusal(reason=NOT_RECORDABLE, status=488, cause=88),
        Refusal(reason=QUEUE_FULL, status=486, cause=17),
        Refusal(reason=QUEUE_TIMEOUT, status=480, cause=19),
        # RFC 3398 section 8.2.6.1 has 21 for a 402.
        Refusal(reason=NO_CREDIT, status=402, cause=21),
        Refusal(reason=NOT_CONNECTED, status=404, cause=1),
        Refusal(reason=DISCONNECTED, status=410, cause=22),
        Refusal(reason=RECLAIMED, status=404, cause=1),
    )
}
"""By reason. `no_target_left` is for when nothing could be rung at all; what was rung has given
its own answer, which is passed on.
"""

OF_LIVES: Final[Mapping[str, str]] = {
    "reserved": NOT_CONNECTED,
    "suspended": SUSPENDED,
    "disconnecting": DISCONNECTED,
    "gone": DISCONNECTED,
    "reclaimed": RECLAIMED,
}
"""Why a number takes no calls, by the state of its life."""
