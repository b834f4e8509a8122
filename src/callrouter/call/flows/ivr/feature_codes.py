"""Feature codes: dialled numbers that switch presence and schedules (B3, B13)."""

from callrouter.call.call import Call
from callrouter.call.flows.ivr.play_gather import attach, say
from callrouter.call.wait import NoMedia
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.values.media_steps import Feature

_SAYS = {"open": "override_open", "closed": "override_closed", "": "override_cleared"}


async def switch(call: Call, feature: Feature) -> None:
    """Switch it, and say so. Raises NoMedia, when it is switched but nobody can say so; Over."""
    if feature.presence is not None:
        # The caller's own extension: who else is away is not for it to say.
        extension = numbers.plain(call.facts.caller)
        if extension not in call.dialplan.extensions:
            raise NoMedia
        if feature.presence:
            call.shared.leave(extension, feature.presence)
        else:
            call.shared.come_back(extension)
        said = "presence_away" if feature.presence else "presence_back"
    else:
        if feature.to:
            call.shared.override(feature.schedule, feature.to == "open", 0.0)
        else:
            call.shared.end_override(feature.schedule)
        said = _SAYS[feature.to]
    await attach(call, answer=True)
    await say(call, (said,))
