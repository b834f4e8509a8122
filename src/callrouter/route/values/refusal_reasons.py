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
FORWARDED_TOO_OFTEN: Final = "forwarded_too_often"
UNUSABLE_OFFER: Final = "unusable_offer"
NOT_RECORDABLE: Final = "not_recordable"

USUAL: Final[Mapping[str, Refusal]] = {
    refusal.reason: refusal
    for refusal in (
        Refusal(UNKNOWN_TRUNK, 403, 21),
        Refusal(UNKNOWN_NUMBER, 404, 1),
        Refusal(NOT_FROM_HERE, 404, 1),
        Refusal(SUSPENDED, 480, 31),
        Refusal(NOT_LISTED, 403, 21),
        Refusal(BLOCKED_CALLER, 403, 21),
        Refusal(AUTO_BLOCKED, 403, 21),
        Refusal(BLOCKED_BY_HAND, 403, 21),
        Refusal(AREA_REFUSED, 486, 17),
        Refusal(COUNTRY_REFUSED, 403, 21),
        Refusal(OVER_LIMIT, 486, 17),
        Refusal(OUT_OF_HOURS, 480, 18),
        Refusal(NO_TARGET_LEFT, 503, 34),
        Refusal(FORWARDED_TOO_OFTEN, 482, 25),
        Refusal(UNUSABLE_OFFER, 488, 88),
        Refusal(NOT_RECORDABLE, 488, 88),
    )
}
"""By reason. `no_target_left` is for when nothing could be rung at all; what was rung has given
its own answer, which is passed on.
"""
